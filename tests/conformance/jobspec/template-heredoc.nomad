job "proxy" {
  datacenters = ["dc1"]

  group "haproxy" {
    task "haproxy" {
      driver = "docker"
      config {
        image = "haproxy:2.8"
      }

      template {
        data = <<EOH
global
  maxconn 4096
{{ range service "web" }}
  server {{ .Node }} {{ .Address }}:{{ .Port }} check # not an escape: \n, and $${NOT_READ}
{{ end }}
EOH

        destination   = "local/haproxy.cfg"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        splay         = "15s"
      }

      template {
        data = <<-EOF
          KEY="{{ key "app/secret" }}"

            indented = true
          ADDR=${NOMAD_ADDR_http}
          EOF

        destination     = "secrets/app.env"
        env             = true
        perms           = "600"
        left_delimiter  = "{{"
        right_delimiter = "}}"
      }

      template {
        source      = "local/input.tpl"
        destination = "local/output"
        change_mode = "noop"
      }
    }
  }
}
