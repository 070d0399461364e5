# Names that only the agent knows stay as they are written.
job "echo" {
  datacenters = ["dc1"]

  constraint {
    attribute = attr.kernel.name
    value     = "linux"
  }
  constraint {
    attribute = "${meta.rack}"
    operator  = "!="
    value     = "r1"
  }

  group "echo" {
    network {
      port "http" {}
    }
    task "echo" {
      driver = "raw_exec"
      config {
        command = "${meta.weir_demo}"
        args = [
          "${NOMAD_PORT_http}",
          "${ NOMAD_ADDR_http }",
          "http://${attr.unique.network.ip-address}:${NOMAD_PORT_http}/",
          "${attr.network.dev-us-east1.external-ip.0}",
          "${env["HOME"]}",
          node.unique.name,
          "$${NOT_A_NAME} %%{literal}",
          "${upper("mixed")}-${node.unique.id}",
        ]
      }
      env {
        NAME  = "${node.unique.name}"
        LINES = "a\tb\nc \"quoted\" \\ \u00e9\U0001F600"
        MIX   = "${NOMAD_JOB_NAME}.${NOMAD_GROUP_NAME}"
      }
    }
  }
}
