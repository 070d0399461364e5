"""Routes in Consul's key-value store, in Traefik's layout and fabio's, from the real Consul and from our registry."""

from harness import upstreams
from harness.http import get, request
from harness.test import host_tag, names_seen, register, wait_status
from harness.wait import stays_true, wait_for

KV = """
[providers.consulkv]
addresses = ["{url}"]
wait_s = 2

[safety]
hold_ms = {hold_ms}
"""


def put(catalog, key, value):
    answer = request(catalog.url, "PUT", f"/v1/kv/{key}", body=value)
    assert answer.status == 200 and answer.text().strip() == "true", answer


def delete(catalog, key, recurse=False):
    answer = request(catalog.url, "DELETE", f"/v1/kv/{key}" + ("?recurse" if recurse else ""))
    assert answer.status == 200, answer


def put_site(catalog, name, port):
    """A router and its service in Traefik's layout; the router comes last."""
    put(catalog, f"traefik/http/services/{name}/loadBalancer/servers/0/url", f"http://127.0.0.1:{port}")
    put(catalog, f"traefik/http/routers/{name}/service", name)
    put(catalog, f"traefik/http/routers/{name}/rule", f"Host(`{name}.test`)")


def start(t, catalog, hold_ms=60_000, **options):
    return t.edge(config=KV.format(url=catalog.url, hold_ms=hold_ms), **options)


def provider(edge, name="consulkv"):
    return next(each for each in edge.api("/api/providers") if each["name"] == name)


def keys_route(t, catalog):
    one, two = (t.ends(upstreams.Upstream(name=name)) for name in ("one", "two"))
    edge = start(t, catalog)
    web = edge.entry_point()
    wait_status(edge.admin, "admin", 200, target="/ready")  # an empty store is an answer
    wait_status(web, "site.test", 404)
    put_site(catalog, "site", one.port)
    wait_status(web, "site.test", 200)
    put(catalog, "traefik/http/services/site/loadBalancer/servers/1/url", f"http://127.0.0.1:{two.port}")
    wait_for(lambda: names_seen(web, "site.test") == {"one", "two"}, 10, "the second server answers")

    put(catalog, "traefik/http/middlewares/strip/stripPrefix/prefixes/0", "/shop")
    put(catalog, "traefik/http/routers/site/middlewares/0", "strip")
    wait_for(lambda: get(web, "/shop/x", "site.test").json()["target"] == "/x", 10, "the middleware runs")

    put(catalog, "fabio/config", f"route add cmd cmd.test/ http://127.0.0.1:{two.port}/ opts \"strip=/a\"\n"
                                 f"route add cmd\n"
                                 f"route add cmd gone.test/ http://127.0.0.1:{one.port}/\n"
                                 f"route del cmd gone.test/\n")
    # One worker has the new table before the other.
    wait_for(lambda: {get(web, "/", "cmd.test").status for _ in range(10)} == {200}, 10, "all workers have the route")
    assert get(web, "/a/b", "cmd.test").json()["target"] == "/b"
    assert get(web, "/", "gone.test").status == 404

    put(catalog, "traefik/http/routers/bad/rule", "Host(`bad.test`")
    put(catalog, "traefik/http/routers/bad/service", "site")
    wait_for(lambda: "key traefik/http/routers/bad" in str(edge.api("/api/rejected")), 10, "the bad key is named")
    assert "key fabio/config:2" in str(edge.api("/api/rejected")), "the bad line is named"
    assert get(web, "/", "site.test").status == 200
    delete(catalog, "traefik/http/routers/site/rule")
    put(catalog, "traefik/http/routers/other/service", "site")
    put(catalog, "traefik/http/routers/other/rule", "Host(`other.test`)")
    wait_status(web, "other.test", 200)
    assert get(web, "/", "site.test").status == 200, "a router that lost its rule keeps its last good version"
    delete(catalog, "traefik/http/routers/site", recurse=True)
    wait_status(web, "site.test", 404)
    assert provider(edge)["source"] == "live" and "error" not in provider(edge), provider(edge)
    assert 'weir_provider_age_seconds{provider="consulkv"}' in get(edge.admin, "/metrics").text()


def test_keys_of_consul(t):
    """the real Consul: routers, services, middlewares and commands come, change and go; a bad key or line is named"""
    keys_route(t, t.consul())


def test_keys_of_registry(t):
    """the same of our own registry"""
    keys_route(t, t.registry())


def test_keys_and_tags(t):
    """keys name what tags define, and stand before them"""
    consul = t.consul()
    up = t.ends(upstreams.Upstream(name="tagged"))
    register(consul.url, "web", "web", up.port, [host_tag("web", "web.test")])
    edge = start(t, consul, consul=consul.url)
    web = edge.entry_point()
    wait_status(web, "web.test", 200)
    put(consul, "traefik/http/routers/front/service", "web@consulcatalog")
    put(consul, "traefik/http/routers/front/rule", "Host(`front.test`)")
    assert wait_status(web, "front.test", 200).header("x-name") == "tagged"
    put(consul, "traefik/http/routers/same/rule", "Host(`web.test`)")
    put(consul, "traefik/http/routers/same/service", "nobody")
    wait_status(web, "web.test", 503)
    delete(consul, "traefik/http/routers/same", recurse=True)
    wait_status(web, "web.test", 200)


def test_commands_and_tags(t):
    """commands weigh, delete and add targets of the routes of fabio's tags, until they are taken back"""
    registry = t.registry()
    for version in ("v1", "v2"):
        up = t.ends(upstreams.Upstream(name=version))
        register(registry.url, version, "web", up.port, ["urlprefix-web.test/", version],
                 {"TTL": "10m", "Status": "passing"})
    edge = start(t, registry, consul=registry.url)
    web = edge.entry_point()

    def seen(names, why):
        wait_for(lambda: names_seen(web, "web.test", 30) == names, 10, why)
    seen({"v1", "v2"}, "tags alone")
    put(registry, "fabio/config/canary", 'route weight web web.test/ weight 1 tags "v2"')
    seen({"v2"}, "all weight is v2's")
    put(registry, "fabio/config/canary", 'route del web tags "v2"')
    seen({"v1"}, "v2 is deleted")
    legacy = t.ends(upstreams.Upstream(name="legacy"))
    put(registry, "fabio/config/canary", f"route add old web.test/ {legacy.url}/")
    seen({"v1", "v2", "legacy"}, "another target joins them")
    delete(registry, "fabio/config/canary")
    put(registry, "fabio/config/else", f"route add old else.test/ {legacy.url}/")
    seen({"v1", "v2"}, "what the command did is undone")


def test_store_emptied(t):
    """a store that loses all its keys at once is not believed for the hold time, then it is"""
    registry = t.registry()
    ups = [t.ends(upstreams.Upstream(name=f"up{i}")) for i in range(3)]
    for i, up in enumerate(ups):
        put_site(registry, f"s{i}", up.port)
    edge = start(t, registry, hold_ms=3000)
    web = edge.entry_point()
    for i in range(3):
        wait_status(web, f"s{i}.test", 200)
    delete(registry, "traefik", recurse=True)
    wait_for(lambda: "held" in get(edge.admin, "/ready").text(), 10, "the removal is held, and said so")
    assert get(web, "/", "s0.test").status == 200
    wait_status(web, "s0.test", 404, deadline_s=20)


def test_consul_restart(t):
    """a Consul that is down and comes back takes no route away; changes arrive again"""
    consul = t.consul()
    up = t.ends(upstreams.Upstream(name="up"))
    put_site(consul, "site", up.port)
    edge = start(t, consul)
    web = edge.entry_point()
    wait_status(web, "site.test", 200)
    consul.kill()
    wait_for(lambda: "error" in provider(edge), 10, "the failure is shown")
    assert "error" in get(edge.admin, "/ready").text()
    consul = t.consul_again(consul)
    stays_true(lambda: get(web, "/", "site.test").status == 200, 1, "the route stays")
    put_site(consul, "later", up.port)
    wait_status(web, "later.test", 200, deadline_s=30)


def test_start_without_consul(t):
    """an edge that starts while Consul is down serves the last good keys from its disk, and says so"""
    consul = t.consul()
    up = t.ends(upstreams.Upstream(name="up"))
    put_site(consul, "site", up.port)
    put(consul, "fabio/config/a", f"route add cmd cmd.test/ http://127.0.0.1:{up.port}/\n")
    config = KV.format(url=consul.url, hold_ms=60_000)
    edge = t.edge("--data-dir", t.path("data", ""), config=config)
    for host in ("site.test", "cmd.test"):
        wait_status(edge.entry_point(), host, 200)
    assert edge.stop() == 0
    consul.kill()
    again = t.edge("--data-dir", t.path("data", ""), config=config)
    for host in ("site.test", "cmd.test"):
        wait_status(again.entry_point(), host, 200)
    assert "from disk" in get(again.admin, "/ready").text(), get(again.admin, "/ready")


def test_foreign_names(t):
    """another root and another prefix are read, and what stands under the usual ones is not"""
    registry = t.registry()
    up = t.ends(upstreams.Upstream(name="up"))
    put_site(registry, "usual", up.port)
    put(registry, "edge%20one/http/services/s/loadBalancer/servers/0/url", f"http://127.0.0.1:{up.port}")
    put(registry, "edge%20one/http/routers/s/service", "s")
    put(registry, "edge%20one/http/routers/s/rule", "Host(`s.test`)")
    config = KV.format(url=registry.url, hold_ms=1000).replace(
        "wait_s", 'root_key = "/edge one/"\nfabio_prefix = ""\nwait_s')
    edge = t.edge(config=config)
    wait_status(edge.entry_point(), "s.test", 200)
    assert get(edge.entry_point(), "/", "usual.test").status == 404
