"""HTTP/2 as others see it: curl, nghttp and h2load through the edge, and every case of h2spec."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from harness import processes, upstreams
from harness.test import route, route_to, takes

HOST = "app.test"
# Lets nobody in that these tests know.
GUARD = '[middlewares.guard]\ntype = "basicAuth"\nusers = ["jane:$apr1$Zb3xq/.7$o4RwVWirdQ66dTfff.rwo1"]\n\n'
H2SPEC = os.path.join(processes.PEERS, "h2spec", "h2spec")


def run(*command, seconds_max=60):
    result = subprocess.run(command, capture_output=True, text=True, timeout=seconds_max, check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


def edge_before(t, answer=None, host=HOST):
    upstream = t.ends(upstreams.Upstream(answer=answer, name="up"))
    return upstream, t.edge(routes=route_to(host, upstream.url))


def test_curl(t):
    """curl --http2-prior-knowledge: a request, an upload, and --http2, whose Upgrade is not taken"""
    upstream, edge = edge_before(t)
    url = f"http://{edge.entry_point()}/a"
    wants = ["-w", "%{http_version} %{http_code} %{num_connects}\n", "-H", f"Host: {HOST}", "-o", "/dev/null"]
    # One at a time: curl 7.88 cannot use such a connection twice, whoever serves it.
    assert run("curl", "-sS", "--http2-prior-knowledge", *wants, url) == "2 200 1\n"
    out = run("curl", "-sS", "--http2-prior-knowledge", *wants, "-T", __file__, url)
    assert out == "2 200 1\n" and len(upstream.requests[-1].body) == os.path.getsize(__file__), out
    assert run("curl", "-sS", "--http2", *wants, url) == "1.1 200 1\n"


def early_answers(curl, url, body):
    """What curl makes of answers that come before the end of its upload: status and exit code of each."""
    wants = [*curl, "-s", "-o", os.devnull, "-w", "%{http_code} %{exitcode}", "--data-binary", f"@{body}", url]
    # With Expect curl waits for a 100, which does not come: a final status does, or a second passes.
    return [subprocess.run([*wants, *more], capture_output=True, text=True, timeout=60, check=False).stdout
            for more in ([], ["-H", "Expect: 100-continue"], ["-H", "Expect:"])]


def test_early_answer(t):
    """curl gets the answers that come before the end of its upload: the edge's own, and an upstream's"""
    early = t.ends(upstreams.answering_early(413))
    gone = f"http://127.0.0.1:{processes.free_ports(1)[0]}"
    edge = t.edge(routes=route_to("early.test", early.url, name="early") + route_to("gone.test", gone, name="gone")
                  + route('middlewares = ["guard"]\nhost = "guarded.test"', early.url, name="guarded") + GUARD)
    curl = ["curl", "--http2-prior-knowledge", "-H"]
    body = t.write("body", "x" * 70_000)
    for host, status in (("early.test", 413), ("gone.test", 502), ("guarded.test", 401), ("unknown.test", 404)):
        seen = early_answers([*curl, f"Host: {host}"], f"http://{edge.entry_point()}/", body)
        assert seen == [f"{status} 0"] * 3, f"{host}: {seen}"


def test_nghttp(t):
    """nghttp with trailers, padding, continuations, windows of 1 KB and priorities"""
    upstream, edge = edge_before(t, lambda r: upstreams.response(200, "x" * 100_000))
    url = f"http://{edge.entry_point()}/"
    for options in ([], ["-d", __file__, "--trailer", "x-sum: 7"], ["-b", "100"], ["--continuation"],
                    ["-w", "10", "-W", "10"], ["-p", "200"], ["--no-dep"], ["--expect-continue", "-d", __file__],
                    ["--peer-max-concurrent-streams=1"]):
        out = run("nghttp", "-nv", "-H", f":authority: {HOST}", *options, url)
        assert ":status: 200" in re.sub(r"\x1b\[[0-9;]*m", "", out), f"{options}: {out[-2000:]}"
        assert "END_STREAM" in out and "RST_STREAM" not in out, f"{options}: {out[-2000:]}"
    assert upstream.requests[1].body, upstream.requests[1].headers


def test_h2load(t):
    """h2load: 20,000 requests on 4 connections with 100 streams each, not one of which fails"""
    # h2load says the address as its host.
    upstream = t.ends(upstreams.Upstream(name="up"))
    edge = t.edge(routes=route_to("127.0.0.1", upstream.url))
    out = run("h2load", "-n", "20000", "-c", "4", "-m", "100", f"http://{edge.entry_point()}/", seconds_max=120)
    assert "20000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
    assert re.search(r"status codes: 20000 2xx", out), out


@takes(300)
def test_h2spec_h2c(t):
    """h2spec --strict over plain TCP: every case"""
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, "x" * 2000)))
    check_h2spec(t, t.edge(routes=route_to("127.0.0.1", upstream.url)).entry_point())


def check_h2spec(t, address, *options):
    """Against an edge that answers requests for 127.0.0.1 with a body."""
    assert os.path.exists(H2SPEC), "h2spec is missing: run scripts/setup --tests"
    host, port = address.rsplit(":", 1)
    report = t.path("h2spec.xml")
    result = subprocess.run([H2SPEC, "--strict", "-h", host, "-p", port, "-o", "5", "-j", report, *options],
                            capture_output=True, text=True, timeout=280, check=False)
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case.get("classname") for case in cases
              if case.find("failure") is not None or case.find("error") is not None or case.find("skipped") is not None]
    assert len(cases) >= 140, f"{len(cases)} cases:\n{result.stdout[-3000:]}"
    assert not failed, f"{failed}:\n{result.stdout[-6000:]}"
