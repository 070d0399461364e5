"""Real clients of Consul against our registry, and the same ones against the real Consul: they see the same."""

import json
import os
import subprocess

from harness import processes, upstreams
from harness.http import get, put_json, split_address
from harness.test import deregister, register
from harness.wait import wait_for

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")


def run_client(*command, env=None):
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})},
                            check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return json.loads(result.stdout)


def node_client(address):
    modules = os.path.join(processes.PEERS, "node", "node_modules")
    assert os.path.isdir(os.path.join(modules, "consul")), "npm consul is missing: run scripts/setup --tests"
    return run_client("node", os.path.join(CLIENTS, "consul_client.js"), address, env={"NODE_PATH": modules})


def python_client(address):
    return run_client("/usr/bin/python3", os.path.join(CLIENTS, "consul_client.py"), address)


def address_of(catalog):
    return "{}:{}".format(*split_address(catalog.url))


def without(seen, *keys):
    return {k: v for k, v in seen.items() if k not in keys}


def test_npm_consul(t):
    """npm consul: watch, register, pass, deregister, keys, locks, errors, as against the real one"""
    ours, real = node_client(address_of(t.registry())), node_client(address_of(t.consul()))
    # The leader's port and the text about an unknown check differ between versions.
    assert without(ours, "leader", "error") == without(real, "leader", "error"), (ours, real)
    assert ours["leader"] and ours["error"], ours
    assert "watchError" not in ours, ours


def test_python_consul(t):
    """python3-consul: register, blocking health and keys, locks, as against the real one"""
    ours, real = python_client(address_of(t.registry())), python_client(address_of(t.consul()))
    assert without(ours, "leader") == without(real, "leader"), (ours, real)


PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: all
  consul_sd_configs: [{{server: '{address}', refresh_interval: 1s}}]
  relabel_configs:
  - {{source_labels: [__meta_consul_service], regex: metrics-.*, action: keep}}
  - {{source_labels: [__meta_consul_service], target_label: service}}
  - {{source_labels: [__meta_consul_service_id], target_label: id}}
  - {{source_labels: [__meta_consul_dc], target_label: dc}}
  - {{source_labels: [__meta_consul_tags], target_label: tags}}
- job_name: tagged
  consul_sd_configs: [{{server: '{address}', refresh_interval: 1s, services: [metrics-a], tags: [blue]}}]
  relabel_configs: [{{source_labels: [__meta_consul_service_id], target_label: id}}]
"""


def test_prometheus(t):
    """Prometheus discovers services, follows additions, removals and tags, and scrapes them"""
    registry = t.registry()
    target = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, "up_metric 1\n", [
        ("Content-Type", "text/plain; version=0.0.4")])))
    register(registry.url, "a1", "metrics-a", target.port, ["blue", "x,y"], {"TTL": "10m", "Status": "passing"})
    register(registry.url, "b1", "metrics-b", target.port)
    register(registry.url, "c1", "other", target.port)
    port, = processes.free_ports(1)
    config = t.write("prometheus.yml", PROMETHEUS.format(address=address_of(registry)))
    program = os.path.join(processes.PEERS, "prometheus", "usr", "bin", "prometheus")
    t.start([program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
             f"--storage.tsdb.path={t.path('tsdb', '')}"])

    def targets(job):
        answer = get(f"127.0.0.1:{port}", "/api/v1/targets?state=active").json()
        return {each["labels"]["id"]: each for each in answer["data"]["activeTargets"] if each["labels"]["job"] == job}
    wait_for(lambda: set(targets("all")) == {"a1", "b1"}, 30, "two services are discovered")
    a1 = targets("all")["a1"]["labels"]
    assert (a1["service"], a1["dc"], a1["tags"]) == ("metrics-a", "dc1", ",blue,x,y,"), a1
    wait_for(lambda: all(each["health"] == "up" for each in targets("all").values()), 20, "both are scraped")
    assert set(targets("tagged")) == {"a1"}, targets("tagged")
    register(registry.url, "a2", "metrics-a", target.port, ["green"])
    wait_for(lambda: set(targets("all")) == {"a1", "a2", "b1"}, 20, "a new instance is discovered")
    assert set(targets("tagged")) == {"a1"}, "a tag that does not fit is left out"
    register(registry.url, "a2", "metrics-a", target.port, ["green", "blue"])
    wait_for(lambda: set(targets("tagged")) == {"a1", "a2"}, 20, "a changed tag is followed")
    deregister(registry.url, "b1")
    deregister(registry.url, "a1")
    wait_for(lambda: set(targets("all")) == {"a2"}, 20, "instances that are gone are dropped")


def dig(address, *question):
    host, port = split_address(address)
    result = subprocess.run(["dig", f"@{host}", "-p", str(port), "+time=2", "+tries=1", "+short", *question],
                            capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 0, f"dig {question}: {result.stdout} {result.stderr}"
    return sorted(result.stdout.split("\n")[:-1])


def test_dig(t):
    """dig: A and SRV of a service's healthy instances, a node's A, over UDP and TCP"""
    registry = t.registry()
    register(registry.url, "d1", "dns-web", 8001, ["v1"], {"TTL": "10m", "Status": "passing"}, "127.0.0.11")
    register(registry.url, "d2", "dns-web", 8002, ["v2"], {"TTL": "10m", "Status": "passing"}, "127.0.0.12")
    register(registry.url, "d3", "dns-web", 8003, [], {"TTL": "10m", "Status": "critical"}, "127.0.0.13")
    dns = registry.ready["dns"]
    for transport in ("+notcp", "+tcp"):
        assert dig(dns, transport, "dns-web.service.consul", "A") == ["127.0.0.11", "127.0.0.12"]
        assert dig(dns, transport, "v2.dns-web.service.consul", "A") == ["127.0.0.12"]
        ports = [line.split()[2] for line in dig(dns, transport, "DNS-web.service.dc1.consul", "SRV")]
        assert ports == ["8001", "8002"], ports
    put_json(registry.url, "/v1/agent/check/fail/service:d1")
    wait_for(lambda: dig(dns, "dns-web.service.consul", "A") == ["127.0.0.12"], 5, "a critical instance is left out")
    node = get(registry.url, "/v1/agent/self").json()["Config"]["NodeName"]
    assert dig(dns, f"{node}.node.consul", "A"), "the node itself has an address"
    assert dig(dns, "none.service.consul", "A") == []
