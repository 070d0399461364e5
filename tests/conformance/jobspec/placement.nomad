job "placed" {
  datacenters = ["dc*"]

  constraint {
    attribute = "${attr.nomad.version}"
    version   = ">= 1.4, < 2"
  }
  constraint {
    attribute = "${attr.cpu.arch}"
    regexp    = "amd64|arm64"
  }
  constraint {
    distinct_hosts = true
  }
  constraint {
    distinct_property = "${meta.rack}"
    value             = "2"
  }
  constraint {
    operator  = "is_set"
    attribute = "${attr.driver.raw_exec}"
  }

  affinity {
    attribute = "${node.datacenter}"
    value     = "dc1"
    weight    = 100
  }
  affinity {
    attribute    = "${meta.features}"
    set_contains_any = "ssd,nvme"
    weight       = -20
  }

  spread {
    attribute = "${node.datacenter}"
    weight    = 80
    target "dc1" {
      percent = 70
    }
    target "dc2" {
      percent = 30
    }
  }

  group "g" {
    constraint {
      attribute    = "${meta.features}"
      set_contains = "ssd,gpu"
    }
    constraint {
      attribute = "${attr.memory.totalbytes}"
      operator  = ">"
      value     = 1000000000
    }
    task "t" {
      driver = "raw_exec"
      config {
        command = "true"
      }
    }
  }
}
