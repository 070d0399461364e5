"""Active health checks of the edge: who gets requests, who does not, and what is told of it."""

import threading

from harness import upstreams
from harness.http import get, put_json, request
from harness.load import Load
from harness.processes import run_weir
from harness.test import deregister, host_tag, register, route, takes, wait_status
from harness.tls import Authority, TlsUpstream
from harness.wait import wait_for
from test_edge_tls import certificate, secure_edge
from test_grpc_health import HealthServer

HOST = "shop.test"
CHECK = ('[services.shop.health_check]\npath = "/up"\ninterval = "100ms"\ntimeout = "20s"\n')


class Instance(upstreams.Upstream):
    """Answers as it is told: `well` by its check, `ready` at all."""

    def __init__(self, name, ready=True):
        self.well, self.ready, self.served_unready = True, ready, 0
        super().__init__(answer=self.answer_asked, name=name)

    def answer_asked(self, asked):
        if asked.target == "/up":
            return upstreams.response(200 if self.well and self.ready else 503)
        self.served_unready += not self.ready
        return self.answer_ok(asked) if self.ready else upstreams.response(503)

    def asked(self):
        with self.lock:
            return [one for one in self.requests if one.target == "/up"]


def endpoints(edge, service="shop@file"):
    for one in edge.api("/api/services"):
        if one["name"] == service:
            return {endpoint["url"]: endpoint for endpoint in one["endpoints"]}
    return {}


def state(edge, upstream, service="shop@file"):
    return endpoints(edge, service)[upstream.url]["state"]


def wait_state(edge, upstream, wanted, service="shop@file"):
    wait_for(lambda: state(edge, upstream, service) == wanted, 20, f"{upstream.name} is {wanted}")


def test_states(t):
    """who fails its check gets nothing and keeps its place; who passes again gets requests again; when all fail: 503"""
    a, b = t.ends(Instance("a")), t.ends(Instance("b"))
    edge = t.edge(routes=route(f'host = "{HOST}"', a.url, b.url, name="shop") + CHECK)
    web = edge.entry_point()
    for one in (a, b):
        wait_state(edge, one, "up")
    assert {get(web, "/", HOST).header("x-name") for _ in range(20)} == {"a", "b"}
    b.well = False
    wait_state(edge, b, "unhealthy")
    wait_for(lambda: {get(web, "/", HOST).header("x-name") for _ in range(10)} == {"a"}, 10, "a alone is asked")
    a.well = False
    wait_state(edge, a, "unhealthy")
    wait_status(web, HOST, 503)
    b.well = True
    wait_state(edge, b, "up")
    assert wait_status(web, HOST, 200).header("x-name") == "b"
    assert a.asked()[0].header("user-agent") == "weir-health-check"


def test_told(t):
    """the API, explain, the metrics and the log say who is down, since when and why; the log says it once"""
    well, bad = t.ends(Instance("well")), t.ends(Instance("bad"))
    bad.well = False
    edge = t.edge(routes=route(f'host = "{HOST}"', well.url, bad.url, name="shop") + CHECK)
    wait_state(edge, well, "up")
    wait_state(edge, bad, "unhealthy")
    wait_for(lambda: len(bad.asked()) >= 4, 20, "it is asked again")
    service = next(one for one in edge.api("/api/services") if one["name"] == "shop@file")
    assert service["serverStatus"] == {well.url: "UP", bad.url: "DOWN"}, service
    assert service["healthCheck"]["path"] == "/up" and service["healthCheck"]["interval"] == "100ms", service
    shown = endpoints(edge)
    assert shown[bad.url]["check"]["error"] == "status 503" and not shown[bad.url]["check"]["passed"], shown
    assert shown[bad.url]["why"] == "its health check failed: status 503", shown
    assert shown[well.url]["check"]["passed"] and "why" not in shown[well.url], shown
    code, out, _ = run_weir("route", "explain", "--admin", edge.admin, f"http://{HOST}/")
    assert code == 0 and f"{bad.url}  not live: its health check failed: status 503" in out, out
    metrics = get(edge.admin, "/metrics").text()
    for url, up in ((well.url, 1), (bad.url, 0)):
        assert f'weir_service_server_up{{service="shop@file",url="{url}"}} {up}' in metrics, metrics
    assert 'weir_health_checks_total{result="failed"}' in metrics, metrics
    assert edge.log().count("endpoint fails its health check") == 1, edge.log()
    bad.well = True
    wait_state(edge, bad, "up")
    wait_for(lambda: "endpoint passes its health check again" in edge.log(), 10, "the log says so")


@takes(60)
def test_probing(t):
    """a rolling replacement, each new instance answering 503 for its first second: no request fails, and none reaches
    an instance before its first passing check while others are up"""
    registry = t.registry()
    old = [t.ends(Instance(f"old-{i}")) for i in range(2)]
    check = "traefik.http.services.shop.loadbalancer.healthcheck"
    tags = [host_tag("shop", HOST), f"{check}.path=/up", f"{check}.interval=100ms", f"{check}.timeout=20s"]
    for one in old:
        register(registry.url, one.name, "shop", one.port, tags)
    edge = t.edge(consul=registry.url)
    web = edge.entry_point()
    for one in old:
        wait_for(lambda one=one: state(edge, one, "shop@consul") == "up", 20, f"{one.name} is up")
    with Load(web, HOST, rate_per_s=200) as load:
        for i, one in enumerate(old):
            new = t.ends(Instance(f"new-{i}", ready=False))
            register(registry.url, new.name, "shop", new.port, tags)
            wait_for(lambda new=new: state(edge, new, "shop@consul") in ("probing", "unhealthy"), 20, "it is known")
            assert not endpoints(edge, "shop@consul")[new.url]["live"]
            starting = threading.Timer(1, lambda new=new: setattr(new, "ready", True))
            starting.start()
            wait_state(edge, new, "up", "shop@consul")
            wait_for(lambda new=new: len(new.requests) > len(new.asked()), 20, f"{new.name} serves")
            starting.join()
            deregister(registry.url, one.name)
            wait_for(lambda one=one: one.url not in endpoints(edge, "shop@consul"), 20, f"{one.name} is gone")
            assert new.served_unready == 0, new.served_unready
    load.check()


def test_first_verdict(t):
    """a start never answers 503 for want of a verdict: with nobody known to be up, those that are probed serve"""
    slow = t.ends(upstreams.Upstream(name="slow"))
    asked, answer = threading.Event(), threading.Event()

    def serve(one):
        if one.target == "/up":
            asked.set()
            answer.wait(30)
        return slow.answer_ok(one)
    slow.answer = serve
    edge = t.edge(routes=route(f'host = "{HOST}"', slow.url, name="shop") + CHECK)
    assert asked.wait(20)
    assert state(edge, slow) == "probing"
    assert get(edge.entry_point(), "/", HOST).status == 200
    assert "nobody is known to be up" in endpoints(edge)[slow.url]["why"]
    assert edge.api("/api/services")[0]["serverStatus"] == {slow.url: "UP"}
    answer.set()


def test_as_traefik(t):
    """with health.new_endpoints = "up" an endpoint that has not been asked gets its share"""
    hangs = t.ends(upstreams.hanging())
    edge = t.edge(routes=route(f'host = "{HOST}"', hangs.url, name="shop") + CHECK,
                  config='[health]\nnew_endpoints = "up"\n')
    wait_for(lambda: hangs.requests, 20, "it is being asked")
    assert state(edge, hangs) == "up"


@takes(60)
def test_peers_that_fail(t):
    """who is silent, resets, cuts or refuses: unhealthy within its timeout, each with its reason; the others serve"""
    well = t.ends(Instance("well"))
    silent = t.ends(upstreams.hanging())
    peers = {"resets": (t.ends(upstreams.resetting()), ""),
             "cuts": (t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Le")), ""),
             "nonsense": (t.ends(upstreams.saying(b"220 mail.test ESMTP\r\n")), ""),
             "refuses": (t.ends(upstreams.RefusingPort()), "refused")}
    urls = [well.url, *[peer.url for peer, _ in peers.values()]]
    impatient = CHECK.replace("20s", "300ms").replace("services.shop", "services.silent")
    edge = t.edge(routes=route(f'host = "{HOST}"', *urls, name="shop") + CHECK + "\n" +
                  route('host = "silent.test"', silent.url, name="silent") + impatient)
    wait_state(edge, well, "up")
    for name, (peer, reason) in peers.items():
        peer.name = name
        wait_state(edge, peer, "unhealthy")
        assert reason in endpoints(edge)[peer.url]["check"]["error"], (name, endpoints(edge)[peer.url])
    wait_state(edge, silent, "unhealthy", "silent@file")
    assert " within " in endpoints(edge, "silent@file")[silent.url]["check"]["error"]
    with Load(edge.entry_point(), HOST, rate_per_s=200) as load:
        wait_for(lambda: load.sent > 40, 20, "requests are sent")
    load.check()


def test_https(t):
    """https is spoken as requests to the endpoint speak it: by the service's transport, its CA, name and certificate"""
    ca, other = Authority(t.path("pki", "")), Authority(t.path("other", ""))
    good = t.ends(TlsUpstream(ca.issue("good", "up.test"), client_ca=ca.cert, name="good"))
    strange = t.ends(TlsUpstream(other.issue("strange", "up.test"), name="strange"))
    client = ca.issue("client", "client.test")
    tls_file = certificate(ca.issue("site", HOST)) + \
        f'[serversTransports.inner]\nrootCAs = ["{ca.cert}"]\nserverName = "up.test"\n' \
        f'[[serversTransports.inner.certificates]]\ncertFile = "{client[0]}"\nkeyFile = "{client[1]}"\n'
    routes = route(f'host = "{HOST}"', good.url, strange.url, name="shop") + \
        'servers_transport = "inner"\n' + CHECK
    edge, _ = secure_edge(t, tls_file, routes)
    wait_for(lambda: {one["state"] for one in endpoints(edge).values()} == {"up", "unhealthy"}, 20, "both are asked")
    shown = endpoints(edge)
    assert shown[f"{good.url}#inner"]["state"] == "up", shown
    assert "certificate" in shown[f"{strange.url}#inner"]["check"]["error"], shown
    assert get(edge.entry_point(), "/", HOST).header("x-name") == "good"
    assert set(good.names) == {"up.test"}, good.names


@takes(60)
def test_grpc(t):
    """mode grpc asks grpc.health.v1.Health, over HTTP/2 in the clear and over TLS; all but SERVING is unhealthy"""
    ca = Authority(t.path("ca", ""))
    plain, secure = t.ends(HealthServer()), t.ends(HealthServer(*ca.issue("health", "127.0.0.1")))
    old = t.ends(upstreams.Upstream())
    check = '\n[services.{}.health_check]\nmode = "grpc"\ninterval = "100ms"\n'
    routes = "".join([route('host = "plain.test"', f"h2c://{plain.address}", name="plain") + check.format("plain"),
                      route('host = "secure.test"', f"https://{secure.address}", name="secure"),
                      check.format("secure"),
                      route('host = "old.test"', old.url, name="old") + check.format("old")])
    tls_file = certificate(ca.issue("site", HOST)) + f'[serversTransports.default]\nrootCAs = ["{ca.cert}"]\n'
    edge, _ = secure_edge(t, tls_file, routes)

    def shown(name):
        return next(iter(endpoints(edge, f"{name}@file").values()))
    wait_for(lambda: shown("plain")["state"] == "up", 20, "plain is up")
    wait_for(lambda: shown("secure")["state"] == "up", 20, "secure is up")
    wait_for(lambda: shown("old")["state"] == "unhealthy", 20, "HTTP/1.1 is no gRPC")
    plain.say("NOT_SERVING ")
    wait_for(lambda: shown("plain")["state"] == "unhealthy", 20, "it says so")
    assert "didn't report service healthy" in shown("plain")["check"]["error"]
    plain.say("SERVING ")
    wait_for(lambda: shown("plain")["state"] == "up", 20, "it is back")


def test_kv_and_catalog(t):
    """checks said in Consul's store; and who fails in the catalog gets nothing whatever its check finds"""
    registry, one = t.registry(), t.ends(Instance("one"))
    for key, value in {"http/routers/shop/rule": f"Host(`{HOST}`)", "http/routers/shop/service": "shop",
                       "http/services/shop/loadBalancer/servers/0/url": one.url,
                       "http/services/shop/loadBalancer/healthCheck/path": "/up",
                       "http/services/shop/loadBalancer/healthCheck/interval": "100ms"}.items():
        assert request(registry.url, "PUT", f"/v1/kv/traefik/{key}", body=value.encode()).status == 200
    edge = t.edge(consul=registry.url, config=f'[providers.consulkv]\naddresses = ["{registry.url}"]\n'
                  "[safety]\nmass_removal_share_percent = 100\n")
    wait_state(edge, one, "up", "shop@consulkv")
    check = "traefik.http.services.web.loadbalancer.healthcheck.path=/up"
    register(registry.url, "web-1", "web", one.port, [host_tag("web", "web.test"), check],
             check={"CheckID": "own", "TTL": "60s", "Status": "passing"})
    wait_state(edge, one, "up", "web@consul")
    put_json(registry.url, "/v1/agent/check/fail/own", None)
    wait_state(edge, one, "failing", "web@consul")
    wait_status(edge.entry_point(), "web.test", 503)
    assert endpoints(edge, "web@consul")[one.url]["why"] == "it fails by the catalog"
