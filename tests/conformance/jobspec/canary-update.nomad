job "api" {
  datacenters = ["dc1"]
  priority    = 70

  update {
    max_parallel     = 2
    min_healthy_time = "15s"
    healthy_deadline = "3m"
    canary           = 1
    auto_revert      = true
    auto_promote     = false
    stagger          = "30s"
  }

  group "api" {
    count          = 4
    shutdown_delay = "6s"

    update {
      max_parallel      = 1
      progress_deadline = "15m"
      health_check      = "checks"
    }

    network {
      mode = "host"
      port "http" {
        to = -1
      }
      port "metrics" {
        static = 9100
        to     = 9100
      }
    }

    service {
      name        = "api"
      port        = "http"
      tags        = ["traefik.enable=true", "traefik.http.routers.api.rule=Host(`api.example.com`) && PathPrefix(`/v1`)"]
      canary_tags = ["traefik.enable=false"]
      meta {
        version = "2.4.1"
      }
      canary_meta {
        version = "canary"
      }

      check {
        type     = "http"
        path     = "/ready"
        interval = "5s"
        timeout  = "1s"
        header {
          Host            = ["api.example.com"]
          X-Forwarded-For = ["10.0.0.1", "10.0.0.2"]
        }
        check_restart {
          limit = 3
          grace = "90s"
        }
      }
      check {
        name           = "port open"
        type           = "tcp"
        port           = "metrics"
        interval       = "1m"
        timeout        = "2s"
        initial_status = "passing"
      }
    }

    task "api" {
      driver = "raw_exec"
      config {
        command = "/srv/api"
        args    = ["--listen=${NOMAD_ADDR_http}", "--metrics", "${NOMAD_PORT_metrics}"]
      }
      leader         = true
      kill_timeout   = "20s"
      kill_signal    = "SIGINT"
      shutdown_delay = 1500000000
    }
  }
}
