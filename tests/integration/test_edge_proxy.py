"""What the edge does to requests that go well: headers, keep-alive, upgrades, routes files, drain."""

import signal
import threading

from harness import upstreams
from harness.http import Connection, get, request
from harness.load import Load
from harness.test import route, route_to, wait_status
from harness.wait import wait_for
from harness.websocket import WebSocket

HOST = "app.test"


def pair(t, **options):
    """(an upstream, the edge in front of it)"""
    upstream = t.ends(upstreams.Upstream(name="up"))
    return upstream, t.edge(routes=route_to(HOST, upstream.url), **options)


def test_no_route(t):
    """a host without a route gets 404, and one with a route but no live endpoint 503 with Retry-After"""
    edge = t.edge(routes=route_to("empty.test", name="empty") + route_to(HOST, "http://127.0.0.1:9"))
    assert get(edge.entry_point(), "/", "nobody.test").status == 404
    response = get(edge.entry_point(), "/", "empty.test")
    assert response.status == 503 and int(response.header("retry-after")) > 0, response


def test_host_match(t):
    """a host matches whatever its case and port, and no other host does"""
    _, edge = pair(t)
    for host, status in ((HOST, 200), ("APP.Test", 200), (f"{HOST}:8080", 200), (f"{HOST}.", 200), ("x" + HOST, 404),
                         (HOST + "x", 404), ("", 400)):
        response = get(edge.entry_point(), "/", host) if host else \
            request(edge.entry_point(), "GET", "/", {"Host": ""}, host=HOST)
        assert response.status == status, f"{host!r}: {response}"


def test_host_required(t):
    """a request without Host or with two gets 400"""
    _, edge = pair(t)
    for lines in ("", f"Host: {HOST}\r\nHost: {HOST}\r\n"):
        with Connection(edge.entry_point()) as connection:
            connection.send(f"GET / HTTP/1.1\r\n{lines}\r\n")
            assert connection.read_response().status == 400, lines


def test_forwarded_headers(t):
    """X-Forwarded-* and X-Real-Ip say who asked and how; a stranger's own are replaced"""
    upstream, edge = pair(t)
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "6.6.6.6", "X-Forwarded-Proto": "https",
              "X-Forwarded-Host": "evil.test", "X-Forwarded-Port": "1"}
    for headers in ({}, forged):
        get(edge.entry_point(), "/", HOST, headers)
        seen = upstream.requests[-1]
        assert seen.all("host") == [HOST], seen.headers
        assert seen.all("x-forwarded-for") == ["127.0.0.1"], seen.headers
        assert seen.all("x-real-ip") == ["127.0.0.1"], seen.headers
        assert seen.all("x-forwarded-proto") == ["http"], seen.headers
        assert seen.all("x-forwarded-host") == [HOST], seen.headers
        assert seen.all("x-forwarded-port") == ["80"], seen.headers
    get(edge.entry_point(), "/", f"{HOST}:8080")
    assert upstream.requests[-1].all("x-forwarded-port") == ["8080"], "the one that the client has named"


def test_both_families(t):
    """an entry point without a host serves clients of IPv4 and IPv6, each known by its own address"""
    upstream = t.ends(upstreams.Upstream(name="up"))
    routes = route_to(HOST, upstream.url) + \
        route("rule = 'Host(`mine.test`) && ClientIP(`127.0.0.0/8`)'", upstream.url, name="mine")
    for web in (":0", "[::]:0"):
        edge = t.edge(routes=routes, web=web)
        port = edge.entry_point().rsplit(":", 1)[1]
        for client, address, mine in (("127.0.0.1", f"127.0.0.1:{port}", 200), ("::1", f"[::1]:{port}", 404)):
            assert get(address, "/", HOST).status == 200
            seen = upstream.requests[-1]
            assert seen.all("x-forwarded-for") == [client] and seen.all("x-real-ip") == [client], seen.headers
            assert get(address, "/", "mine.test").status == mine, client
    edge = t.edge(routes=routes, web="0.0.0.0:0")
    port = edge.entry_point().rsplit(":", 1)[1]
    assert get(f"127.0.0.1:{port}", "/", HOST).status == 200
    try:
        get(f"[::1]:{port}", "/", HOST)
        raise AssertionError("0.0.0.0 answers at ::1")
    except ConnectionRefusedError:
        pass


def test_forwarded_headers_trusted(t):
    """from a trusted network they are kept and extended"""
    upstream, edge = pair(
        t, config='[entrypoints.web]\naddress = "127.0.0.1:0"\nforwarded_headers_trusted_cidrs = ["127.0.0.0/8"]\n')
    theirs = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https", "X-Real-Ip": "10.1.2.3"}
    get(edge.entry_point(), "/", HOST, theirs)
    seen = upstream.requests[-1]
    assert [v.replace(" ", "") for v in seen.all("x-forwarded-for")] == ["10.1.2.3,127.0.0.1"], seen.headers
    assert seen.all("x-forwarded-proto") == ["https"], seen.headers
    assert seen.all("x-forwarded-port") == ["443"], seen.headers
    assert seen.all("x-real-ip") == ["10.1.2.3"], seen.headers


def test_hop_by_hop(t):
    """hop-by-hop headers, and those that Connection names, stay on their side"""
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(
        200, "ok", [("Connection", "X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=5"),
                    ("Proxy-Authenticate", "Basic"), ("X-Kept", "yes")])))
    edge = t.edge(routes=route_to(HOST, upstream.url))
    with Connection(edge.entry_point(), host=HOST) as connection:
        response = connection.get("/", [
            ("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"), ("TE", "gzip"),
            ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"), ("X-Other", "kept")])
    seen = {k.lower() for k, _ in upstream.requests[-1].headers}
    assert "x-other" in seen, seen
    assert not seen & {"x-mine", "keep-alive", "te", "proxy-connection", "proxy-authorization"}, seen
    back = {k.lower() for k, _ in response.headers}
    assert "x-kept" in back and not back & {"x-private", "keep-alive"}, response.headers


def test_target_verbatim(t):
    """method, path, query and other headers pass as they are; dot segments and double slashes are resolved"""
    upstream, edge = pair(t)
    sent = "/a%2Fb/./c//d?x=1&y=%20&z=a+b"
    target = "/a%2Fb/c/d?x=1&y=%20&z=a+b"  # the one form that rules are matched against
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        request(edge.entry_point(), method, sent, [("X-Odd-CASE", "v  v"), ("Cookie", "a=1; b=2")], host=HOST)
        seen = upstream.requests[-1]
        assert (seen.method, seen.target) == (method, target), (seen.method, seen.target)
        assert seen.header("x-odd-case") == "v  v" and seen.header("cookie") == "a=1; b=2", seen.headers


def test_bodiless(t):
    """HEAD, 204 and 304 have no body and leave the connection in step"""
    def answer(r):
        if r.method == "HEAD":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
        if r.target == "/200":
            return upstreams.response(200, "ok")
        return f"HTTP/1.1 {r.target[1:]} X\r\nX-Status: 1\r\n\r\n".encode()
    upstream = t.ends(upstreams.Upstream(answer=answer))
    edge = t.edge(routes=route_to(HOST, upstream.url))
    with Connection(edge.entry_point(), host=HOST) as connection:
        response = connection.request("HEAD", "/200")
        assert response.status == 200 and response.header("content-length") == "1234", response
        assert connection.get("/204").status == 204
        assert connection.get("/304").status == 304
        assert connection.get("/200").text() == "ok"


def test_keep_alive(t):
    """connections on both sides are used again; pipelined requests are answered in order"""
    upstream, edge = pair(t)
    with Connection(edge.entry_point(), host=HOST) as connection:
        for i in range(100):
            assert connection.get(f"/{i}").json()["target"] == f"/{i}"
        for i in range(10):
            connection.send_request("GET", f"/p{i}")
        assert [connection.read_response().json()["target"] for _ in range(10)] == [f"/p{i}" for i in range(10)]
    assert upstream.connections <= 4, f"{upstream.connections} connections for one client"


def test_old_clients(t):
    """HTTP/1.0 and Connection: close are answered and then closed"""
    _, edge = pair(t)
    with Connection(edge.entry_point()) as connection:
        connection.send(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")
        assert connection.read_response().status == 200 and connection.at_end()
    with Connection(edge.entry_point(), host=HOST) as connection:
        response = connection.get("/", [("Connection", "close")])
        assert response.closes() and connection.at_end()


def test_bad_requests(t):
    """requests that could be read in two ways get 400, reach no upstream and end the connection"""
    upstream, edge = pair(t)
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\n"
    for lines in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
                  "Content-Length: +5\r\n", "Content-Length: 0x5\r\n", "Transfer-Encoding: chunked, identity\r\n",
                  "Transfer-Encoding: xchunked\r\n", "X: a\r\n b\r\n", "X : a\r\n", "X: a\rb\r\n", "X: a\0b\r\n"):
        with Connection(edge.entry_point()) as connection:
            connection.send(f"{head}{lines}\r\nhelloGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
            response = connection.read_response()
            assert response.status in (400, 501), f"{lines!r}: {response}"
            assert connection.at_end(), f"{lines!r}: the connection goes on"
    assert not upstream.requests, [r.target for r in upstream.requests]


def test_oversized_request(t):
    """a request head over the limit gets 431"""
    upstream, edge = pair(t)
    assert get(edge.entry_point(), "/", HOST, {"X-Big": "b" * 30_000}).status == 200
    assert get(edge.entry_point(), "/", HOST, {"X-Big": "b" * 40_000}).status == 431
    assert len(upstream.requests) == 1


def test_balance(t):
    """requests are spread evenly over the endpoints"""
    ups = [t.ends(upstreams.Upstream(name=f"u{i}")) for i in range(3)]
    edge = t.edge("--workers", "1", routes=route_to(HOST, *[u.url for u in ups]))
    with Connection(edge.entry_point(), host=HOST) as connection:
        for _ in range(60):
            connection.get("/")
    counts = [len(u.requests) for u in ups]
    assert sum(counts) == 60 and min(counts) >= 15, counts


def test_websocket(t):
    """a WebSocket passes in both directions, closes in order, and other headers of its handshake arrive"""
    upstream, edge = pair(t)
    with WebSocket(edge.entry_point(), "/ws?x=1", HOST, [("Sec-WebSocket-Protocol", "chat")]) as socket:
        for text in ("hello", "x" * 300, "y" * 200_000):
            socket.echo(text)
        socket.close()
    seen = upstream.requests[-1]
    assert seen.target == "/ws?x=1" and seen.header("sec-websocket-protocol") == "chat", seen.headers


def test_upgrade_refused(t):
    """an upstream that refuses an upgrade answers like to any request"""
    upstream = t.ends(upstreams.saying(upstreams.response(403, "no", [("Connection", "close")], "Forbidden")))
    edge = t.edge(routes=route_to(HOST, upstream.url))
    response = get(edge.entry_point(), "/", HOST, {"Upgrade": "websocket", "Connection": "Upgrade"})
    assert response.status == 403 and response.text() == "no", response


def test_server_sent_events(t):
    """a stream's pieces arrive when they are sent, not at its end"""
    taken = threading.Semaphore(0)
    stream = t.ends(upstreams.streaming(pieces=20, pause=lambda: taken.acquire(timeout=20)))
    edge = t.edge(routes=route_to(HOST, stream.url))
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send_request("GET", "/")
        connection.read_head()
        for i in range(20):  # the upstream sends the next one when this one has been read
            assert connection.reader.chunk() == b"data: %d\n\n" % i
            taken.release()
        assert connection.reader.chunk() == b""


def test_routes_file(t):
    """a routes file is applied when it changes; streams and WebSockets that are open do not notice"""
    one, two = t.ends(upstreams.Upstream(name="one")), t.ends(upstreams.Upstream(name="two"))
    edge = t.edge(routes=route_to(HOST, one.url))
    web = edge.entry_point()
    with WebSocket(web, "/ws", HOST) as socket, Load(web, HOST, rate_per_s=100) as load:
        socket.echo("before")
        t.write("routes/test.toml", route_to(HOST, two.url))
        wait_for(lambda: get(web, "/", HOST).header("x-name") == "two", 5, "the new route answers")
        socket.echo("after")
    load.check()
    t.write("routes/more.toml", route_to("more.test", one.url, name="more"))
    wait_status(web, "more.test", 200)


def test_broken_routes_file(t):
    """a broken routes file keeps the last good routes and says its line; mending it applies it"""
    one, two = t.ends(upstreams.Upstream(name="one")), t.ends(upstreams.Upstream(name="two"))
    edge = t.edge(routes=route_to(HOST, one.url))
    web = edge.entry_point()
    t.write("routes/test.toml", route_to(HOST, two.url) + "this is = = not TOML\n")
    broken_line = route_to(HOST, two.url).count("\n") + 1
    rejected = wait_for(lambda: "test.toml" in str(edge.api("/api/rejected")) and str(edge.api("/api/rejected")), 5,
                        "the broken file is reported")
    assert f"test.toml:{broken_line}:" in rejected, rejected
    assert get(web, "/", HOST).header("x-name") == "one"
    t.write("routes/test.toml", route_to(HOST, two.url))
    wait_for(lambda: get(web, "/", HOST).header("x-name") == "two", 5, "the mended file is applied")
    wait_for(lambda: "test.toml" not in str(edge.api("/api/rejected")), 5, "nothing is rejected any more")


def test_bad_rule(t):
    """one bad rule is rejected with its reason; the others still route"""
    up = t.ends(upstreams.Upstream(name="up"))
    bad = route('rule = "Host(`x.test`) &&"', up.url, name="bad")
    edge = t.edge(routes=bad + route_to(HOST, up.url))
    assert get(edge.entry_point(), "/", HOST).status == 200
    assert "bad" in str(edge.api("/api/rejected"))


def test_rules(t):
    """Path, PathPrefix, && and ||, priorities: the longest rule wins, a prefix ends at a segment"""
    ups = {k: t.ends(upstreams.Upstream(name=k)) for k in ("root", "api", "exact", "either")}
    rules = {"root": "Host(`r.test`)", "api": "Host(`r.test`) && PathPrefix(`/api`)",
             "exact": "Host(`r.test`) && Path(`/api/exact/path`)", "either": "Host(`a.test`) || Host(`b.test`)"}
    text = "".join(route(f'rule = "{rule}"', ups[k].url, name=k) for k, rule in rules.items())
    web = t.edge(routes=text).entry_point()
    for host, target, name in (("r.test", "/", "root"), ("r.test", "/api", "api"), ("r.test", "/api/x?y", "api"),
                               ("r.test", "/apex", "root"), ("r.test", "/api/exact/path", "exact"),
                               ("a.test", "/", "either"), ("b.test", "/q", "either")):
        assert get(web, target, host).header("x-name") == name, f"{host}{target} is not {name}"


def test_admin(t):
    """the admin API tells routers, services, endpoints, what is rejected, the version and metrics"""
    upstream, edge = pair(t)
    assert get(edge.entry_point(), "/", HOST).status == 200
    assert get(edge.admin, "/ping").status == 200
    wait_status(edge.admin, "admin", 200, target="/ready")
    for target in ("/api/routers", "/api/services", "/api/endpoints", "/api/rejected", "/api/version"):
        response = get(edge.admin, target)
        assert response.status == 200 and response.header("content-type").startswith("application/json"), response
        response.json()
    assert HOST in str(edge.api("/api/routers"))
    assert upstream.address in str(edge.api("/api/endpoints"))
    metrics = get(edge.admin, "/metrics").text()
    assert any(line.startswith("weir_") and line.rsplit(" ", 1)[1].replace(".", "").isdigit()
               for line in metrics.splitlines() if not line.startswith("#")), metrics[:500]


def test_drain(t):
    """SIGTERM: /ping answers 503, keep-alive clients are told to close, requests in flight finish, exit code 0"""
    let_go = threading.Event()
    upstream = t.ends(upstreams.Upstream())

    def answer(r):
        if r.target == "/slow":
            let_go.wait(20)
        return upstreams.response(200, r.target)
    upstream.answer = answer
    edge = t.edge(routes=route_to(HOST, upstream.url), config="[timeouts]\ndrain_delay_ms = 1000\ndrain_ms = 20000\n")
    web = edge.entry_point()
    with Connection(web, host=HOST) as slow, Connection(web, host=HOST) as idle:
        slow.send_request("GET", "/slow")
        wait_for(lambda: any(r.target == "/slow" for r in upstream.requests), 5, "the slow request is in flight")
        assert not idle.get("/1").closes()
        edge.signal(signal.SIGTERM)
        wait_for(lambda: get(edge.admin, "/ping").status == 503, 5, "/ping answers 503")
        # Within the delay everything else goes on, also for new clients; then keep-alive ends.
        assert get(web, "/new", HOST).status == 200
        wait_for(lambda: idle.get("/2").closes(), 5, "a keep-alive client is told to close")
        let_go.set()
        response = slow.read_response()
        assert response.text() == "/slow", response
    assert edge.wait(10, "the edge ends when nothing is in flight") == 0


def test_drain_limit(t):
    """SIGTERM with a request that never ends: the edge ends at the limit"""
    hanging = t.ends(upstreams.hanging())
    edge = t.edge(routes=route_to(HOST, hanging.url), config="[timeouts]\ndrain_ms = 500\n")
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send_request("GET", "/")
        wait_for(lambda: hanging.requests, 5, "the request is in flight")
        edge.signal(signal.SIGTERM)
        edge.wait(20, "the edge ends at its limit")  # what it waits for has longer ones: 30 s, 60 s


def test_drain_websocket(t):
    """SIGTERM with an idle WebSocket does not wait for ever"""
    _, edge = pair(t, config="[timeouts]\ndrain_ms = 500\n")
    with WebSocket(edge.entry_point(), "/ws", HOST) as socket:
        socket.echo("x")
        edge.signal(signal.SIGTERM)
        edge.wait(10, "the edge ends at its limit")


def test_bad_config(t):
    """a bad configuration prints all its errors with their lines and exits with 1"""
    path = t.write("bad.toml", "workers = -1\nno_such_option = 1\n\n[timeouts]\nconnect_ms = \"soon\"\n")
    edge = t.weir("edge", "--config", path, wait=False)
    assert edge.wait(10, "it ends") == 1
    log = edge.log()
    for place in ("bad.toml:1", "bad.toml:2", "bad.toml:5"):
        assert place in log, f"{place} is not named in:\n{log}"


def test_port_taken(t):
    """an address that is taken is said, and the exit code is 1"""
    upstream = t.ends(upstreams.Upstream())
    edge = t.edge(web=upstream.address, wait=False)
    assert edge.wait(10, "it ends") == 1
    assert upstream.address in edge.log(), edge.log()
