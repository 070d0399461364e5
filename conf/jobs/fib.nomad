# Two ways to one service: by a host name of its own, and by a path of any host.
#
#   weir job run -var demo_binary=/usr/local/bin/weir-demo conf/jobs/fib.nomad

variable "demo_binary" {
  type        = string
  description = "the path of weir-demo on the nodes"
}

variable "instances" {
  type    = number
  default = 2
}

job "fib" {
  datacenters = ["*"]
  type        = "service"

  group "fib" {
    count = var.instances

    network {
      port "http" {}
    }

    update {
      max_parallel      = 1
      min_healthy_time  = "1s"
      healthy_deadline  = "30s"
      progress_deadline = "60s"
      auto_revert       = true
    }

    restart {
      attempts = 3
      interval = "30s"
      delay    = "1s"
      mode     = "fail"
    }

    # Between "gone from the registry" and SIGTERM: long enough for every edge to hear of it.
    shutdown_delay = "500ms"

    service {
      name = "fib"
      port = "http"
      tags = ["weir.http.routers.fib.rule=Host(`fib.localhost`) || PathPrefix(`/fib`)"]

      check {
        type     = "http"
        path     = "/health"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "fib" {
      driver       = "raw_exec"
      kill_timeout = "5s"

      config {
        command = var.demo_binary
        args    = ["fib", "--listen", "${NOMAD_ADDR_http}"]
      }

      env {
        NODE     = "${node.unique.name}"
        VERSION  = "1"
        GREETING = "One number after the other"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
