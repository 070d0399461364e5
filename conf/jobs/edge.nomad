# The edge itself: a system job, one on every node, on ports that the load balancer in front knows.
#
#   weir job run -var weir_binary=/usr/local/bin/weir conf/jobs/edge.nomad

variable "weir_binary" {
  type        = string
  default     = "weir"
  description = "the path of weir on the nodes"
}

variable "consul_addr" {
  type        = string
  default     = "http://127.0.0.1:8500"
  description = "the catalog to follow"
}

variable "http_port" {
  type    = number
  default = 8080
}

variable "admin_port" {
  type    = number
  default = 8081
}

variable "routes_dir" {
  type        = string
  default     = ""
  description = "a folder of routes files on the nodes; empty: none"
}

job "edge" {
  datacenters = ["*"]
  type        = "system"
  priority    = 90

  # One node after the other.
  update {
    max_parallel = 1
    stagger      = "10s"
  }

  group "edge" {
    network {
      port "http" {
        static = var.http_port
      }
      port "admin" {
        static = var.admin_port
      }
    }

    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    # The load balancer must see /ping fail, or the registration gone, before the edge stops.
    shutdown_delay = "500ms"

    service {
      name = "edge"
      port = "http"

      check {
        type     = "http"
        port     = "admin"
        path     = "/ping"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "edge" {
      driver = "raw_exec"

      # SIGTERM drains: requests in flight may take this long.
      kill_timeout = "15s"

      config {
        command = var.weir_binary
        args = [
          "edge",
          "--entrypoint", "web=${NOMAD_IP_http}:${NOMAD_PORT_http}",
          "--admin", "${NOMAD_ADDR_admin}",
          "--consul", var.consul_addr,
          "--data-dir", "${NOMAD_ALLOC_DIR}/data",
          "--routes", var.routes_dir,
        ]
      }

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
