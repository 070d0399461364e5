job "policies" {
  datacenters = ["dc1"]
  all_at_once = false

  reschedule {
    delay          = "30s"
    delay_function = "exponential"
    max_delay      = "1h"
    unlimited      = true
  }

  migrate {
    max_parallel     = 1
    health_check     = "task_states"
    min_healthy_time = "10s"
    healthy_deadline = "5m"
  }

  group "g" {
    count = 1

    reschedule {
      attempts       = 15
      interval       = "1h30m"
      delay          = "5s"
      delay_function = "fibonacci"
      max_delay      = "120s"
      unlimited      = false
    }

    ephemeral_disk {
      sticky  = true
      migrate = true
      size    = 500
    }

    scaling {
      enabled = true
      min     = 1
      max     = 5
      policy {
        cooldown = "1m"
      }
    }

    task "main" {
      driver = "raw_exec"
      config {
        command = "/bin/main"
      }
      restart {
        attempts = 0
      }
      kill_timeout = "1m"
      user         = "nobody"
    }

    task "init" {
      driver = "raw_exec"
      lifecycle {
        hook    = "prestart"
        sidecar = false
      }
      config {
        command = "/bin/init"
      }
    }
  }
}
