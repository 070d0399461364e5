job "mesh" {
  datacenters = ["dc1"]

  group "g" {
    network {
      port "http" {}
      port "grpc" {}
      dns {
        servers  = ["10.0.0.53"]
        searches = ["service.consul"]
      }
    }

    service {
      name                = "grpc-api"
      port                = "grpc"
      provider            = "consul"
      address_mode        = "host"
      enable_tag_override = true
      on_update           = "ignore_warnings"
      tagged_addresses {
        lan = "${NOMAD_IP_grpc}"
      }
      weights {
        passing = 10
        warning = 1
      }
      check_restart {
        limit           = 2
        grace           = "30s"
        ignore_warnings = true
      }
      check {
        type            = "grpc"
        grpc_service    = "health"
        grpc_use_tls    = true
        tls_skip_verify = true
        interval        = "5s"
        timeout         = "2s"
      }
      check {
        type                     = "script"
        command                  = "/bin/check"
        args                     = ["-v"]
        task                     = "t"
        interval                 = "30s"
        timeout                  = "5s"
        success_before_passing   = 2
        failures_before_critical = 3
      }
      connect {
        sidecar_service {}
      }
    }

    service {
      provider = "nomad"
      port     = 8080
      check {
        type     = "http"
        protocol = "https"
        method   = "POST"
        body     = "{}"
        path     = "/"
        interval = "10s"
        timeout  = "3s"
      }
    }

    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/server"
      }
      identity {
        env = true
      }
    }
  }
}
