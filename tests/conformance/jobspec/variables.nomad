variable "image_tag" {
  type        = string
  default     = "1.2.3"
  description = "which build"
  validation {
    condition     = length(var.image_tag) > 0
    error_message = "The tag must not be empty."
  }
}

variable "replicas" {
  type    = number
  default = 2
}

variable "dcs" {
  type    = list(string)
  default = ["dc1", "dc2"]
}

variable "limits" {
  type = object({
    cpu    = number
    memory = number
  })
  default = {
    cpu    = 200
    memory = 64
  }
}

variables {
  prefix = "team-a"
}

locals {
  full_name = "${local.short_name}-${var.image_tag}"
  short_name = lower("${upper(var.prefix)}.App")
  ports = {
    http    = 8080
    metrics = 9090
  }
  tags = [for name, port in local.ports : format("%s=%d", name, port) if name != "metrics"]
}

job "app" {
  name        = local.full_name
  datacenters = var.dcs

  group "app" {
    count = var.replicas * 2 + (var.replicas > 1 ? 1 : 0)

    network {
      dynamic "port" {
        for_each = local.ports
        labels   = [port.key]
        content {
          to = port.value
        }
      }
    }

    service {
      name = join("-", split(".", local.short_name))
      port = "http"
      tags = concat(local.tags, ["weight=${var.limits.cpu / 3}", "%{ if var.replicas > 1 }many%{ else }one%{ endif }"])
    }

    task "app" {
      driver = "docker"
      config {
        image = "registry.example.com/app:${var.image_tag}"
        mount {
          type   = "bind"
          source = "local"
          target = "/etc/app"
        }
        mount {
          type   = "tmpfs"
          target = "/tmp"
          tmpfs_options {
            size = 100000
          }
        }
        ulimit {
          nofile = "65535:65535"
        }
        extra_hosts = [for i in range(2) : "host${i}:10.0.0.${i + 1}"]
      }
      env = merge({ A = "1", B = 2 }, { "C.D" = true })
      resources {
        cpu    = var.limits.cpu
        memory = var.limits["memory"]
      }
    }
  }
}
