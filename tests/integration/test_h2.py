"""HTTP/2 on both sides of the edge: what goes well, and what goes on when something else does not."""

import signal
import socket
import struct
import threading

from harness import h2, upstreams
from harness.http import Connection, get, request
from harness.test import route_to
from harness.wait import wait_for

HOST = "app.test"


def pair(t, upstream=None, arguments=(), config=""):
    upstream = t.ends(upstream or upstreams.Upstream(name="up"))
    return upstream, t.edge(*arguments, config=config, routes=route_to(HOST, upstream.url))


def test_many_at_once(t):
    """a hundred requests at once on one connection, each with its own answer"""
    _, edge = pair(t)
    with h2.Connection(edge.entry_point()) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}")) for i in range(100)]
        for i, stream in enumerate(streams):
            answer = connection.answer(stream)
            assert answer.status == 200 and f'"target": "/{i}"'.encode() in answer.body, answer


def test_upstream_multiplexes(t):
    """an h2c upstream gets the requests of many clients on few connections"""
    upstream, edge = pair(t, h2.Upstream(), ("--workers", "1"))
    assert get(edge.entry_point(), "/", HOST).body == b"ok"
    clients = [h2.Connection(edge.entry_point()) for _ in range(5)]
    streams = [[client.headers(h2.get_fields(f"/{i}")) for i in range(50)] for client in clients]
    for client, its in zip(clients, streams):
        assert all(client.answer(stream).body == b"ok" for stream in its)
        client.sock.close()
    assert request(edge.entry_point(), "POST", "/p", [], b"body", host=HOST).body == b"ok"
    assert upstream.requests[-1].body == b"body", upstream.requests[-1]
    assert len(upstream.connections) <= 3, f"{len(upstream.connections)} connections"
    assert not upstream.faults, upstream.faults


def test_forwarded(t):
    """an HTTP/2 request has the same fields added as any other, and its version stands in the access log"""
    upstream = t.ends(h2.Upstream())
    log = t.path("access.log")
    edge = t.edge("--set", "access_log.format=common", "--set", f"access_log.path={log}",
                  routes=route_to(HOST, upstream.url))
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get("/logged").status == 200
    seen = upstream.requests[-1]
    assert seen.field("x-forwarded-for") == "127.0.0.1" and seen.field("x-forwarded-proto") == "http", seen
    assert seen.field(":authority") == HOST and seen.field("host") is None, seen
    edge.stop()
    with open(log, encoding="utf-8") as file:
        assert '"GET /logged HTTP/2.0" 200' in file.read()


def test_prior_knowledge_only(t):
    """Upgrade: h2c is ignored, and an entry point without h2c refuses the preface"""
    _, edge = pair(t, config='[entrypoints.web]\naddress = "127.0.0.1:0"\nh2c = true\n'
                             '[entrypoints.old]\naddress = "127.0.0.1:0"\nh2c = false\n')
    response = get(edge.entry_point(), "/", HOST, {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c",
                                                   "HTTP2-Settings": "AAMAAABkAAQAAP__"})
    assert response.status == 200 and not response.all("upgrade"), response
    with Connection(edge.entry_point("old"), host=HOST) as connection:
        connection.send(h2.PREFACE.decode())
        assert connection.read_response().status == 505
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get().status == 200


def test_preface_in_pieces(t):
    """a preface that comes byte by byte, and one right behind a request of HTTP/1.1, which is none"""
    _, edge = pair(t)
    with Connection(edge.entry_point(), host=HOST) as connection:
        for i in range(len(h2.PREFACE)):
            connection.sock.sendall(h2.PREFACE[i:i + 1])
        connection.sock.sendall(h2.frame(h2.SETTINGS))
        assert connection.sock.recv(100)[3] == h2.SETTINGS
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n" + h2.PREFACE.decode())
        assert connection.read_response().status == 200
        assert connection.read_response().status in (400, 505)


def test_slow_upload(t):
    """an upstream that does not read stops the client by its windows, and the rest comes when it reads again"""
    go = threading.Event()
    upstream = upstreams.Upstream()

    def serve(sock, reader):
        read = upstreams.read_request(reader, with_body=False)
        go.wait(20)
        upstreams.read_request_body(reader, read)
        upstream.note(read)
        sock.sendall(upstreams.response(200, str(len(read.body))))
    upstream.serve = serve
    _, edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        connection.until(lambda: h2.INITIAL_WINDOW_SIZE in connection.settings, "SETTINGS")
        window = {0: 65535, 1: connection.settings[h2.INITIAL_WINDOW_SIZE]}
        stream = connection.headers(h2.get_fields(method="POST"), end=False)
        sent, seen, total = 0, 0, 64 << 20

        def push():
            nonlocal sent, seen
            while seen < len(connection.frames):
                kind, _, number, payload = connection.frames[seen]
                seen += 1
                if kind == h2.WINDOW_UPDATE:
                    window[number] += int.from_bytes(payload, "big")
            while sent < total and (size := min(16384, total - sent, *window.values())) > 0:
                connection.data(stream, b"x" * size, end=sent + size == total)
                sent += size
                window[0] -= size
                window[1] -= size
            return sent == total
        # It stops when the kernel's buffers, the relay's and the window are full.
        push()
        while connection.ping() and not push() and min(window.values()) > 0:
            pass
        assert sent < total // 2, f"{sent} bytes were taken although nobody reads"
        go.set()
        connection.until(push, "windows")
        answer = connection.answer(stream)
        assert answer.status == 200 and answer.body == str(total).encode(), answer


def test_slow_download(t):
    """one stream whose window is closed holds up no other of its connection, and its upstream is paused"""
    body = b"x" * (16 << 20)
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, body if r.target == "/" else "ok")))
    multiplexed = t.ends(h2.Upstream(lambda c, n, s: h2.Upstream.answer_ok(c, n, s)))
    edge = t.edge(routes=route_to(HOST, upstream.url) + route_to("two.test", multiplexed.url, name="two"))
    with h2.Connection(edge.entry_point(), settings=[(h2.INITIAL_WINDOW_SIZE, 1000)]) as connection:
        connection.auto_window = False
        slow = connection.headers(h2.get_fields())
        connection.until(lambda: len(connection.streams[slow].body) == 1000, "the first window")
        for host in (HOST, "two.test"):
            for i in range(10):
                assert connection.get(f"/{i}", host).body == b"ok"
        assert len(connection.streams[slow].body) == 1000
        connection.window(slow, 1 << 30)
        answer = connection.answer(slow)
        assert answer.body == body, len(answer.body)


def test_cancel_reaches_upstream(t):
    """RST_STREAM of a client cancels the request upstream, and an upstream's reset reaches the client"""
    cancelled = threading.Event()

    def serve(connection, number, stream):
        if dict(stream.fields)[":path"] == "/reset":
            connection.headers([(":status", "200")], number, end=False)
            connection.data(number, b"half")
            connection.reset(number, h2.INTERNAL_ERROR)
            return
        connection.headers([(":status", "200")], number, end=False)
        connection.until(lambda: stream.reset is not None, "a reset")
        assert stream.reset == h2.CANCEL, stream
        cancelled.set()
    upstream, edge = pair(t, h2.Upstream(serve))
    with h2.Connection(edge.entry_point()) as connection:
        stream = connection.headers(h2.get_fields("/wait"), end=False)
        connection.until(lambda: connection.streams[stream].heads, "the head")
        connection.reset(stream)
        assert cancelled.wait(10), "the upstream was not told"
        answer = connection.get("/reset")
        assert answer.body == b"half" and answer.reset == h2.INTERNAL_ERROR, answer
        assert connection.ping()
    assert len(upstream.connections) == 1, "a cancelled request costs no connection"


def test_early_answer(t):
    """an answer before the end of the request ends the stream without harm to the connection"""
    _, edge = pair(t, upstreams.answering_early())
    with h2.Connection(edge.entry_point()) as connection:
        stream = connection.headers(h2.get_fields(method="POST"), end=False)
        connection.data(stream, b"some")
        answer = connection.answer(stream)
        assert answer.status == 413 and answer.ended, answer
        connection.until(lambda: answer.reset is not None, "RST_STREAM")
        assert answer.reset == h2.NO_ERROR, answer
        assert connection.get("/", "nobody.test").status == 404


def test_upstream_goaway(t):
    """GOAWAY of an upstream: what it refused goes to a new connection, what it took is answered on the old one"""
    def serve(connection, number, stream):
        first = connection is upstream.connections[0]
        if not first or number == 1:
            return h2.Upstream.answer_ok(connection, number, stream)
        if number == 3:  # taken: answered when the refused ones have been sent again
            connection.until(lambda: 7 in connection.streams, "more requests")
            connection.send(h2.frame(h2.GOAWAY, 0, 0, (3).to_bytes(4, "big") + h2.NO_ERROR.to_bytes(4, "big")))
            wait_for(lambda: len(upstream.requests) >= 4, 10, "the refused come again")
            return h2.Upstream.answer_ok(connection, number, stream, b"taken")
        return None  # refused by GOAWAY
    upstream = t.ends(h2.Upstream(serve))
    edge = t.edge("--workers", "1", routes=route_to(HOST, upstream.url))
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get().body == b"ok"
        streams = [connection.headers(h2.get_fields(f"/{i}")) for i in range(3)]
        bodies = [connection.answer(stream).body for stream in streams]
        assert sorted(bodies) == [b"ok", b"ok", b"taken"], bodies
    assert len(upstream.connections) == 2, len(upstream.connections)


def test_goaway_again_and_again(t):
    """an upstream that ends each connection after five requests loses none of many at once, whatever they send"""
    def serve(connection, number, stream):
        if number > 9:
            return None  # refused by GOAWAY, as servers do that count requests
        connection.until(lambda: stream.over, "the request's end")
        if number == 9:
            connection.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack(">II", 9, h2.NO_ERROR)))
        return h2.Upstream.answer_ok(connection, number, stream, bytes(stream.body) + str(stream.trailers).encode())
    _, edge = pair(t, h2.Upstream(serve), ("--workers", "1"))
    with h2.Connection(edge.entry_point()) as connection:
        bodies = {connection.headers(h2.get_fields(method="POST"), end=False): f"body {i}".encode() for i in range(25)}
        for i, (stream, body) in enumerate(bodies.items()):
            connection.data(stream, body, end=i % 2 == 0)
            if i % 2:
                connection.headers([("x-sum", str(i))], stream)
        for i, (stream, body) in enumerate(bodies.items()):
            trailers = [("x-sum", str(i))] if i % 2 else None
            answer = connection.answer(stream)
            assert answer.status == 200 and bytes(answer.body) == body + str(trailers).encode(), answer


def test_goaway_after_a_body(t):
    """a body of 16 KiB that was sent on a connection that ends is sent again, one byte more is not"""
    most = 16384

    def serve(connection, number, stream):
        connection.until(lambda: stream.over, "the request's end")
        if connection is not upstream.connections[0]:
            return h2.Upstream.answer_ok(connection, number, stream, str(len(stream.body)).encode())
        return connection.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack(">II", 0, h2.NO_ERROR)))
    for length, status in ((most, 200), (most + 1, 503)):
        upstream, edge = pair(t, h2.Upstream(serve), ("--workers", "1"))
        with h2.Connection(edge.entry_point()) as connection:
            stream = connection.headers(h2.get_fields(method="POST"), end=False)
            connection.data(stream, b"x" * most, end=length == most)
            if length > most:
                connection.data(stream, b"x", end=True)
            answer = connection.answer(stream)
            assert answer.status == status, answer
            assert status != 200 or bytes(answer.body) == str(length).encode(), answer


def test_refused_stream(t):
    """REFUSED_STREAM is tried again whatever the method, for nothing was done with it"""
    refused = []

    def serve(connection, number, stream):
        if len(refused) < 1:
            refused.append(number)
            return connection.reset(number, h2.REFUSED_STREAM)
        return h2.Upstream.answer_ok(connection, number, stream)
    upstream, edge = pair(t, h2.Upstream(serve))
    with h2.Connection(edge.entry_point()) as connection:
        answer = connection.request(h2.get_fields(method="DELETE"))
        assert answer.status == 200, answer
    assert refused and len(upstream.requests) == 2


def test_cancelled_by_one(t):
    """what one client cancels ends no other's request at an upstream that takes only so many resets on a connection"""
    slow = []

    def resets(connection):
        return sum(kind == h2.RST_STREAM for kind, _, _, _ in connection.frames)

    def serve(connection, number, stream):
        if resets(connection) > 200:
            connection.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack(">II", number, h2.ENHANCE_YOUR_CALM)))
            return connection.sock.shutdown(socket.SHUT_RDWR)
        if stream.field(":path") == "/slow":
            return slow.append((connection, number, stream))
        return stream.field(":path") == "/" and h2.Upstream.answer_ok(connection, number, stream)
    upstream, edge = pair(t, h2.Upstream(serve), ("--workers", "1"))
    with h2.Connection(edge.entry_point()) as patient, h2.Connection(edge.entry_point()) as restless:
        waiting = patient.headers(h2.get_fields("/slow"))
        wait_for(lambda: slow, 10, "the slow request at the upstream")
        for _ in range(360):
            restless.reset(restless.headers(h2.get_fields("/left")))
        assert restless.get().status == 200
        # Not all: what waits for a new connection when it is cancelled is never sent.
        wait_for(lambda: resets(upstream.connections[0]) > 100, 10, "the resets at the upstream")
        assert max(map(resets, upstream.connections)) < 150, [resets(c) for c in upstream.connections]
        h2.Upstream.answer_ok(*slow[0])
        assert patient.answer(waiting).status == 200, patient.streams[waiting]
        # One that is worn by cancelled requests ends when nothing is left on it; others may have been made meanwhile.
        wait_for(lambda: all(c.closed for c in upstream.connections if resets(c) > 100), 10, "the worn one's end")


def test_upstream_limit(t):
    """an upstream that takes two streams at once gets no third on that connection"""
    def serve(connection, number, stream):
        alive = [s for s in connection.streams.values() if s.heads and not getattr(s, "answered", False)]
        assert len(alive) <= 2, len(alive)
        if dict(stream.fields)[":path"] == "/slow":
            wait_for(lambda: len(upstream.connections) >= 2, 10, "a second connection")
        stream.answered = True
        h2.Upstream.answer_ok(connection, number, stream)
    upstream, edge = pair(t, h2.Upstream(serve, settings=[(h2.MAX_CONCURRENT_STREAMS, 2)]), ("--workers", "1"))
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get().status == 200
        streams = [connection.headers(h2.get_fields("/slow")) for _ in range(3)]
        assert [connection.answer(s).status for s in streams] == [200] * 3
    assert not upstream.faults, upstream.faults


def test_push_refused(t):
    """a push of an upstream is a fault of its connection; the client gets 502 and nothing it did not ask for"""
    def serve(connection, number, _):
        promise = (number + 1).to_bytes(4, "big") + h2.block(h2.get_fields("/pushed"))
        connection.send(h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, number, promise))
    upstream, edge = pair(t, h2.Upstream(serve), ("--set", "retry.attempts_max=0"))
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get().status == 502
    assert upstream.connections[0].settings.get(2) == 0, upstream.connections[0].settings


def test_drain(t):
    """SIGTERM: GOAWAY, requests on their way are answered, and the process ends with the last of them"""
    hold = threading.Event()
    upstream = upstreams.Upstream(answer=lambda r: hold.wait(20) and upstreams.response(200, "late"))
    _, edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        stream = connection.headers(h2.get_fields())
        wait_for(lambda: upstream.requests, 10, "the request is upstream")
        edge.signal(signal.SIGTERM)
        connection.until(lambda: connection.goaway, "GOAWAY")
        late = connection.headers(h2.get_fields("/late"))
        hold.set()
        assert connection.answer(stream).body == b"late"
        assert connection.answer(late).body == b"late"
        assert connection.wait_end() == h2.NO_ERROR
    edge.wait(10, "the edge ends")


def test_end_within_a_head(t):
    """a client that ends its side within a header block is let go at once, not when a head is too slow"""
    _, edge = pair(t, arguments=("--set", "timeouts.head_ms=60000"))
    block = h2.block(h2.get_fields())
    for cut in (1, 9, 12, 9 + len(block) - 1):
        with h2.Connection(edge.entry_point()) as connection:
            connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, block)[:cut])
            connection.sock.shutdown(socket.SHUT_WR)
            connection.wait_end()  # within the harness' deadline


def test_requests_max(t):
    """limits.requests_per_connection_max ends an HTTP/2 connection by GOAWAY, without losing a request"""
    _, edge = pair(t, arguments=("--set", "limits.requests_per_connection_max=5"))
    with h2.Connection(edge.entry_point()) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}")) for i in range(8)]
        assert [connection.answer(s).status for s in streams] == [200] * 8
        connection.until(lambda: connection.goaway, "GOAWAY")
        assert connection.wait_end() == h2.NO_ERROR
