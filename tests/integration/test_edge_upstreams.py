"""The edge in front of upstreams that misbehave: refused, reset, slow, half-closed, cut, oversized."""

import contextlib
import json
import socket
import threading
import time

from harness import upstreams
from harness.http import BadResponse, Connection, get, request
from harness.test import route_to
from harness.wait import seconds_of, wait_for

HOST = "app.test"
QUICK = """
[timeouts]
connect_ms = 500
response_head_ms = 700
response_idle_ms = 700
body_idle_ms = 700
head_ms = 700
"""


def edge_to(t, *upstreams_, config=QUICK):
    return t.edge(config=config, routes=route_to(HOST, *[u.url for u in upstreams_])).entry_point()


def test_refused(t):
    """a refused connection is answered with 502, not after the limit of a connection, which is longer than we wait"""
    web = edge_to(t, t.ends(upstreams.RefusingPort()), config="[timeouts]\nconnect_ms = 60000\n")
    response = get(web, "/", HOST)
    assert response.status == 502, response


def test_refused_with_another(t):
    """a refused connection is retried on another endpoint, also for a POST with a body"""
    good = t.ends(upstreams.Upstream(name="good"))
    web = edge_to(t, t.ends(upstreams.RefusingPort()), good)
    with Connection(web, host=HOST) as connection:
        for i in range(20):
            response = connection.request("POST", f"/{i}", body=f"body {i}")
            assert response.status == 200 and response.json()["body"] == f"body {i}", response
    assert len(good.requests) == 20, "no request was sent twice"


def test_reset_is_502(t):
    """a connection that is reset after the request is answered with 502 when repeating is not safe"""
    bad = t.ends(upstreams.resetting())
    web = edge_to(t, bad)
    response = request(web, "POST", "/", body="x", host=HOST)
    assert response.status == 502, response
    assert len(bad.requests) == 1, "a POST that was sent is not sent again"


def test_idle_race(t):
    """an idle connection that the upstream closes just as a GET comes costs no request"""
    racing = t.ends(upstreams.closing_when_idle())
    web = edge_to(t, racing)
    with Connection(web, host=HOST) as connection:
        for i in range(10):
            response = connection.get(f"/{i}")
            assert response.status == 200, f"request {i}: {response}"


def test_hanging_is_504(t):
    """a request that its upstream never answers is answered 504 after the limit, and the connection to it is closed"""
    hanging, closed = t.ends(upstreams.Upstream(name="hanging")), threading.Event()

    def serve(_, reader):
        hanging.note(upstreams.read_request(reader))
        with contextlib.suppress(ConnectionError):
            while reader.more():
                pass
        closed.set()
    hanging.serve = serve
    web = edge_to(t, hanging)
    took, response = seconds_of(lambda: get(web, "/", HOST))
    assert response.status == 504, response
    assert took >= 0.7, f"took {took} s"  # and less than the client waits, which the usual limit is not
    assert closed.wait(10), "the connection to it is closed"


def test_slow_head(t):
    """a response that comes byte by byte arrives whole"""
    body = "slow but sure"
    slow = t.ends(upstreams.dripping(upstreams.response(200, body, [("X-Slow", "yes")])))
    web = edge_to(t, slow)
    with Connection(web, host=HOST) as connection:
        for _ in range(3):
            response = connection.get("/")
            assert response.status == 200 and response.text() == body and response.header("x-slow") == "yes", response


def test_half_closed(t):
    """an upstream that ends its side after a response without length gives the whole body"""
    half = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it", then="half-close"))
    web = edge_to(t, half)
    response = get(web, "/", HOST)
    assert response.status == 200 and response.text() == "all of it", response


def test_half_closed_before_answer(t):
    """an upstream that ends its side without an answer gets 502"""
    web = edge_to(t, t.ends(upstreams.saying(b"", then="half-close")))
    response = request(web, "POST", "/", body="x", host=HOST)
    assert response.status == 502, response


def expect_cut(web, target="/"):
    """The client must be able to tell that the body is not whole."""
    try:
        response = get(web, target, HOST)
    except (BadResponse, ConnectionError):
        return
    raise AssertionError(f"a cut body looks whole: {response}")


def test_cut_body(t):
    """a body cut before its Content-Length is cut for the client too, never padded or passed as whole"""
    expect_cut(edge_to(t, t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes."))))


def test_cut_by_reset(t):
    """a body cut by a reset is cut for the client too"""
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes."
    expect_cut(edge_to(t, t.ends(upstreams.saying(data, then="reset"))))


def test_cut_arrives(t):
    """what came before a cut reaches the client whole, be it late, and so does the word that it is not all"""
    sent = b"x" * 3_000_000
    for head, tail in ((b"Content-Length: 3000100", b""), (b"Transfer-Encoding: chunked", b"\r\n")):
        size = b"" if not tail else b"%x\r\n" % len(sent)
        upstream = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + size + sent + tail))
        with Connection(edge_to(t, upstream), host=HOST) as connection:
            connection.send_request("GET", "/")
            came, sock = b"", connection.sock
            while piece := sock.recv(65536):
                came += piece
        assert came.count(b"x") == len(sent) and not came.endswith(b"\r\n0\r\n\r\n"), len(came)


def test_cut_chunked(t):
    """a chunked body without its last chunk is cut for the client too"""
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    expect_cut(edge_to(t, t.ends(upstreams.saying(data))))


def test_stalled_body(t):
    """a body that stalls is cut after the limit"""
    stalled = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.", then="hang"))
    web = edge_to(t, stalled)
    expect_cut(web)  # the client waits for less than the usual limit


def test_cut_head(t):
    """a response cut within its headers gets 502"""
    web = edge_to(t, t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Le")))
    assert request(web, "POST", "/", body="x", host=HOST).status == 502


def test_no_http(t):
    """bytes that are no HTTP get 502"""
    web = edge_to(t, t.ends(upstreams.saying(b"SSH-2.0-OpenSSH_9.2\r\n")))
    assert request(web, "POST", "/", body="x", host=HOST).status == 502


def test_bad_framing(t):
    """a response with a Content-Length and chunks, or with two lengths, gets 502 and is not passed on"""
    for framing in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: 5\r\nContent-Length: 6"):
        bad = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        edge = t.edge(config=QUICK, routes=route_to(HOST, bad.url))
        response = request(edge.entry_point(), "POST", "/", body="x", host=HOST)
        assert response.status == 502, f"{framing}: {response}"
        edge.stop()


def test_oversized_head(t):
    """a response head over the limit gets 502, and one just below it passes"""
    for size, status in ((30_000, 200), (40_000, 502)):
        big = t.ends(upstreams.saying(upstreams.response(200, "ok", [("X-Big", "b" * size), ("Connection", "close")])))
        edge = t.edge(config=QUICK, routes=route_to(HOST, big.url))
        response = request(edge.entry_point(), "POST", "/", body="x", host=HOST)
        assert response.status == status, f"{size}: {response.status}"
        edge.stop()


def test_too_many_bytes(t):
    """bytes behind the end of a response are never taken for the next one"""
    poison = upstreams.response(200, "one") + upstreams.response(200, "poison")
    two = upstreams.response(200, "two")
    upstream = t.ends(upstreams.Upstream(answer=lambda r: poison if r.target == "/1" else two))
    web = edge_to(t, upstream)
    with Connection(web, host=HOST) as connection:
        assert connection.get("/1").text() == "one"
        assert connection.get("/2").text() == "two"


def test_early_answer(t):
    """an answer before the end of the request's body arrives, and the rest of the body does no harm"""
    web = edge_to(t, t.ends(upstreams.answering_early(413)))
    with Connection(web, host=HOST) as connection:
        connection.send_request("POST", "/", [("Content-Length", 50_000_000)])

        def pour():
            try:
                for _ in range(100):
                    connection.send(b"x" * 65536)
            except OSError:
                pass
        sender = threading.Thread(target=pour, daemon=True)
        sender.start()
        status, _ = connection.read_head()
        assert status == 413, status


def test_interim(t):
    """100 Continue reaches a client that asked for it, and its body reaches the upstream"""
    upstream = t.ends(upstreams.Upstream())

    def serve(sock, reader):
        seen = upstreams.read_request(reader, with_body=False)
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        upstreams.read_request_body(reader, seen)
        sock.sendall(upstreams.response(200, seen.body))
    upstream.serve = serve
    web = edge_to(t, upstream)
    with Connection(web, host=HOST) as connection:
        connection.send_request("POST", "/", [("Content-Length", 5), ("Expect", "100-continue")])
        status, _ = connection.read_head()
        assert status == 100, status
        connection.send("hello")
        assert connection.read_response().text() == "hello"


def test_big_both_ways(t):
    """large bodies pass unchanged in both directions, by length and by chunks"""
    big = bytes(range(256)) * 32 * 1024  # 8 MiB
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, r.body)))
    web = edge_to(t, upstream)
    with Connection(web, host=HOST, timeout_s=30) as connection:
        assert connection.request("POST", "/", body=big).body == big
        connection.send_request("POST", "/", [("Transfer-Encoding", "chunked")])
        for i in range(0, len(big), 100_000):
            piece = big[i:i + 100_000]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        assert connection.read_response().body == big


def test_back_pressure(t):
    """a client that does not read stops the upstream: memory stays bounded"""
    sent = [0]
    upstream = t.ends(upstreams.Upstream())

    def serve(sock, reader):
        upstreams.read_request(reader)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            sent[0] += sock.send(b"x" * 65536)
    upstream.serve = serve
    edge = t.edge(routes=route_to(HOST, upstream.url))
    connection = Connection(edge.entry_point(), host=HOST)
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.send_request("GET", "/")
    connection.read_head()
    last = [-1, time.monotonic()]

    def stalled():
        if sent[0] != last[0]:
            last[:] = [sent[0], time.monotonic()]
        return time.monotonic() - last[1] > 1
    wait_for(stalled, 20, "the upstream is stopped")
    # Kernel buffers of four sockets (loopback grows them to a few MiB each) and the edge's own limit.
    assert sent[0] < 64 * 1024 * 1024, f"{sent[0]} bytes were taken from the upstream"
    connection.close()


def test_slow_client(t):
    """a client that sends its head byte by byte gets 408 at the limit, and others are served meanwhile"""
    good = t.ends(upstreams.Upstream(name="good"))
    web = edge_to(t, good)
    with Connection(web, host=HOST) as slow:
        slow.send("GET / HTTP/1.1\r\nHost: " + HOST + "\r\nX-")
        assert get(web, "/", HOST).status == 200
        assert slow.read_response().status == 408
        assert slow.at_end()


def test_client_leaves(t):
    """when a client leaves, the upstream's stream is ended too"""
    stream = t.ends(upstreams.streaming(pieces=10_000, pause_s=0.02))
    web = edge_to(t, stream)
    with Connection(web, host=HOST) as connection:
        connection.send_request("GET", "/")
        status, _ = connection.read_head()
        assert status == 200 and connection.reader.chunk() == b"data: 0\n\n"
    assert stream.client_left.wait(5), "the upstream still sends 5 s after the client left"


def test_still_serves(t):
    """after all of that, one and the same edge still serves"""
    good = t.ends(upstreams.Upstream(name="good"))
    kinds = {
        "refused": t.ends(upstreams.RefusingPort()), "reset": t.ends(upstreams.resetting()),
        "hanging": t.ends(upstreams.hanging()), "garbage": t.ends(upstreams.saying(b"\0\1\2\3")),
        "cut": t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")),
        "half": t.ends(upstreams.saying(b"", then="half-close"))}
    routes = "".join(route_to(f"{k}.test", u.url, name=k) for k, u in kinds.items()) + route_to(HOST, good.url)
    edge = t.edge(config=QUICK, routes=routes)
    web = edge.entry_point()

    def disturb(host):
        for _ in range(10):
            try:
                get(web, "/", host)
            except (BadResponse, OSError):
                pass
    threads = [threading.Thread(target=disturb, args=(f"{k}.test",)) for k in kinds]
    for thread in threads:
        thread.start()
    with Connection(web, host=HOST) as connection:
        while any(thread.is_alive() for thread in threads):
            response = connection.get("/")
            assert response.status == 200 and json.loads(response.body)["name"] == "good", response
    assert edge.running()
