"""gRPC health checks of the registry against @grpc/grpc-js, and against what is no gRPC."""

import os
import subprocess

from harness import h2, processes, upstreams
from harness.http import get
from harness.test import register, takes
from harness.tls import Authority
from harness.wait import wait_for
from test_scheduler import Cluster

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients", "grpc_health.js")
MODULES = os.path.join(processes.PEERS, "node", "node_modules")


class HealthServer:
    def __init__(self, *certificate):
        assert os.path.isdir(os.path.join(MODULES, "@grpc")), "@grpc/grpc-js is missing: run scripts/setup --tests"
        self.child = subprocess.Popen(["node", PROGRAM, "127.0.0.1:0", *certificate], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1,
                                      env={**os.environ, "NODE_PATH": MODULES})
        self.port = int(self.child.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().rstrip("\n")

    def stop(self):
        self.child.stdin.close()
        self.child.wait(10)
        self.child.stdout.close()


def check_of(registry, name):
    """As the agent has it: the catalog gets an output that changed alone later."""
    return get(registry.url, "/v1/agent/checks").json()[f"service:{name}"]


def add(registry, name, target, **more):
    register(registry.url, name, name, 1, [], {"GRPC": target, "Interval": "200ms", "Timeout": "2s", **more})


def wait_check(registry, name, status, output):

    def seen():
        check = check_of(registry, name)
        return (check["Status"], check["Output"]) if output in check["Output"] else None
    found = wait_for(seen, 20, f"{name} says {output!r}")
    assert found[0] == status, found


@takes(60)
def test_statuses(t):
    """the server as a whole and services of it: serving, not serving, unknown, gone"""
    registry, server = t.registry(), t.ends(HealthServer())
    server.say("SERVING shop")
    add(registry, "whole", server.address)
    add(registry, "shop", server.address + "/shop")
    add(registry, "nobody", server.address + "/nobody", Status="passing")
    wait_check(registry, "whole", "passing", f"gRPC check {server.address}: success")
    wait_check(registry, "shop", "passing", f"gRPC check {server.address}/shop: success")
    wait_check(registry, "nobody", "critical", "code = NotFound desc = unknown service «nobody»")
    assert check_of(registry, "shop")["Type"] == "grpc"
    for status in ("NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN"):
        server.say(f"{status} shop")
        wait_check(registry, "shop", "critical", "gRPC application didn't report service healthy")
        server.say("SERVING shop")
        wait_check(registry, "shop", "passing", "success")
    assert check_of(registry, "whole")["Status"] == "passing", "one service says nothing of the server"
    server.stop()
    wait_check(registry, "whole", "critical", "connection refused")


@takes(60)
def test_tls(t):
    """over TLS: verified unless it is said not to, by the name that is given; plain servers are critical"""
    ca = Authority(t.path("ca", ""))
    registry, server = t.registry(), t.ends(HealthServer(*ca.issue("health", "health.test")))
    add(registry, "trusting", server.address, GRPCUseTLS=True, TLSSkipVerify=True, TLSServerName="health.test")
    add(registry, "careful", server.address, GRPCUseTLS=True, Status="passing")
    add(registry, "plain", server.address, Status="passing")
    plain = t.ends(HealthServer())
    add(registry, "other", plain.address, GRPCUseTLS=True, TLSSkipVerify=True, Status="passing")
    wait_check(registry, "trusting", "passing", "success")
    wait_check(registry, "careful", "critical", "certificate")
    wait_check(registry, "plain", "critical", "code = Unavailable")
    wait_check(registry, "other", "critical", "code = Unavailable")


@takes(60)
def test_no_grpc(t):
    """who is silent, speaks HTTP/1.1, answers 404 or nonsense on HTTP/2, or cuts: critical, with a reason; and the
    other checks go on"""
    registry, server = t.registry(), t.ends(HealthServer())
    add(registry, "good", server.address)
    cases = {"silent": (t.ends(upstreams.hanging()).address, "code = DeadlineExceeded"),
             "old": (t.ends(upstreams.Upstream()).address, "code = Unavailable"),
             "cutting": (t.ends(upstreams.resetting()).address, "code = Unavailable"),
             "no port": ("127.0.0.1", "code = Unavailable")}

    def answer(name, fields, body, expected, trailers=None):
        def serve(connection, number, _stream):
            connection.headers([(":status", "200"), *fields] if fields[:1] != [(":status", "404")] else fields,
                               stream=number, end=body is None)
            if body is not None:
                connection.data(number, body, end=trailers is None)
            if trailers is not None:
                connection.headers(trailers, stream=number, end=True)
        upstream = t.ends(h2.Upstream(serve))
        cases[name] = (upstream.address, expected)
    kind, fine = [("content-type", "application/grpc")], [("grpc-status", "0")]
    answer("no service", [(":status", "404")], None, "code = Unimplemented")
    answer("no trailers", kind, b"\0\0\0\0\x02\x08\x01", "without grpc-status")
    answer("head only", [*kind, ("grpc-status", "14"), ("grpc-message", "too%20busy")], None,
           "code = Unavailable desc = too busy")
    answer("no message", kind, b"", "code = Internal", fine)
    answer("cut", kind, b"\0\0\0\0\x02\x08", "code = Internal", fine)
    answer("compressed", kind, b"\x01\0\0\0\x02\x08\x01", "code = Internal", fine)
    answer("malformed", kind, b"\0\0\0\0\x02\x08\xff", "code = Internal", fine)
    for i, (name, (target, _)) in enumerate(cases.items()):
        add(registry, f"c{i}", target, Status="passing", Name=name, Timeout="500ms")
    for i, (_, expected) in enumerate(cases.values()):
        wait_check(registry, f"c{i}", "critical", expected)
    wait_check(registry, "good", "passing", "success")


JOB = """
job "health" {{
  datacenters = ["dc1"]
  group "g" {{
    network {{
      port "grpc" {{}}
    }}
    service {{
      name = "health"
      port = "grpc"
      check {{
        type         = "grpc"
        grpc_service = ""
        interval     = "1s"
        timeout      = "1s"
      }}
    }}
    task "server" {{
      driver = "raw_exec"
      config {{
        command = "/bin/sh"
        args    = ["-c", "exec node {program} $NOMAD_ADDR_grpc"]
      }}
      env {{
        NODE_PATH = "{modules}"
        PATH      = "{path}"
      }}
      resources {{
        cpu    = 50
        memory = 100
      }}
    }}
  }}
}}
"""


@takes(90)
def test_job(t):
    """a job's service with a check of type grpc becomes healthy"""
    cluster = Cluster(t, agents=1)
    job = t.write("health.nomad", JOB.format(program=PROGRAM, modules=MODULES, path=os.environ["PATH"]))
    cluster.weir("job", "run", job)
    cluster.wait_count(1, "health")
    check, = [c for c in cluster.rows("health")[0]["Checks"] if c["Type"] == "grpc"]
    assert check["Output"].endswith(": success"), check
