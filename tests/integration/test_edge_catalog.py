"""The edge against the real Consul 1.8.7: registration, health, deregistration, restart, loss of data, silence."""

import signal
import time

from harness import upstreams
from harness.http import get, put_json
from harness.load import Load
from harness.test import deregister, host_tag, names_seen, register, takes, wait_status
from harness.wait import stays_true, wait_for
from harness.websocket import WebSocket

HOST = "web.test"
# Short waits, so that a silent catalog is noticed within a test; a brake that is quick to let go.
QUICK = """
[providers.consul]
wait_s = 2

[safety]
hold_ms = 1500
"""


def register_upstream(t, catalog, name, service="web", host=HOST, check=None):
    upstream = t.ends(upstreams.Upstream(name=name))
    register(catalog.url, name, service, upstream.port, [host_tag(service, host)], check)
    return upstream


def test_registration(t):
    """a service that registers is routed by its tag, its second instance too; after the last nobody answers"""
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    wait_status(web, HOST, 404)  # until it has read the catalog it says 503
    register_upstream(t, consul, "one")
    assert wait_status(web, HOST, 200).header("x-name") == "one"
    register_upstream(t, consul, "two")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 10, "both instances answer")
    deregister(consul.url, "one")
    wait_for(lambda: names_seen(web, HOST) == {"two"}, 10, "only the second answers")
    deregister(consul.url, "two")
    wait_for(lambda: get(web, "/", HOST).status in (404, 503), 10, "nobody is left to answer")


def test_no_failed_request(t):
    """pain 30, 31: instances come and go under load without a failed request, and an open WebSocket does not notice"""
    consul = t.consul()
    first = register_upstream(t, consul, "first")
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    assert first.requests
    with WebSocket(web, "/ws", HOST) as socket, Load(web, HOST, rate_per_s=150) as load:
        for i in range(5):
            other = register_upstream(t, consul, f"other{i}")
            wait_for(lambda o=other: o.requests, 10, "the new instance gets requests")
            deregister(consul.url, f"other{i}")
            quiet = [len(other.requests), time.monotonic()]

            def silent(o=other, q=quiet):
                if len(o.requests) != q[0]:
                    q[:] = [len(o.requests), time.monotonic()]
                return time.monotonic() - q[1] > 0.3
            wait_for(silent, 10, "the instance that left gets no more requests")
            other.stop()
            socket.echo(f"still here {i}")
    load.check()


def test_health(t):
    """an instance gets requests while its check passes or warns, and none while it is critical"""
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    register_upstream(t, consul, "steady")
    register_upstream(t, consul, "sick", check={"TTL": "10m", "Status": "passing"})
    wait_for(lambda: names_seen(web, HOST) == {"steady", "sick"}, 10, "both answer")
    both = {"steady", "sick"}
    for call, names in (("fail", {"steady"}), ("warn", both), ("fail", {"steady"}), ("pass", both)):
        put_json(consul.url, f"/v1/agent/check/{call}/service:sick")
        wait_for(lambda n=names: names_seen(web, HOST) == n, 10, f"after {call}: {names}")


def test_maintenance(t):
    """an instance or a node in maintenance gets no requests"""
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    register_upstream(t, consul, "one")
    register_upstream(t, consul, "two")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 10, "both answer")
    put_json(consul.url, "/v1/agent/service/maintenance/one?enable=true&reason=test")
    wait_for(lambda: names_seen(web, HOST) == {"two"}, 10, "the one in maintenance is left out")
    put_json(consul.url, "/v1/agent/service/maintenance/one?enable=false")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 10, "it is back")
    put_json(consul.url, "/v1/agent/maintenance?enable=true")
    wait_status(web, HOST, 503)


def test_tag_change(t):
    """a changed tag moves the route"""
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    upstream = register_upstream(t, consul, "one")
    wait_status(web, HOST, 200)
    register(consul.url, "one", "web", upstream.port, [host_tag("web", "moved.test")])
    wait_status(web, "moved.test", 200)
    wait_status(web, HOST, 404)


def test_tag_grammars(t):
    """Traefik's tags and fabio's route as well, and a bad tag stops nobody else"""
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))
    register(consul.url, "traefik", "traefik", up.port,
             ["traefik.enable=true", "traefik.http.routers.t.rule=Host(`t.test`) && PathPrefix(`/api`)"])
    register(consul.url, "fabio", "fabio", up.port, ["urlprefix-f.test/"], {"TTL": "10m", "Status": "passing"})
    register(consul.url, "unchecked", "unchecked", up.port, ["urlprefix-u.test/"])
    register(consul.url, "bad", "bad", up.port, ["weir.http.routers.bad.rule=Host(`bad.test`"])
    wait_status(web, "t.test", 200, target="/api/x")
    assert get(web, "/", "t.test").status == 404
    wait_status(web, "f.test", 200, target="/any")
    wait_status(web, "u.test", 503)  # as fabio has it: without a check nobody knows whether it serves
    wait_for(lambda: "bad" in str(edge.api("/api/rejected")), 10, "the bad tag is reported")


def test_consul_restart(t):
    """Consul's restart fails no request, and what was registered before still routes afterwards"""
    consul = t.consul()
    register_upstream(t, consul, "one")
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    with Load(web, HOST, rate_per_s=100) as load:
        consul.kill()
        stays_true(lambda: get(web, "/", HOST).status == 200, 3, "the route stays while Consul is down")
        consul = t.consul_again(consul)
        register_upstream(t, consul, "later", "later", "later.test")
        wait_status(web, "later.test", 200, deadline_s=20)
        stays_true(lambda: get(web, "/", HOST).status == 200, 2, "the route stays after the restart")
    load.check()


@takes(120)
def test_consul_loses_data(t):
    """Consul comes back empty: many routes are held, not dropped, until they are registered again"""
    consul = t.consul()
    ups = [register_upstream(t, consul, f"i{i}") for i in range(6)]
    edge = t.edge(consul=consul.url, config=QUICK.replace("1500", "60000"))
    web = edge.entry_point()
    wait_for(lambda: len(names_seen(web, HOST, 40)) == 6, 15, "all instances answer")
    with Load(web, HOST, rate_per_s=100) as load:
        consul.kill()
        consul = t.consul_again(consul, keep_data=False)
        stays_true(lambda: get(web, "/", HOST).status == 200, 5, "the routes are held")
        for i, up in enumerate(ups):
            register(consul.url, f"i{i}", "web", up.port, [host_tag("web", HOST)])
        new = register_upstream(t, consul, "new")
        # Found although every index of the new Consul is lower than the edge's last.
        wait_for(lambda: new.requests, 20, "an instance registered after the loss gets requests")
    load.check()


def test_consul_silent(t):
    """a Consul that hangs (SIGSTOP) takes no route away; when it goes on, changes arrive again"""
    consul = t.consul()
    register_upstream(t, consul, "one")
    edge = t.edge(consul=consul.url, config=QUICK)
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    consul.signal(signal.SIGSTOP)
    try:
        stays_true(lambda: get(web, "/", HOST).status == 200, 6, "the route stays while Consul is silent")
    finally:
        consul.signal(signal.SIGCONT)
    register_upstream(t, consul, "two")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 30, "changes arrive again")


def test_start_without_consul(t):
    """an edge that starts while Consul is down serves the last good catalog from its disk, and says so"""
    consul = t.consul()
    register_upstream(t, consul, "one")
    edge = t.edge("--data-dir", t.path("data", ""), consul=consul.url, config=QUICK)
    wait_status(edge.entry_point(), HOST, 200)
    wait_status(edge.admin, "admin", 200, target="/ready")
    assert edge.stop() == 0
    consul.kill()
    again = t.edge("--data-dir", t.path("data", ""), consul=consul.url, config=QUICK)
    wait_status(again.entry_point(), HOST, 200)
    assert "disk" in get(again.admin, "/ready").text(), get(again.admin, "/ready")
    consul = t.consul_again(consul)
    register_upstream(t, consul, "two")
    wait_for(lambda: names_seen(again.entry_point(), HOST) == {"one", "two"}, 20, "the live catalog takes over")


def test_start_before_consul(t):
    """an edge that starts before Consul and without a saved catalog is not ready until it has read one"""
    consul = t.consul()
    consul.stop()
    edge = t.edge(consul=consul.url, config=QUICK)
    assert get(edge.admin, "/ping").status == 200
    assert get(edge.admin, "/ready").status == 503
    consul = t.consul_again(consul)
    register_upstream(t, consul, "one")
    wait_status(edge.entry_point(), HOST, 200, deadline_s=20)
    wait_status(edge.admin, "admin", 200, target="/ready")


def test_bounded_load(t):
    """in peace the edge asks Consul no more than its blocking queries need"""
    consul = t.consul()
    register_upstream(t, consul, "one")
    for i in range(20):
        register(consul.url, f"unrouted{i}", f"unrouted{i}", 1000 + i, ["plain"])
    edge = t.edge(consul=consul.url, config=QUICK.replace("wait_s = 2", "wait_s = 60"))
    wait_status(edge.entry_point(), HOST, 200)

    def connections():
        """How many sockets the edge holds to Consul."""
        port = f":{consul.ports[0]:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(1 for row in rows if row[2].endswith(port) and row[3] == "01")
    # One for the list of services, one for each routed service, and some slack: not one for each of 22 services.
    stays_true(lambda: connections() <= 8, 3, "few connections to Consul")
