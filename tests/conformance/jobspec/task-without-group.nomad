// Before groups had to be written.
job "cache" {
  datacenters = ["dc1"]

  meta {
    owner = "platform"
    level = 3
  }

  task "redis" {
    driver = "docker"
    config {
      image = "redis:7"
      args  = ["redis-server", "--maxmemory", "100mb"]
      port_map {
        db = 6379
      }
    }
    meta {
      shard = "a"
    }
    resources {
      cpu    = 500 # MHz
      memory = 256 /* MB */
      disk   = 100
      iops   = 0
      network {
        mbits = 10
        port  "db" {}
      }
    }
    service {
      port = "db"
      check {
        type     = "tcp"
        interval = "10s"
        timeout  = "2s"
      }
    }
    logs {
      max_files     = 3
      max_file_size = 5
    }
  }

  group "later" {
    task "exporter" {
      driver = "raw_exec"
      config {
        command = "/usr/bin/redis_exporter"
      }
    }
  }
}
