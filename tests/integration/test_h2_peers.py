"""What honest peers of HTTP/2 do that looks odd: nobody is refused, cut off or left waiting for it."""

import socket
import struct
import threading

from harness import h2, upstreams
from harness.http import Connection
from harness.test import route_to
from harness.wait import wait_for

HOST = "app.test"
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
CALLS = 700  # more than a budget of PINGs


def pair(t, upstream, *arguments):
    return t.edge("--workers", "1", *arguments, routes=route_to(HOST, t.ends(upstream).url))


def measure(connection, number):
    """What grpc-go does for a DATA frame: windows for both, and a PING to measure the bandwidth by."""
    connection.window(0, 10)
    connection.window(number, 10)
    connection.send(h2.frame(h2.PING, payload=b"bdp-ping"))


def answer_call(connection, number, stream):
    connection.until(lambda: stream.over, "the request's end")
    measure(connection, number)
    connection.headers([(":status", "200"), ("content-type", "application/grpc")], number, end=False)
    connection.data(number, bytes(stream.body))
    connection.data(number, b"")  # as some servers do ahead of their trailers
    connection.headers([("grpc-status", "0")], number)


def test_answers_without_content(t):
    """an answer that ends with its head says so to a client of HTTP/1.1, which would wait for ever"""
    def serve(connection, number, stream):
        status = stream.field(":path").removeprefix("/")
        connection.headers([(":status", status), ("x-is", status)], number)
    edge = pair(t, h2.Upstream(serve))
    with Connection(edge.entry_point(), host=HOST) as connection:
        for status in (200, 302, 404, 500):
            response = connection.request("GET", f"/{status}")
            assert response.status == status and response.header("content-length") == "0", response
        for status in (204, 304):
            response = connection.request("GET", f"/{status}")
            assert response.status == status and not response.all("content-length"), response
        response = connection.request("HEAD", "/200")
        assert response.status == 200 and not response.all("content-length"), response
        assert connection.request("GET", "/200").status == 200


def test_body_behind_none(t):
    """what an upstream sends behind an answer that has no body ends its stream, and not the client's connection"""
    def serve(connection, number, stream):
        connection.headers([(":status", stream.field(":path").removeprefix("/"))], number, end=False)
        connection.data(number, b"none of it may be here", True)
    edge = pair(t, h2.Upstream(serve))
    with Connection(edge.entry_point(), host=HOST) as connection:
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)):
            response = connection.request(method, f"/{status}")
            assert (response.status, response.body) == (status, b""), response
        assert connection.request("GET", "/200").body == b"none of it may be here"


def test_bandwidth_is_measured(t):
    """a PING and two WINDOW_UPDATEs for each small message, from clients and from upstreams, use up no budget"""
    upstream = h2.Upstream(answer_call)
    edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        for i in range(CALLS):
            stream = connection.headers(h2.get_fields(f"/{i}", method="POST") + GRPC, end=False)
            connection.data(stream, b"\0\0\0\0\x05hello", end=True)
            answer = connection.answer(stream)
            assert answer.status == 200 and answer.trailers == [("grpc-status", "0")], f"{i}: {answer}"
            measure(connection, stream)
    assert len(upstream.connections) == 1, f"{len(upstream.connections)} connections"


def test_messages_of_a_stream(t):
    """the same within one stream of many messages, each with its windows and its PING"""
    def echo(connection, number, stream):
        connection.headers([(":status", "200"), ("content-type", "application/grpc")], number, end=False)
        echoed = 0
        while not stream.over:
            connection.until(lambda: stream.over or len(stream.body) > echoed, "a message")
            measure(connection, number)
            connection.data(number, bytes(stream.body[echoed:]))
            echoed = len(stream.body)
        connection.headers([("grpc-status", "0")], number)
    upstream = h2.Upstream(echo)
    edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        stream = connection.headers(h2.get_fields(method="POST") + GRPC, end=False)
        its = connection.streams[stream]
        for i in range(1, 2 * CALLS + 1):
            connection.data(stream, b"\0\0\0\0\x05hello")
            connection.until(lambda: its.over or len(its.body) >= 10 * i, "the message's echo")
            measure(connection, stream)
        connection.data(stream, end=True)
        assert connection.answer(stream).trailers == [("grpc-status", "0")], its
    assert len(upstream.connections) == 1, f"{len(upstream.connections)} connections"


def test_cold_burst(t):
    """many requests at once for an upstream of few streams, of which nothing was heard yet: each is answered"""
    upstream = h2.Upstream(settings=[(h2.MAX_CONCURRENT_STREAMS, 5)])
    edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}", method="POST")) for i in range(60)]
        answers = [connection.answer(stream).status for stream in streams]
    assert answers == [200] * 60, answers


def test_silent_settings(t):
    """an upstream that never says its SETTINGS: one request goes ahead, the others fail in time"""
    def serve(sock, _):
        sock.recv(100)
        sock.settimeout(20)
        while sock.recv(65536):
            pass
    silent = upstreams.Upstream()
    silent.serve = serve
    t.ends(silent)
    edge = t.edge("--workers", "1", "--set", "timeouts.connect_ms=300", "--set", "timeouts.response_head_ms=1000",
                  routes=route_to(HOST, f"h2c://{silent.address}"))
    with h2.Connection(edge.entry_point()) as connection:
        streams = [connection.headers(h2.get_fields(f"/{i}", method="POST")) for i in range(5)]
        answers = sorted(connection.answer(stream).status for stream in streams)
    assert set(answers) <= {502, 503, 504}, answers


def test_head_in_pieces(t):
    """a head in HEADERS and CONTINUATION is the same request in whatever pieces it comes"""
    edge = pair(t, upstreams.Upstream())
    data = h2.block(h2.get_fields() + [(f"x-{i}", "y" * 20) for i in range(6)])
    third = len(data) // 3
    head = (h2.frame(h2.HEADERS, h2.END_STREAM, 1, data[:third])
            + h2.frame(h2.CONTINUATION, 0, 1, data[third:2 * third])
            + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, data[2 * third:]))
    first = head.index(h2.frame(h2.CONTINUATION, 0, 1, data[third:2 * third])[:9])
    second = len(head) - 9 - len(data[2 * third:])
    cuts = [list(range(at, at + 10)) for at in (0, first, second)] + [list(range(1, len(head)))]
    for its in cuts:
        with h2.Connection(edge.entry_point()) as connection:
            connection.until(lambda: connection.settings, "SETTINGS")
            connection.streams[1] = h2.Stream()
            for begin, end in zip([0] + its, its + [len(head)]):
                connection.send(head[begin:end])
            assert connection.answer(1).status == 200, f"cut at {its}: {connection.streams[1]} {connection.goaway}"


def test_client_leaves(t):
    """a client that closes its half of the connection is gone soon, and so is what it asked for"""
    asked, cancelled = threading.Event(), threading.Event()

    def serve(connection, _, stream):
        asked.set()
        connection.until(lambda: stream.reset is not None, "RST_STREAM")
        cancelled.set()
    edge = pair(t, h2.Upstream(serve))
    with h2.Connection(edge.entry_point()) as connection:
        connection.headers(h2.get_fields())
        assert asked.wait(10), "the request does not come"
        connection.sock.shutdown(socket.SHUT_WR)
        assert cancelled.wait(10), "the upstream hears nothing of it"


def test_seldom_messages(t):
    """a gRPC client may stream as seldom as it likes; another's slow body is cut in time"""
    upstream = h2.Upstream(answer_call)
    edge = pair(t, upstream, "--set", "timeouts.rate_window_ms=1000", "--set", "timeouts.body_idle_ms=1500")
    with h2.Connection(edge.entry_point()) as connection:
        call = connection.headers(h2.get_fields("/call", method="POST") + GRPC, end=False)
        connection.data(call, b"\0\0\0\0\x01a")
        post = connection.headers(h2.get_fields("/post", method="POST"), end=False)
        connection.data(post, b"a")
        assert connection.answer(post).status == 408, connection.streams[post]
        assert not connection.streams[call].over, connection.streams[call]
        connection.data(call, b"\0\0\0\0\x01b", end=True)
        assert connection.answer(call).trailers == [("grpc-status", "0")], connection.streams[call]


def test_padding_is_counted(t):
    """DATA that is padding alone is as empty as DATA without a byte"""
    upstream = h2.Upstream(lambda connection, number, stream: None)
    edge = pair(t, upstream)
    with h2.Connection(edge.entry_point()) as connection:
        stream = connection.headers(h2.get_fields(method="POST"), end=False)
        empty = h2.frame(h2.DATA, h2.PADDED, stream, struct.pack("B", 0))
        for _ in range(300):
            connection.send(empty)
        assert connection.wait_end() == h2.ENHANCE_YOUR_CALM
    wait_for(lambda: edge.running(), 5, "the edge lives")
