job "db" {
  datacenters = ["dc1"]

  vault {
    policies = ["db"]
  }

  group "db" {
    volume "data" {
      type      = "host"
      source    = "mysql"
      read_only = false
    }

    task "mysql" {
      driver = "docker"

      vault {
        policies      = ["db-root"]
        change_mode   = "signal"
        change_signal = "SIGHUP"
      }

      volume_mount {
        volume      = "data"
        destination = "/var/lib/mysql"
        read_only   = false
      }

      config {
        image = "mysql:8"
        auth {
          username = "u"
          password = "p"
        }
        logging {
          type = "journald"
          config {
            tag = "mysql"
          }
        }
      }

      resources {
        cpu        = 500
        memory     = 512
        memory_max = 1024
        device "nvidia/gpu" {
          count = 1
        }
      }
    }
  }
}
