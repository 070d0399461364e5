job "backup" {
  datacenters = ["dc1"]
  type        = "batch"

  periodic {
    cron             = "*/15 * * * * *"
    prohibit_overlap = true
  }

  group "backup" {
    task "dump" {
      driver = "exec"
      config {
        command = "/usr/local/bin/dump.sh"
        args    = ["--all"]
      }
      restart {
        attempts = 5
        mode     = "fail"
      }
      dispatch_payload {
        file = "input.json"
      }
    }
  }
}
