"""HTTP/2 over TLS, chosen by ALPN: towards clients and towards upstreams."""

import base64
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading

from harness import h2, processes, upstreams
from harness import websocket as ws
from harness.http import get
from harness.test import route, route_to, takes
from harness.tls import Authority, TlsUpstream, tls_get
from test_edge_tls import certificate, secure_edge
from test_h2_clients import GUARD, check_h2spec, early_answers, run

HOST = "app.test"
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
TRUST = '[serversTransports.default]\nrootCAs = ["{}"]\nserverName = "up.test"\n'


def client(address, ca, host=HOST, **options):
    context = ca.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    return h2.Connection(address, context=context, host=host, **options)


def server_context(pair, protocols=("h2", "http/1.1")):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.set_alpn_protocols(list(protocols))
    return context


def test_alpn(t):
    """h2 is agreed on with whoever offers it and with nobody else, and not where the TLS options leave it out"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    log = t.path("access.log")
    options = '[tls.options.old]\nalpnProtocols = ["http/1.1"]\n'
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + options,
                               route_to(HOST, upstream.url),
                               config='[entrypoints.old]\naddress = "127.0.0.1:0"\ntls = true\ntls_options = "old"\n'
                                      f'[access_log]\nformat = "json"\npath = "{log}"\n')
    with client(secure, ca) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}", scheme="https")) for i in range(50)]
        assert [connection.answer(s).status for s in streams] == [200] * 50
        body = os.urandom(200_000)
        connection.until(lambda: connection.settings, "SETTINGS")
        stream = connection.headers(h2.get_fields("/up", method="POST", scheme="https"), end=False)
        for i in range(0, 60_000, 10_000):  # within the first window
            connection.data(stream, body[i:i + 10_000], end=i == 50_000)
        assert connection.answer(stream).status == 200
    assert upstream.requests[-1].body == body[:60_000]
    assert upstream.requests[-1].all("x-forwarded-proto") == ["https"], upstream.requests[-1].headers
    assert tls_get(secure, HOST, ca.context()).status == 200, "HTTP/1.1 for those who offer nothing else"
    context = ca.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert tls_get(edge.entry_point("old"), HOST, context).status == 200, "HTTP/1.1 by tls.options"
    edge.stop()
    with open(log, encoding="utf-8") as file:
        protocols = [json.loads(line)["RequestProtocol"] for line in file]
    assert sorted(protocols) == ["HTTP/1.1"] * 2 + ["HTTP/2.0"] * 51, protocols


def test_preface_over_tls(t):
    """a client that agreed on HTTP/1.1 cannot begin HTTP/2"""
    ca = Authority(t.path("pki", ""))
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)), "")
    context = ca.context()
    with h2.Connection(edge.entry_point()) as plain:
        assert plain.get().status == 404
    with ws.Connection(secure, host=HOST) as connection:
        connection.sock = context.wrap_socket(connection.sock, server_hostname=HOST)
        connection.reader.sock = connection.sock
        connection.send(h2.PREFACE.decode())
        assert connection.read_response().status == 505


def test_clients(t):
    """curl, nghttp and h2load over TLS"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, "x" * 50_000)))
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST, "127.0.0.1")),
                            route_to(HOST, upstream.url) + route_to("127.0.0.1", upstream.url, name="ip"))
    port = secure.rsplit(":", 1)[1]
    curl = ["curl", "-sS", "--cacert", ca.cert, "--resolve", f"{HOST}:{port}:127.0.0.1", "-o", os.devnull, "-w",
            "%{http_version} %{http_code} %{num_connects}\n"]
    url = f"https://{HOST}:{port}/"
    assert run(*curl, url, "-o", os.devnull, url) == "2 200 1\n2 200 0\n"
    assert run(*curl, "--http1.1", url) == "1.1 200 1\n"
    assert run(*curl, "-T", __file__, url) == "2 200 1\n"
    assert len(upstream.requests[-1].body) == os.path.getsize(__file__)
    out = run("nghttp", "-nv", "-H", f":authority: {HOST}", f"https://{secure}/")
    assert ":status: 200" in re.sub(r"\x1b\[[0-9;]*m", "", out), out[-2000:]
    out = run("h2load", "-n", "2000", "-c", "4", "-m", "50", f"https://{secure}/", seconds_max=120)
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out


def test_early_answer_tls(t):
    """curl gets the answers that come before the end of its upload over TLS, too"""
    ca = Authority(t.path("pki", ""))
    early = t.ends(upstreams.answering_early(413))
    guarded = route('middlewares = ["guard"]\nhost = "guarded.test"', early.url, name="guarded")
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST, "guarded.test")),
                            route_to(HOST, early.url) + guarded + GUARD)
    port = secure.rsplit(":", 1)[1]
    body = t.write("body", "x" * 70_000)
    for host, status in ((HOST, 413), ("guarded.test", 401)):
        curl = ["curl", "--http2", "--cacert", ca.cert, "--resolve", f"{host}:{port}:127.0.0.1"]
        seen = early_answers(curl, f"https://{host}:{port}/", body)
        assert seen == [f"{status} 0"] * 3, f"{host}: {seen}"


@takes(300)
def test_h2spec_tls(t):
    """h2spec --strict over TLS: every case"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, "x" * 2000)))
    _, secure = secure_edge(t, certificate(ca.issue("site", "127.0.0.1")), route_to("127.0.0.1", upstream.url))
    check_h2spec(t, secure, "-t", "-k")


@takes(120)
def test_chromium(t):
    """Chromium opens a page and what it asks for on one HTTP/2 connection"""
    ca = Authority(t.path("pki", ""))
    page = "<!doctype html><title>h2</title><link rel=icon href=data:,><script>(async () => {" \
           "const asked = await Promise.all([...Array(30).keys()].map((i) => fetch('/' + i).then((r) => r.text())));" \
           "document.title = asked.every((text, i) => text === '/' + i) ? 'all' : asked.join();})()</script>"

    def answer(request):
        if request.target == "/":
            return upstreams.response(200, page, [("Content-Type", "text/html")])
        return upstreams.response(200, request.target)
    upstream = t.ends(upstreams.Upstream(answer=answer))
    _, secure = secure_edge(t, certificate(ca.issue("site", "app.localhost")), route_to("app.localhost", upstream.url))
    modules = os.path.join(processes.PEERS, "node", "node_modules")
    assert os.path.isdir(os.path.join(modules, "playwright-core")), "playwright-core: run scripts/setup --tests"
    result = subprocess.run(["node", os.path.join(CLIENTS, "browser_h2.js"),
                             f"https://app.localhost:{secure.rsplit(':', 1)[1]}/", "all"],
                            capture_output=True, text=True, timeout=80, check=False,
                            env={**os.environ, "NODE_PATH": modules, "HOME": t.path("home", "")})
    assert result.returncode == 0, result.stdout + result.stderr
    seen = json.loads(result.stdout)
    assert seen == {"title": "all", "protocols": ["h2"], "requests": 31}, seen


def test_upstream_h2(t):
    """an https upstream that agrees on h2 gets all requests on one connection, from its first burst on"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(h2.Upstream(context=server_context(ca.issue("up", "up.test"))))
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + TRUST.format(ca.cert),
                            route_to(HOST, upstream.url), arguments=("--workers", "1"))
    with client(secure, ca) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}", scheme="https")) for i in range(80)]
        assert all(connection.answer(s).body == b"ok" for s in streams)
        assert connection.request(h2.get_fields("/p", method="POST", scheme="https"), b"body").body == b"ok"
    assert upstream.requests[-1].body == b"body" and upstream.requests[-1].field(":scheme") == "https"
    assert len(upstream.connections) == 1 and not upstream.faults, (len(upstream.connections), upstream.faults)


def test_upstream_http1(t):
    """an https upstream that agrees on HTTP/1.1 serves a burst, each request on a connection of its own"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "up.test")))
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + TRUST.format(ca.cert),
                               route_to(HOST, upstream.url), arguments=("--workers", "1"))
    with client(secure, ca) as connection:
        for _ in range(2):
            streams = [connection.headers(h2.get_fields(f"/{i}", scheme="https")) for i in range(30)]
            assert [connection.answer(s).status for s in streams] == [200] * 30
    assert len(upstream.requests) == 60
    assert get(edge.entry_point(), "/", HOST).status == 200


def test_upstream_http2_off(t):
    """an https upstream that would rather speak h2 is offered HTTP/1.1 alone by a transport with disableHTTP2"""
    ca = Authority(t.path("pki", ""))
    upstream = TlsUpstream(ca.issue("up", "up.test"))  # whatever it agrees on, it speaks HTTP/1.1
    upstream.context.set_alpn_protocols(["h2", "http/1.1"])
    t.ends(upstream)
    for off, status in (("", 502), ("disableHTTP2 = true\n", 200)):
        edge, _ = secure_edge(t, certificate(ca.issue("site", HOST)) + TRUST.format(ca.cert) + off,
                              route_to(HOST, upstream.url))
        assert get(edge.entry_point(), "/", HOST).status == status, off


def test_upgrade_to_https(t):
    """a WebSocket reaches an https upstream that speaks h2 by HTTP/1.1, which is offered for it alone"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(h2.Upstream(context=server_context(ca.issue("up", "up.test"))))
    sockets = upstreams.Upstream()
    t.ends(sockets)
    upstream.run_http1 = sockets.run_connection
    edge, _ = secure_edge(t, certificate(ca.issue("site", HOST)) + TRUST.format(ca.cert), route_to(HOST, upstream.url),
                          arguments=("--workers", "1"))
    assert get(edge.entry_point(), "/", HOST).body == b"ok"
    with ws.WebSocket(edge.entry_point(), "/", HOST) as socket:
        socket.echo("over HTTP/1.1")
        assert get(edge.entry_point(), "/", HOST).body == b"ok"
    assert len(upstream.connections) == 1, "HTTP/2 went on beside it"
    assert not upstream.faults, upstream.faults


def open_socket(connection, host=HOST, scheme="http"):
    """An extended CONNECT (RFC 8441); its stream."""
    connection.until(lambda: connection.settings.get(h2.ENABLE_CONNECT_PROTOCOL) == 1, "SETTINGS")
    stream = connection.headers([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", scheme),
                                 (":authority", host), (":path", "/chat"), ("sec-websocket-version", "13")], end=False)
    its = connection.streams[stream]
    connection.until(lambda: its.heads or its.over, "the answer to CONNECT")
    return stream, its


def echo(connection, stream, its, text):
    before = len(its.body)
    connection.data(stream, ws.frame(ws.TEXT, text.encode(), masked=True))
    wanted = ws.frame(ws.TEXT, text.encode(), masked=False)
    connection.until(lambda: len(its.body) >= before + len(wanted), "the echo")
    assert bytes(its.body[before:]) == wanted, its


def test_websocket_over_h2(t):
    """RFC 8441: WebSockets on streams of one connection, to upstreams of HTTP/1.1, plain and over TLS"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    tls_upstream = t.ends(TlsUpstream(ca.issue("up", "up.test")))
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + TRUST.format(ca.cert),
                               route_to(HOST, upstream.url) + route_to("two.test", tls_upstream.url, name="two"))
    with client(secure, ca) as connection:
        sockets = [open_socket(connection, scheme="https") for _ in range(5)]
        for i in range(20):
            for stream, its in sockets:
                assert its.status == 200, its
                echo(connection, stream, its, f"{i} on {stream}")
        # Half of a tunnel: the client's end reaches the upstream, whose end comes back.
        for stream, its in sockets:
            connection.data(stream, ws.frame(ws.CLOSE, struct.pack(">H", 1000), masked=True), end=True)
            connection.until(lambda one=its: one.over, "the end of the tunnel")
        assert connection.request(h2.get_fields(scheme="https")).status == 200
    head = next(r for r in upstream.requests if r.target == "/chat")
    assert head.method == "GET" and len(base64.b64decode(head.all("sec-websocket-key")[0])) == 16, head.headers
    with h2.Connection(edge.entry_point()) as connection:
        stream, its = open_socket(connection, "two.test")
        echo(connection, stream, its, "over TLS")


def test_websocket_half_closed(t):
    """a client that has ended its half of a tunnel hears the other half to its end, from upstreams of both kinds"""
    def serve(sock, reader):
        upstreams.read_request(reader)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while b"end" not in reader.buffer:
            assert reader.more()
        sock.sendall(b"heard")
        assert not reader.more(), "the client's end"
        sock.sendall(b", bye")
        sock.shutdown(socket.SHUT_WR)

    def serve_h2(connection, number, stream):
        connection.headers([(":status", "200")], number, end=False)
        connection.until(lambda: bytes(stream.body) == b"end", "the last words")
        connection.data(number, b"heard")
        connection.until(lambda: stream.over, "the client's end")
        connection.data(number, b", bye", end=True)

    upstream = t.ends(upstreams.Upstream(serve=serve))
    h2_upstream = t.ends(h2.Upstream(serve_h2, settings=[(h2.ENABLE_CONNECT_PROTOCOL, 1)]))
    edge = t.edge(routes=route_to(HOST, upstream.url) + route_to("two.test", h2_upstream.url, name="two"))
    with h2.Connection(edge.entry_point()) as connection:
        for host in (HOST, "two.test"):
            for _ in range(5):
                stream, its = open_socket(connection, host)
                connection.data(stream, b"end")
                connection.until(lambda one=its: one.body == b"heard" or one.over, "the answer")
                connection.data(stream, b"", end=True)
                connection.until(lambda one=its: one.over, "the end of the tunnel")
                assert (bytes(its.body), its.ended, its.reset) == (b"heard, bye", True, None), its


def test_websocket_not_taken(t):
    """an upstream that answers the upgrade with a page has opened no tunnel: 200 would say that it had"""
    def serve(sock, reader):
        while upstreams.read_request(reader):
            sock.sendall(upstreams.response(200, b"a page"))
    upstream = t.ends(upstreams.Upstream(serve=serve))
    edge = t.edge(routes=route_to(HOST, upstream.url))
    with h2.Connection(edge.entry_point()) as connection:
        connection.until(lambda: connection.settings.get(h2.ENABLE_CONNECT_PROTOCOL), "SETTINGS")
        stream, its = open_socket(connection)
        assert its.status == 502, its
        assert connection.answer(stream).body != b"a page"
        assert connection.get().body == b"a page", "the connection goes on"


def test_websocket_not_taken_and_spoken_into(t):
    """what a client says into a WebSocket that the upstream refuses is no request of the next one on that connection"""
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n"
    paths, windows_open = [], threading.Event()

    def serve(sock, reader):
        while request := upstreams.read_request(reader):
            paths.append(request.target)
            if len(paths) > 1:
                sock.sendall(upstreams.response(200, request.target))
                continue
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1000)
            assert windows_open.wait(20)
            sock.sendall(b"x")

    upstream = t.ends(upstreams.Upstream(serve=serve))
    edge = t.edge("--workers", "1", routes=route_to(HOST, upstream.url))
    with h2.Connection(edge.entry_point(), settings=[(h2.INITIAL_WINDOW_SIZE, 100)], window=0) as connection:
        stream, its = open_socket(connection)
        connection.data(stream, smuggled)
        connection.until(lambda: its.status == 404 and len(its.body) == 100, "as much as the window takes")
        for number in (0, stream):
            connection.window(number, 100_000)
        connection.until(lambda: len(its.body) == 1000, "the rest of what there is")
        connection.ping()  # and all that this has led to
        windows_open.set()
        connection.until(lambda: its.over, "the answer")
    for path in ("/one", "/two"):
        assert get(edge.entry_point(), path, host=HOST).body == path.encode()
    assert paths[1:] == ["/one", "/two"], paths


def test_websocket_through_h2_upstream(t):
    """a WebSocket of HTTP/1.1 is an extended CONNECT to an h2c upstream that knows it, and 502 to one that does not"""
    def serve(connection, number, stream):
        fields = dict(stream.fields)
        assert fields[":method"] == "CONNECT" and fields[":protocol"] == "websocket", fields
        assert "sec-websocket-key" not in fields, fields
        connection.headers([(":status", "200")], number, end=False)
        connection.until(lambda: len(stream.body) >= 9, "a frame")
        connection.data(number, ws.frame(ws.TEXT, b"got", masked=False))
        connection.until(lambda: stream.over, "the end")
    upstream = t.ends(h2.Upstream(serve, settings=[(h2.ENABLE_CONNECT_PROTOCOL, 1)]))
    without = t.ends(h2.Upstream())
    edge = t.edge("--workers", "1", routes=route_to(HOST, upstream.url) + route_to("old.test", without.url, name="old"))
    with ws.WebSocket(edge.entry_point(), "/", HOST) as socket:
        socket.send("ask")
        assert socket.receive() == "got"
    try:
        ws.WebSocket(edge.entry_point(), "/", "old.test")
        raise AssertionError("the upstream knows no WebSockets")
    except ws.BadResponse as refused:
        assert "502" in str(refused), refused
