"""Routes from a JSON document behind a URL: Traefik's HTTP provider."""

import json

from harness import upstreams
from harness.http import get
from harness.test import wait_status
from harness.tls import Authority, TlsUpstream
from harness.wait import stays_true, wait_for

CONFIG = """
[providers.http]
endpoint = "{url}/routes"
interval_ms = 100
timeout_ms = 2000
headers = ["X-Api-Key: secret"]
{more}
"""


def document(routes, middlewares=None):
    """`routes`: name -> url. Each is the host name.test."""
    http = {"routers": {name: {"rule": f"Host(`{name}.test`)", "service": name} for name in routes},
            "services": {name: {"loadBalancer": {"servers": [{"url": url}]}} for name, url in routes.items()}}
    if middlewares:
        http["middlewares"] = middlewares
        for router in http["routers"].values():
            router["middlewares"] = list(middlewares)
    return {"http": http}


class Server:
    """Serves `text` with an ETag; `status` is what it answers otherwise."""

    def __init__(self, t, certificate=None):
        self.text, self.status, self.confirmed = "{}", 200, 0
        self.server = t.ends(TlsUpstream(certificate, answer=self.answer) if certificate else
                             upstreams.Upstream(answer=self.answer, name="document"))
        self.url = self.server.url

    def say(self, value):
        self.text = json.dumps(value)

    def answer(self, request):
        etag = f'"{hash(self.text)}"'
        if self.status != 200:
            return upstreams.response(self.status, "no", reason="Wrong")
        if request.header("if-none-match") == etag:
            self.confirmed += 1
            return upstreams.response(304, "", [("ETag", etag)], reason="Not Modified")
        return upstreams.response(200, self.text, [("ETag", etag), ("Content-Type", "application/json")])


def test_document(t):
    """routers, services and middlewares come, change and go; what did not change is confirmed by its ETag"""
    up = t.ends(upstreams.Upstream(name="up"))
    server = Server(t)
    edge = t.edge(config=CONFIG.format(url=server.url, more=""))
    web = edge.entry_point()
    wait_status(edge.admin, "admin", 200, target="/ready")
    server.say(document({"a": up.url}, {"strip": {"stripPrefix": {"prefixes": ["/x", "/y"]}}}))
    wait_status(web, "a.test", 200)
    assert get(web, "/y/z", "a.test").json()["target"] == "/z"
    assert [each["name"] for each in edge.api("/api/routers")] == ["a@http"]
    wait_for(lambda: server.confirmed >= 2, 10, "the ETag is given back")
    assert all(each.header("x-api-key") == "secret" for each in server.server.requests)
    server.say(document({"a": up.url, "b": up.url}))
    wait_status(web, "b.test", 200)
    server.say(document({"b": up.url}))
    wait_status(web, "a.test", 404)
    assert 'weir_provider_age_seconds{provider="http"}' in get(edge.admin, "/metrics").text()


def test_bad_documents(t):
    """errors and half documents keep the last good one and are shown; a bad object drops only itself"""
    up = t.ends(upstreams.Upstream(name="up"))
    server = Server(t)
    server.say(document({"a": up.url}))
    edge = t.edge(config=CONFIG.format(url=server.url, more="body_bytes_max = 100000"))
    web = edge.entry_point()
    wait_status(web, "a.test", 200)

    def shown(text):
        wait_for(lambda: text in get(edge.admin, "/ready").text(), 10, f"{text} is shown")
        assert get(web, "/", "a.test").status == 200
    server.status = 500
    shown("status 500")
    server.status, server.text = 200, '{"http":'
    shown("not JSON")
    server.text = json.dumps({"pad": "x" * 100_001})
    shown("100000")
    bad = document({"a": up.url, "b": up.url})
    bad["http"]["routers"]["b"]["rule"] = "Host("
    server.say(bad)
    wait_for(lambda: "http.routers.b" in str(edge.api("/api/rejected")), 10, "the bad router is named")
    stays_true(lambda: get(web, "/", "a.test").status == 200, 1, "the good one serves")


def test_start_without_server(t):
    """an edge that starts while the server is down serves the last good document from its disk, and says so"""
    up = t.ends(upstreams.Upstream(name="up"))
    server = Server(t)
    server.say(document({"a": up.url}))
    config = CONFIG.format(url=server.url, more="")
    edge = t.edge("--data-dir", t.path("data", ""), config=config)
    wait_status(edge.entry_point(), "a.test", 200)
    assert edge.stop() == 0
    server.status = 503
    again = t.edge("--data-dir", t.path("data", ""), config=config)
    wait_status(again.entry_point(), "a.test", 200)
    assert "from disk" in get(again.admin, "/ready").text(), get(again.admin, "/ready")
    server.status = 200
    wait_for(lambda: "live" in get(again.admin, "/ready").text(), 10, "the server is read again")


def test_document_over_tls(t):
    """https: the server's certificate is checked against tls_ca_file; with another CA nothing is believed"""
    ca, strangers = Authority(t.path("pki", "")), Authority(t.path("strangers", ""))
    up = t.ends(upstreams.Upstream(name="up"))
    server = Server(t, ca.issue("document", "127.0.0.1"))
    server.say(document({"a": up.url}))
    trusting = t.edge(config=CONFIG.format(url=server.url, more=f'tls_ca_file = "{ca.cert}"'))
    wait_status(trusting.entry_point(), "a.test", 200)
    mistrusting = t.edge(config=CONFIG.format(url=server.url, more=f'tls_ca_file = "{strangers.cert}"'))
    wait_for(lambda: "certificate" in get(mistrusting.admin, "/ready").text(), 10, "it says why it does not believe it")
    assert get(mistrusting.admin, "/ready").status == 503
