"""The edge against a catalog that lies. No lie may take a route away, stop the edge or make it ask without pause."""

from harness import upstreams
from harness.http import get
from harness.lying_catalog import LyingCatalog
from harness.test import host_tag, names_seen, wait_status
from harness.wait import stays_true, wait_for

HOST = "web.test"
QUICK = """
[providers.consul]
wait_s = 1

[safety]
hold_ms = {hold_ms}
{more}
"""
# At 1 query a second for each of three watches, doubled, and a start: far below a loop without pause (thousands).
QUERIES_PER_SECOND_MAX = 30


def start(t, instances=6, hold_ms=60_000, more=""):
    """(catalog, edge, upstreams): all instances serve."""
    catalog = t.ends(LyingCatalog())
    ups = [t.ends(upstreams.Upstream(name=f"i{i}")) for i in range(instances)]
    for i, up in enumerate(ups):
        catalog.register(f"i{i}", "web", up.port, [host_tag("web", HOST)])
    edge = t.edge(consul=catalog.url, config=QUICK.format(hold_ms=hold_ms, more=more))
    wait_for(lambda: len(names_seen(edge.entry_point(), HOST, 3 * instances)) == instances, 15, "all instances answer")
    return catalog, edge, ups


def survives(t, kind, lie_s=3):
    """Through a lie everything stays; afterwards changes arrive again."""
    catalog, edge, ups = start(t)
    web = edge.entry_point()
    mark = catalog.now()
    catalog.lie(kind)
    stays_true(lambda: get(web, "/", HOST).status == 200, lie_s, f"the route stays through {kind}")
    asked = len(catalog.queries_since(mark))
    assert asked <= QUERIES_PER_SECOND_MAX * lie_s, f"{asked} queries in {lie_s} s of {kind}"
    assert len(names_seen(web, HOST, 30)) == len(ups), "an instance was lost"
    catalog.tell_truth()
    new = t.ends(upstreams.Upstream(name="new"))
    catalog.register("new", "web", new.port, [host_tag("web", HOST)])
    wait_for(lambda: "new" in names_seen(web, HOST, 30), 30, f"changes arrive again after {kind}")
    assert edge.running()


def test_error(t):
    """status 500"""
    survives(t, "500")


def test_hang(t):
    """no answer at all"""
    survives(t, "hang", lie_s=5)


def test_html(t):
    """200 with a page that is no JSON"""
    survives(t, "html")


def test_cut(t):
    """a body that ends before its length"""
    survives(t, "cut")


def test_half_json(t):
    """a whole body of half a JSON text"""
    survives(t, "half-json")


def test_null(t):
    """200 with JSON null"""
    survives(t, "null")


def test_reset(t):
    """connections that are reset"""
    survives(t, "reset")


def test_no_index(t):
    """answers without X-Consul-Index"""
    survives(t, "no-index")


def test_index_zero(t):
    """answers with X-Consul-Index 0"""
    survives(t, "index-zero")


def test_empty(t):
    """an empty catalog under a higher index is held, and dropped when the truth is back"""
    survives(t, "empty")


def test_index_goes_back(t):
    """an index that goes back: the data under it is taken, and later changes are seen"""
    catalog, edge, _ = start(t)
    catalog.lose_index()
    new = t.ends(upstreams.Upstream(name="new"))
    catalog.register("new", "web", new.port, [host_tag("web", HOST)])
    wait_for(lambda: "new" in names_seen(edge.entry_point(), HOST, 30), 15, "a change under a lower index is seen")
    catalog.deregister("new")
    wait_for(lambda: "new" not in names_seen(edge.entry_point(), HOST, 30), 15, "and the next one too")


def test_mass_removal_held(t):
    """most instances gone at once: held, reported, and applied after the hold time"""
    catalog, edge, ups = start(t, hold_ms=3000)
    web = edge.entry_point()
    catalog.deregister("i0", "i1", "i2", "i3", "i4")
    wait_for(lambda: "held" in get(edge.admin, "/ready").text() or "held" in get(edge.admin, "/metrics").text(), 5,
             "the held removal is reported")
    assert len(names_seen(web, HOST, 30)) == len(ups), "all still serve while it is held"
    wait_for(lambda: names_seen(web, HOST, 30) == {"i5"}, 15, "after the hold time it is applied")


def test_mass_removal_comes_back(t):
    """most instances gone and back within the hold time: nothing happens"""
    catalog, edge, ups = start(t, hold_ms=60_000)
    web = edge.entry_point()
    catalog.deregister("i0", "i1", "i2", "i3", "i4")
    stays_true(lambda: get(web, "/", HOST).status == 200, 1, "served")
    for i in range(5):
        catalog.register(f"i{i}", "web", ups[i].port, [host_tag("web", HOST)])
    catalog.deregister("i0")
    wait_for(lambda: names_seen(web, HOST, 30) == {f"i{i}" for i in range(1, 6)}, 15, "a small removal applies at once")


def test_small_removal(t):
    """one instance gone is applied at once"""
    catalog, edge, _ = start(t)
    catalog.deregister("i0")
    wait_for(lambda: "i0" not in names_seen(edge.entry_point(), HOST, 30), 5, "it gets no more requests")


def test_liar_from_the_start(t):
    """a catalog that lies from the start: the edge serves nothing, is not ready, and recovers"""
    catalog = t.ends(LyingCatalog())
    catalog.lie("500")
    edge = t.edge(consul=catalog.url, config=QUICK.format(hold_ms=1000, more=""))
    assert get(edge.entry_point(), "/", HOST).status in (404, 503)
    assert get(edge.admin, "/ready").status == 503
    up = t.ends(upstreams.Upstream(name="up"))
    catalog.register("up", "web", up.port, [host_tag("web", HOST)])
    catalog.tell_truth()
    wait_status(edge.entry_point(), HOST, 200, deadline_s=20)
    wait_status(edge.admin, "admin", 200, target="/ready")


def test_too_old(t):
    """what the catalog cannot confirm for too long answers 503, not another route, is told, and comes back at once"""
    catalog, edge, _ = start(t, instances=1, more="last_good_age_ms_max = 300")
    web = edge.entry_point()
    rest = t.ends(upstreams.Upstream(name="rest"))
    catalog.register("rest", "rest", rest.port, ["traefik.http.routers.rest.rule=PathPrefix(`/`)"])
    wait_status(web, "other.test", 200)
    catalog.lie("500", "/v1/health/service/web")
    wait_status(web, HOST, 503)
    assert get(web, "/", "other.test").header("x-name") == "rest"  # it is read all the time
    states = {each["name"]: each["endpoints"][0] for each in edge.api("/api/services")}
    assert states["rest@consul"]["state"] == "up" and states["web@consul"]["state"] == "stale", states
    assert "safety.last_good_age_ms_max" in states["web@consul"]["why"], states
    ready = get(edge.admin, "/ready")
    assert ready.status == 200 and "stale: 1 service" in ready.text(), ready.text()
    [consul] = edge.api("/api/providers")
    assert consul["stale"] == ["web"] and consul["liveEndpoints"] == 1, consul
    assert 'weir_provider_stale_services{provider="consul"} 1' in get(edge.admin, "/metrics").text()
    assert edge.log().count("not confirmed for too long") == 1
    catalog.tell_truth()
    wait_status(web, HOST, 200)
    assert "stale" not in get(edge.admin, "/ready").text().replace("staleServices", "")
