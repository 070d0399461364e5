"""Names in Consul that lead to the edge: fabio's register=, and the edge's own; real Consul 1.8.7 and our registry."""

import signal

from harness import upstreams
from harness.http import get
from harness.test import deregister, register, route_to, takes, wait_status
from harness.wait import stays_true, wait_for

CHECK = {"TTL": "10m", "Status": "passing"}
REGISTER = """
[providers.consul]
register_address = "127.0.0.1:7777"
register_name = "edge"
register_tags = ["public"]
"""


def passing(catalog_url, name):
    """(address, port, tags) of each instance of the name that is passing."""
    entries = get(catalog_url, f"/v1/health/service/{name}?passing").json()
    return [(one["Service"]["Address"], one["Service"]["Port"], one["Service"]["Tags"]) for one in entries]


def wait_names(catalog_url, names, others=()):
    def as_wanted():
        there = all(passing(catalog_url, name) == [("127.0.0.1", 7777, ["public"])] for name in names)
        return there and not any(passing(catalog_url, name) for name in others)
    wait_for(as_wanted, 20, f"{names} are registered, {others} are not")


def follows(t, catalog_url):
    """A service that asks for a name gets it, others come and go with their routes, a graceful stop takes all back."""
    web = t.ends(upstreams.Upstream(name="web"))
    edge = t.edge(consul=catalog_url, config=REGISTER)
    wait_names(catalog_url, ["edge"])
    register(catalog_url, "shop-1", "shop", web.port, ["urlprefix-shop.test/ register=shop-entry"], CHECK)
    wait_status(edge.entry_point(), "shop.test", 200)
    wait_names(catalog_url, ["edge", "shop-entry"])
    register(catalog_url, "blog-1", "blog", web.port, ["urlprefix-blog.test/ register=blog-entry"], CHECK)
    wait_names(catalog_url, ["edge", "shop-entry", "blog-entry"])
    deregister(catalog_url, "shop-1")
    wait_names(catalog_url, ["edge", "blog-entry"], ["shop-entry"])
    edge.signal(signal.SIGTERM)
    wait_names(catalog_url, [], ["edge", "blog-entry", "shop-entry"])


def test_register_consul(t):
    """real Consul: names that fabio's tags ask for come and go with their routes; a graceful stop takes all back"""
    follows(t, t.consul().url)


def test_register_registry(t):
    """our registry: the same"""
    follows(t, t.registry().url)


@takes(90)
def test_register_lost(t):
    """a Consul that lost its state hears of the names again; while it is down the edge serves"""
    consul = t.consul()
    web = t.ends(upstreams.Upstream(name="web"))
    edge = t.edge(consul=consul.url, config=REGISTER, routes=route_to("web.test", web.url))
    wait_names(consul.url, ["edge"])
    consul.kill()
    wait_status(edge.entry_point(), "web.test", 200)
    again = t.consul_again(consul, keep_data=False)
    wait_names(again.url, ["edge"])


def test_register_off(t):
    """without an address nothing is registered, and the log says which names were asked for"""
    consul = t.consul()
    web = t.ends(upstreams.Upstream(name="web"))
    edge = t.edge(consul=consul.url)
    register(consul.url, "shop-1", "shop", web.port, ["urlprefix-shop.test/ register=shop-entry"], CHECK)
    wait_status(edge.entry_point(), "shop.test", 200)
    wait_for(lambda: "shop-entry" in edge.log(), 5, "the log names what was asked for")
    stays_true(lambda: not passing(consul.url, "shop-entry"), 0.5, "it is not registered")


def test_register_address(t):
    """an address that is none is an error at start"""
    edge = t.edge(consul="http://127.0.0.1:1", config=REGISTER.replace("127.0.0.1:7777", "nowhere"), wait=False)
    edge.wait(10, "the edge ends")
    assert "providers.consul.register_address" in edge.log(), edge.log()
