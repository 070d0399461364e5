"""The edge against clients that are too many, too slow or too large, and on behalf of clients that a proxy names."""

import select
import signal
import socket
import struct
import threading

from harness import upstreams
from harness.http import BadResponse, Connection, get, request, split_address
from harness.test import route_to
from harness.wait import stays_true, wait_for
from harness.websocket import WebSocket

HOST = "app.test"
GET = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
WEB = '[entrypoints.web]\naddress = "127.0.0.1:0"\n'
V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(
    ">H4s4sHH", 12, bytes([192, 0, 2, 7]), bytes([198, 51, 100, 1]), 4711, 443)


def pair(t, config="", upstream=None, **options):
    """(an upstream, the edge in front of it)"""
    upstream = t.ends(upstream or upstreams.Upstream(name="up"))
    return upstream, t.edge(routes=route_to(HOST, upstream.url), config=config, **options)


def metric(edge, name):
    text = get(edge.admin, "/metrics").text()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))


def fill(sock):
    """Sends until the other side has stopped reading."""
    sock.settimeout(0.5)
    try:
        while True:
            sock.sendall(b"x" * 65536)
    except TimeoutError:
        pass


def read_all(connection):
    try:
        return connection.reader.to_end()
    except ConnectionError:
        return b""


def is_refused(web):
    """Whether a new connection is closed at once; it may be before connect() returns."""
    try:
        with Connection(web, host=HOST) as connection:
            return connection.at_end()
    except ConnectionError:
        return True


def test_slow_loris(t):
    """fifty connections that drip their heads all get 408 at the deadline, and others are served meanwhile"""
    _, edge = pair(t, "[timeouts]\nhead_ms = 1500\n")
    web = edge.entry_point()
    slow = [Connection(web, host=HOST) for _ in range(50)]
    try:
        for i in range(10):
            for connection in slow:
                connection.send(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: "[4 * i:4 * i + 4])
            assert get(web, "/", HOST).status == 200
        for connection in slow:
            assert connection.read_response().status == 408
            assert connection.at_end()
    finally:
        for connection in slow:
            connection.close()


def test_slow_body(t):
    """a body that never falls silent but comes too slowly gets 408; one at the rate arrives"""
    _, edge = pair(t, "[limits]\nrequest_bytes_per_s_min = 1000\n[timeouts]\nrate_window_ms = 1000\n")
    with Connection(edge.entry_point(), host=HOST) as slow, Connection(edge.entry_point(), host=HOST) as fair:
        for connection in (slow, fair):
            connection.send(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 16000\r\n\r\n")
        ended = threading.Event()

        def drip():
            while not ended.wait(0.05):
                try:
                    slow.send("x")
                except OSError:
                    return
        dripper = threading.Thread(target=drip, daemon=True)
        dripper.start()
        for _ in range(16):
            fair.send("x" * 1000)
            ended.wait(0.1)
        assert fair.read_response().status == 200
        response = slow.read_response()
        ended.set()
        dripper.join()
        assert response.status == 408 and response.closes(), response


def test_slow_read(t):
    """a client that reads a few bytes now and then is cut, and its upstream hears of it; one that reads on is not"""
    big = b"b" * (24 << 20)
    limits = "[limits]\nresponse_bytes_per_s_min = 100000\n[timeouts]\nresponse_rate_window_ms = 1000\n"
    upstream, edge = pair(t, limits, upstreams.Upstream(answer=lambda r: upstreams.response(200, big)))
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(10)
    slow.connect(split_address(edge.entry_point()))
    with slow:
        slow.sendall(GET.encode())
        assert get(edge.entry_point(), "/", HOST).body == big

        def cut():
            try:
                return slow.recv(16) == b""
            except ConnectionError:
                return True
        wait_for(cut, 15, "the slow reader is cut")
        wait_for(lambda: metric(edge, "weir_requests_in_flight") == 0, 5, "nothing is left of it")


def test_proxy_header_in(t):
    """a trusted proxy's header says who asks, in both versions; other connections of it are refused"""
    upstream, edge = pair(t, WEB + 'proxy_protocol_trusted_cidrs = ["127.0.0.0/8"]\n')
    for header in (V1.encode(), V2):
        with Connection(edge.entry_point(), host=HOST) as connection:
            connection.send(header + GET.encode())
            assert connection.read_response().status == 200
            assert connection.get("/again").status == 200
        for seen in upstream.requests[-2:]:
            assert seen.all("x-forwarded-for") == ["192.0.2.7"], seen.headers
            assert seen.all("x-forwarded-port") == ["443"], seen.headers
    asked = len(upstream.requests)
    for bad in (GET, "PROXY TCP4 1.2.3.4 1.2.3.5 1 99999\r\n" + GET, "PROXY TCP4 1.2.3.4\r\n" + GET):
        with Connection(edge.entry_point(), host=HOST) as connection:
            connection.send(bad)
            assert read_all(connection) == b"", bad
    assert len(upstream.requests) == asked
    assert metric(edge, "weir_bad_proxy_headers_total") == 3


def test_proxy_header_late(t):
    """a trusted proxy that sends no header is let go at the deadline"""
    _, edge = pair(t, WEB + 'proxy_protocol_trusted_cidrs = ["127.0.0.0/8"]\n[timeouts]\nproxy_protocol_ms = 300\n')
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send("PROXY TCP4 ")
        assert read_all(connection) == b""


def test_proxy_header_from_strangers(t):
    """a stranger's PROXY header is no HTTP, and names nobody"""
    upstream, edge = pair(t, WEB + 'proxy_protocol_trusted_cidrs = ["10.0.0.0/8"]\n')
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send(V1 + GET)
        assert connection.read_response().status in (400, 501)
    assert not upstream.requests


def test_proxy_header_out(t):
    """a service that asks for it hears of the client before anything else, in the version it asks for"""
    for version in (1, 2):
        heads = []

        def serve(sock, reader, version=version, heads=heads):
            heads.append(reader.until(b"\r\n", 200) if version == 1 else reader.exactly(28))
            upstream.serve_requests(sock, reader)
        upstream = t.ends(upstreams.Upstream(serve=serve))
        routes = route_to(HOST, upstream.url).replace("servers =", f"proxy_protocol = {version}\nservers =")
        edge = t.edge(routes=routes)
        with Connection(edge.entry_point(), host=HOST) as connection:
            host, port = connection.sock.getsockname()
            for _ in range(3):
                assert connection.get("/").status == 200
        expected = f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {connection.peer[1]}".encode()
        if version == 2:
            expected = V2[:16] + struct.pack(">4s4sHH", bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]), port,
                                             connection.peer[1])
        assert heads == [expected], heads
        assert get(edge.entry_point(), "/", HOST).status == 200
        assert len(heads) == 2, "another client has a connection of its own"


def test_connection_limits(t):
    """an entry point and a client have exactly as many connections as they may, over all workers"""
    for option in ("connections_max", "connections_per_client_max"):
        _, edge = pair(t, f"workers = 2\n{WEB}{option} = 8\n")
        held = [Connection(edge.entry_point(), host=HOST) for _ in range(8)]
        try:
            for connection in held:
                assert connection.get("/").status == 200
            assert is_refused(edge.entry_point()), option
            assert metric(edge, "weir_refused_connections_total") == 1
            held.pop().close()
            wait_for(lambda: get(edge.entry_point(), "/", HOST).status == 200, 5, "there is room again")
        finally:
            for connection in held:
                connection.close()


def test_body_limit(t):
    """a body is taken up to its limit and refused with 413 above it, by length and by chunks"""
    upstream, edge = pair(t, "[limits]\nbody_bytes_max = 1000\n")
    web = edge.entry_point()
    assert request(web, "POST", "/", body=b"x" * 1000, host=HOST).status == 200
    response = request(web, "POST", "/", body=b"x" * 1001, host=HOST)
    assert response.status == 413 and response.closes(), response
    for extra, status in ((0, 200), (1, 413)):
        with Connection(web, host=HOST) as connection:
            connection.send(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n")
            for size in (400, 400, 200 + extra):
                connection.send(b"%x\r\n%s\r\n" % (size, b"x" * size))
            connection.send("0\r\n\r\n")
            assert connection.read_response().status == status


def test_own_answers(t):
    """the edge's own answers have the text or the file that is configured"""
    page = t.write("pages/404.html", "<h1>{status}</h1>")
    folder = page.rsplit("/", 1)[0]
    edge = t.edge(config=f'[answers]\ntext = "sorry: {{status}} {{reason}}"\ndirectory = "{folder}"\n'
                         "retry_after_s = 9\n",
                  routes=route_to("empty.test", name="empty"))
    missing = get(edge.entry_point(), "/", "nobody.test")
    assert missing.text() == "<h1>404</h1>" and missing.header("content-type").startswith("text/html"), missing
    empty = get(edge.entry_point(), "/", "empty.test")
    assert empty.text() == "sorry: 503 Service Unavailable" and empty.header("retry-after") == "9", empty
    with Connection(edge.entry_point()) as connection:
        connection.send("GET / HTTP/1.1\r\n\r\n")
        assert connection.read_response().text() == "sorry: 400 Bad Request"


def test_pending(t):
    """requests wait for an endpoint's only connection; who waits too long gets 503"""
    go = threading.Event()

    def answer(r):
        if r.target == "/slow":
            go.wait(10)
        return upstreams.response(200, r.target)
    upstream, edge = pair(t, "workers = 1\n[limits]\nupstream_connections_per_endpoint_max = 1\n"
                          "[timeouts]\npending_ms = 1500\n", upstreams.Upstream(answer=answer))
    web = edge.entry_point()
    with Connection(web, host=HOST) as slow, Connection(web, host=HOST) as late, Connection(web, host=HOST) as soon:
        slow.send_request("GET", "/slow")
        wait_for(lambda: upstream.requests, 5, "the first is under way")
        late.send_request("GET", "/late")
        response = late.read_response()
        assert response.status == 503 and response.header("retry-after"), response
        soon.send_request("GET", "/soon")
        wait_for(lambda: metric(edge, "weir_endpoint_pending") == 1, 5, "it waits")
        go.set()
        assert slow.read_response().text() == "/slow" and soon.read_response().text() == "/soon"
    assert upstream.connections == 1


def test_websocket_idle(t):
    """an idle WebSocket ends at its limit and is counted while it lasts; one that speaks now and then does not end"""
    _, edge = pair(t, "[timeouts]\nupgrade_idle_ms = 1000\n")
    web = edge.entry_point()
    with WebSocket(web, "/idle", HOST) as idle, WebSocket(web, "/busy", HOST) as busy:
        assert metric(edge, "weir_open_upgraded_connections") == 2
        ended = []
        watcher = threading.Thread(target=lambda: ended.append(idle.connection.at_end()))
        watcher.start()
        while watcher.is_alive():
            busy.echo("x")
            watcher.join(0.2)
        assert ended == [True]
        busy.echo("still there")
    wait_for(lambda: metric(edge, "weir_open_upgraded_connections") == 0, 5, "none is left")
    assert metric(edge, "weir_upgraded_connections_total") == 2


def test_aborts(t):
    """a client that resets ends its upstream at once, in every phase; a half-closed one is served"""
    gone = threading.Event()
    upstream = upstreams.Upstream()

    def serve(sock, reader):
        seen = upstreams.read_request(reader)
        upstream.note(seen)
        if seen.target == "/begun":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
        if seen.target == "/half":
            sock.sendall(upstreams.response(200, "served"))
            return
        try:
            while sock.recv(1000):
                pass
        except OSError:
            pass
        gone.set()
    upstream.serve = serve
    _, edge = pair(t, upstream=upstream)
    for target in ("/waiting", "/begun"):
        with Connection(edge.entry_point(), host=HOST) as connection:
            connection.send_request("GET", target)
            wait_for(lambda: upstream.requests and upstream.requests[-1].target == target, 5, "it is under way")
            if target == "/begun":
                connection.read_head()
            upstreams.reset(connection.sock)
            assert gone.wait(2), f"{target}: the upstream has not heard of it"
            gone.clear()
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send_request("GET", "/half")
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.read_response().text() == "served"


def test_aborts_unread(t):
    """a reset is noticed at once though the edge reads nothing more of that client, and behind its FIN too"""
    gone = threading.Event()
    upstream = upstreams.Upstream()

    def serve(sock, reader):
        upstream.note(upstreams.read_request(reader, with_body=False))
        broken = select.poll()
        broken.register(sock, 0)  # reads nothing: what breaks the connection is told unasked
        if broken.poll(20_000):
            gone.set()
    upstream.serve = serve
    _, edge = pair(t, "[limits]\nhead_bytes_max = 1024\nrelay_buffer_bytes_max = 65536\n", upstream=upstream)

    def stuck(connection):
        connection.send(b"POST /stuck HTTP/1.1\r\nHost: %s\r\nContent-Length: 100000000\r\n\r\n" % HOST.encode())
        fill(connection.sock)

    def pipelining(connection):
        connection.send(b"GET /pipelining HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST.encode())
        fill(connection.sock)

    def half_closed(connection):
        connection.send_request("GET", "/half-closed")
        connection.sock.shutdown(socket.SHUT_WR)
    for begin in (stuck, pipelining, half_closed):
        with Connection(edge.entry_point(), host=HOST) as connection:
            count = len(upstream.requests)
            begin(connection)
            wait_for(lambda: len(upstream.requests) > count, 5, "it is under way")
            upstreams.reset(connection.sock)
            assert gone.wait(5), f"{begin.__name__}: the upstream has not heard of it"
            gone.clear()


def test_drain_slow_readers(t):
    """SIGTERM: clients that still take answers which have ended upstream get all of them"""
    upstream = upstreams.Upstream(answer=lambda r: upstreams.response(200, b"x" * int(r.target[1:])))
    _, edge = pair(t, upstream=upstream)
    readers = {}
    for size in range(6_000_000, 7_000_000, 400_000):  # of some a part is left in the edge, the kernel has the rest
        reader = Connection(edge.entry_point(), host=HOST, receive_bytes=4096)
        readers[size] = reader
        reader.send_request("GET", f"/{size}")
        reader.reader.more()
        while metric(edge, "weir_requests_in_flight") > 0:
            reader.reader.more()
    edge.signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in edge.log(), 5, "the edge drains")
    stays_true(edge.running, 1.5, "it waits for those who read, beyond the second that idle connections have")
    for size, reader in readers.items():
        assert len(reader.read_response().body) == size
        reader.close()
    edge.wait(10, "the edge ends when all is taken")


def test_upstream_aborts(t):
    """an upstream that resets within its answer cuts the client at once, though it waits for nothing"""
    upstream = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun", then="reset"))
    edge = t.edge(routes=route_to(HOST, upstream.url))
    try:
        get(edge.entry_point(), "/", HOST)  # which waits for less than the limits of the edge
        raise AssertionError("a cut body looks whole")
    except (BadResponse, ConnectionError):
        pass
