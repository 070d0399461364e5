"""Several datacenters of one Consul, in order of preference."""

from harness import upstreams
from harness.http import get
from harness.lying_catalog import LyingDatacenters
from harness.test import host_tag, names_seen, wait_status
from harness.wait import stays_true, wait_for

CONFIG = """
[providers.consul]
datacenters = ["dc1", "dc2"]
wait_s = 2
{more}

[safety]
hold_ms = 500
"""


def start(t, *arguments, more=""):
    """(datacenters, edge, {name: upstream}): the service web in both, serving from the first."""
    datacenters = t.ends(LyingDatacenters("dc1", "dc2"))
    ups = {}
    for name in ("dc1", "dc2"):
        ups[name] = t.ends(upstreams.Upstream(name=name))
        datacenters[name].register(f"web-{name}", "web", ups[name].port, [host_tag("web", "web.test")])
    edge = t.edge(*arguments, consul=datacenters.url, config=CONFIG.format(more=more))
    wait_status(edge.entry_point(), "web.test", 200)
    return datacenters, edge, ups


def serves(edge, name):
    wait_for(lambda: names_seen(edge.entry_point(), "web.test") == {name}, 20, f"{name} serves, and nobody else")


def test_failover(t):
    """a service is served from the first datacenter that has it alive, and from the first again when it is back"""
    datacenters, edge, ups = start(t)
    serves(edge, "dc1")
    datacenters["dc1"].register("web-dc1", "web", ups["dc1"].port, [host_tag("web", "web.test")], status="critical")
    serves(edge, "dc2")
    datacenters["dc1"].register("web-dc1", "web", ups["dc1"].port, [host_tag("web", "web.test")])
    serves(edge, "dc1")
    datacenters["dc1"].deregister("web-dc1")
    serves(edge, "dc2")
    far = t.ends(upstreams.Upstream(name="far"))
    datacenters["dc2"].register("far", "far", far.port, [host_tag("far", "far.test")])
    assert wait_status(edge.entry_point(), "far.test", 200).header("x-name") == "far"
    asked = [target for catalog in ("dc1", "dc2") for _, target in datacenters[catalog].queries]
    assert all("dc=dc1" in target or "dc=dc2" in target for target in asked), asked


def test_one_unreachable(t):
    """a datacenter that cannot be reached takes nothing away, and its staleness is shown"""
    datacenters, edge, _ = start(t)
    serves(edge, "dc1")
    datacenters["dc1"].lie("500")
    wait_for(lambda: "dc1: " in get(edge.admin, "/ready").text(), 20, "the failure is shown")
    stays_true(lambda: get(edge.entry_point(), "/", "web.test").status == 200, 1, "the route stays")
    datacenters["dc1"].tell_truth()
    wait_for(lambda: "error" not in get(edge.admin, "/ready").text(), 30, "and is over when it answers again")


def test_start_with_one(t):
    """an edge starts with the datacenters that answer, and takes the others when they do"""
    datacenters = t.ends(LyingDatacenters("dc1", "dc2"))
    ups = {name: t.ends(upstreams.Upstream(name=name)) for name in ("dc1", "dc2")}
    for name, up in ups.items():
        datacenters[name].register(f"web-{name}", "web", up.port, [host_tag("web", "web.test")])
    datacenters["dc1"].lie("500")
    edge = t.edge(consul=datacenters.url, config=CONFIG.format(more=""))
    serves(edge, "dc2")
    wait_status(edge.admin, "admin", 200, target="/ready")
    datacenters["dc1"].tell_truth()
    serves(edge, "dc1")


def test_lost(t):
    """a datacenter that is lost, catalog and instances, is left for the next one, and first again when it is back"""
    datacenters, edge, ups = start(t, more="datacenter_stale_ms = 300")
    web = edge.entry_point()
    serves(edge, "dc1")
    port = ups["dc1"].port
    datacenters["dc1"].lie("500")
    ups["dc1"].stop()
    serves(edge, "dc2")
    wait_for(lambda: "dc1: " in get(edge.admin, "/ready").text(), 20, "the failure is shown")
    [web_service] = edge.api("/api/services")
    assert [each["state"] for each in web_service["endpoints"]] == ["up"], web_service
    stays_true(lambda: get(web, "/", "web.test").status == 200, 0.3, "dc2 serves")
    ups["dc1"] = t.ends(upstreams.Upstream(name="dc1", port=port))
    datacenters["dc1"].tell_truth()
    serves(edge, "dc1")
