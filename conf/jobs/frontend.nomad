# The page at http://frontend.localhost:8080/. At each request it asks the registry for a backend.
#
#   weir job run -var demo_binary=/usr/local/bin/weir-demo conf/jobs/frontend.nomad

variable "demo_binary" {
  type        = string
  description = "the path of weir-demo on the nodes"
}

variable "consul_addr" {
  type        = string
  default     = "http://127.0.0.1:8500"
  description = "where the frontend looks for backends"
}

variable "instances" {
  type    = number
  default = 2
}

job "frontend" {
  datacenters = ["*"]
  type        = "service"

  group "frontend" {
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
      name = "frontend"
      port = "http"
      tags = ["weir.http.routers.frontend.rule=Host(`frontend.localhost`)"]

      check {
        type     = "http"
        path     = "/health"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "frontend" {
      driver       = "raw_exec"
      kill_timeout = "5s"

      config {
        command = var.demo_binary
        args    = ["frontend", "--listen", "${NOMAD_ADDR_http}"]
      }

      env {
        CONSUL_HTTP_ADDR = var.consul_addr
        NODE             = "${node.unique.name}"
        VERSION          = "1"
        GREETING         = "Welcome to ${NOMAD_JOB_NAME} in ${node.datacenter}"
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
