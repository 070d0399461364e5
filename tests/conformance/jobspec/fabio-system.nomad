# A load balancer on every node, as in the days of fabio.
job "fabio" {
  datacenters = ["dc1"]
  type        = "system"

  update {
    stagger      = "5s"
    max_parallel = 1
  }

  group "fabio" {
    task "fabio" {
      driver = "exec"

      config {
        command = "fabio-1.6.3-linux_amd64"
        args    = ["-proxy.addr", ":9999;proto=http", "-registry.consul.addr", "${attr.unique.network.ip-address}:8500"]
      }

      artifact {
        source = "https://example.com/fabio/v1.6.3/fabio-1.6.3-linux_amd64"
        options {
          checksum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        }
        mode = "file"
      }

      env {
        FABIO_log_level = "INFO"
        GOGC            = 100
      }

      resources {
        cpu    = 500
        memory = 128

        network {
          mbits = 10

          port "http" {
            static = 9998
          }
          port "lb" {
            static = 9999
          }
        }
      }
    }
  }
}
