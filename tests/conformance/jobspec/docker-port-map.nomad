job "shop" {
  region      = "global"
  datacenters = ["dc1", "dc2"]
  type        = "service"

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  group "web" {
    count = 3

    restart {
      attempts = 10
      interval = "5m"
      delay    = "25s"
      mode     = "delay"
    }

    task "nginx" {
      driver = "docker"

      config {
        image        = "nginx:1.25"
        network_mode = "bridge"
        port_map {
          http  = 8080
          admin = 8081
        }
        volumes = ["local/conf:/etc/nginx:ro"]
        labels {
          team = "shop"
        }
        dns_servers = ["${attr.unique.network.ip-address}"]
        privileged  = false
      }

      service {
        name = "${TASK}"
        tags = ["urlprefix-shop.example.com/", "urlprefix-/shop strip=/shop"]
        port = "http"

        check {
          name     = "alive"
          type     = "http"
          path     = "/health"
          interval = "10s"
          timeout  = "2s"
        }
      }

      resources {
        cpu    = 250
        memory = 256
        network {
          mbits = 10
          port "http" {}
          port "admin" {}
        }
      }
    }
  }
}
