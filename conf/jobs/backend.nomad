# A service that other services find in the registry. The edge serves it too, by the host name backend.localhost.
#
#   weir job run -var demo_binary=/usr/local/bin/weir-demo conf/jobs/backend.nomad

variable "demo_binary" {
  type        = string
  description = "the path of weir-demo on the nodes"
}

variable "instances" {
  type    = number
  default = 2
}

job "backend" {
  datacenters = ["*"]
  type        = "service"

  group "backend" {
    count = var.instances

    network {
      port "http" {}
    }

    # One instance at a time; the next only when the new one has been healthy for a second.
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
      name = "backend"
      port = "http"
      tags = ["weir.http.routers.backend.rule=Host(`backend.localhost`)"]

      check {
        type     = "http"
        path     = "/health"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "backend" {
      driver       = "raw_exec"
      kill_timeout = "5s"

      config {
        command = var.demo_binary
        args    = ["backend", "--listen", "${NOMAD_ADDR_http}"]
      }

      env {
        NODE     = "${node.unique.name}"
        VERSION  = "1"
        GREETING = "Hello from ${NOMAD_ALLOC_NAME} on ${node.unique.name}"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
