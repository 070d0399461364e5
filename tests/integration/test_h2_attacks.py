"""What an HTTP/2 peer can do to an edge with few bytes, and that it stops there: each attack ends with its connection,
while another client of the same edge goes on."""

import contextlib
import os

from harness import h2, h2_attacks, upstreams
from harness.http import get
from harness.test import route_to

HOST = "app.test"
MANY = 20_000


def world(t, *arguments, answer=None):
    upstream = t.ends(upstreams.Upstream(answer=answer, name="up"))
    return upstream, t.edge(*arguments, routes=route_to(HOST, upstream.url))


def flood(edge, step, times=MANY, expect=(h2.ENHANCE_YOUR_CALM,)):
    """Sends step(i) again and again; the edge must say one of `expect` and close, and another client must not
    notice."""
    with h2.Connection(edge.entry_point()) as bystander, h2.Connection(edge.entry_point()) as attacker:
        assert bystander.get().status == 200
        sent, heard = 0, True
        while sent < times and heard:
            heard = attacker.send(b"".join(step(sent + i) for i in range(100)))
            sent += 100
            if sent % 1000 == 0:
                assert bystander.get().status == 200, "the other client is served meanwhile"
        code = attacker.wait_end()
        # What was still being sent may draw a reset, which takes what was said with it.
        assert code in expect or (code is None and sent < times), f"after {sent}: {code}"
        assert bystander.get().status == 200, "the other client is served afterwards"
    assert get(edge.entry_point(), "/", HOST).status == 200


def memory_bytes(edge):
    with open(f"/proc/{edge.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


@contextlib.contextmanager
def freeing_at_once():
    """What starts in here gives freed memory back, so that what it holds can be measured: sanitizers keep it."""
    before = os.environ.get("ASAN_OPTIONS")
    os.environ["ASAN_OPTIONS"] = f"{before or ''}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    try:
        yield
    finally:
        os.environ.pop("ASAN_OPTIONS")
        if before is not None:
            os.environ["ASAN_OPTIONS"] = before


# 50 answers of limits.relay_buffer_bytes_max (256 KiB) each, and as much again for reading and for the sanitizers.
MEMORY_BYTES_MAX = 32 << 20


def test_rapid_reset(t):
    """streams that are opened and reset at once (CVE-2023-44487) end their connection"""
    upstream, edge = world(t)
    flood(edge, h2_attacks.rapid_reset)
    assert len(upstream.requests) < 1000, f"{len(upstream.requests)} requests were worked for"


def test_made_you_reset(t):
    """streams that the edge is made to reset (CVE-2025-8671), by each fault that does it"""
    upstream, edge = world(t)
    for step in h2_attacks.MADE_YOU_RESET:
        before = len(upstream.requests)
        # Some of these faults end the connection at once.
        flood(edge, step, times=5000, expect=(h2.ENHANCE_YOUR_CALM, h2.PROTOCOL_ERROR, h2.STREAM_CLOSED,
                                              h2.FRAME_SIZE_ERROR))
        cost = len(upstream.requests) - before
        assert cost < 500, f"{step.__name__}: {cost} requests were worked for"


def test_let_go(t):
    """who has flooded is not read for long: what it goes on sending is refused soon, not taken for seconds"""
    _, edge = world(t)
    pings = h2_attacks.CONTROL_FRAMES["PING"] * 4096
    with h2.Connection(edge.entry_point()) as attacker:
        sent = 0
        while sent < 64 << 20 and attacker.send(pings):
            sent += len(pings)
        assert sent < 64 << 20, "more than all buffers between us hold"


def test_too_many_streams(t):
    """streams beyond SETTINGS_MAX_CONCURRENT_STREAMS are refused, and whoever insists is let go"""
    _, edge = world(t, "--set", "entrypoints.web.http2_streams_max=10", answer=lambda r: None)
    with h2.Connection(edge.entry_point()) as connection:
        connection.until(lambda: connection.settings.get(h2.MAX_CONCURRENT_STREAMS), "SETTINGS")
        assert connection.settings[h2.MAX_CONCURRENT_STREAMS] == 10
        # After our ACK the limit is known: breaking it is a fault of the whole connection.
        streams = [connection.headers(h2.get_fields(), end=False) for _ in range(2000)]
        code = connection.wait_end()
        assert code in (h2.PROTOCOL_ERROR, h2.ENHANCE_YOUR_CALM), code
        assert len(streams) == 2000


def test_continuation_flood(t):
    """a head that never ends (CVE-2024-27316), with fields and without"""
    _, edge = world(t)
    for fragment in (h2.block([("a", "b" * 100)]), b""):
        flood(edge, h2_attacks.continuations(fragment))


def test_large_heads(t):
    """a head above the limits is answered 431; one many times as large, packed by HPACK, ends the connection"""
    _, edge = world(t)
    with h2.Connection(edge.entry_point()) as connection:
        answer = connection.request(h2.get_fields() + [(f"a{i}", "b") for i in range(120)])
        assert answer.status == 431, answer
        answer = connection.request(h2.get_fields() + [("a", "b" * 8000)] * 5)
        assert answer.status == 431, answer
        answer = connection.request(h2.get_fields("/" + "p" * 20_000))
        assert answer.status in (200, 414), answer
        assert connection.get().status == 200
    with h2.Connection(edge.entry_point()) as connection:
        connection.send(h2_attacks.hpack_bomb(0))
        assert connection.wait_end() == h2.ENHANCE_YOUR_CALM
    assert get(edge.entry_point(), "/", HOST).status == 200


def test_cookies_in_crumbs(t):
    """the crumbs of a cookie are one field, limited by its bytes: a browser's pass, ten thousand cost little"""
    upstream, edge = world(t)
    crumbs = "; ".join(f"{i}=1" for i in range(500))
    with h2.Connection(edge.entry_point()) as connection, h2.Connection(edge.entry_point()) as bystander:
        assert connection.request(h2_attacks.cookies(500)).status == 200
        assert upstream.requests[-1].all("cookie") == [crumbs], upstream.requests[-1].headers
        for _ in range(20):
            answer = connection.request(h2_attacks.cookies(2000))
            assert answer.status == 431, answer
        assert connection.get().status == 200
        connection.headers(h2_attacks.cookies(10_000))
        assert connection.wait_end() == h2.ENHANCE_YOUR_CALM, connection.goaway
        assert bystander.get().status == 200
    assert len(upstream.requests) == 3, [request.target for request in upstream.requests]


def test_control_floods(t):
    """PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA and unknown frames: each has its budget"""
    _, edge = world(t)
    for name, one in h2_attacks.CONTROL_FRAMES.items():
        try:
            flood(edge, lambda _, it=one: it)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{name}: {error}") from error
    flood(edge, h2_attacks.empty_data)


def test_unread_answers(t):
    """a client that asks and asks and never reads is not listened to any more, and costs a bounded amount of memory"""
    body = b"x" * 65536
    with freeing_at_once():
        upstream, edge = world(t, answer=lambda r: upstreams.response(200, body))
    before = memory_bytes(edge)
    with h2.Connection(edge.entry_point()) as lazy:
        lazy.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 200_000:
                lazy.sock.sendall(h2_attacks.opened(sent)[1] + h2_attacks.CONTROL_FRAMES["PING"])
                sent += 1
        except OSError:
            pass  # the edge does not read any more, or has let it go
        assert len(upstream.requests) < 5000, f"{len(upstream.requests)} of {sent} requests were worked for"
        assert get(edge.entry_point(), "/", HOST).status == 200
        assert memory_bytes(edge) - before < MEMORY_BYTES_MAX, (before, memory_bytes(edge))


def test_closed_windows(t):
    """a client with closed windows holds up nobody, holds little memory, and is let go"""
    body = b"x" * (16 << 20)
    with freeing_at_once():
        _, edge = world(t, "--set", "timeouts.response_idle_ms=1000", answer=lambda r: upstreams.response(200, body))
    before = memory_bytes(edge)
    with h2.Connection(edge.entry_point(), settings=[(h2.INITIAL_WINDOW_SIZE, 0)], window=0) as stalled:
        streams = [stalled.headers(h2.get_fields()) for _ in range(50)]
        stalled.until(lambda: all(stalled.streams[s].heads for s in streams), "the heads")
        assert get(edge.entry_point(), "/", HOST).body == body, "others are served meanwhile"
        assert memory_bytes(edge) - before < MEMORY_BYTES_MAX, (before, memory_bytes(edge))
        stalled.until(lambda: all(stalled.streams[s].over for s in streams), "the streams' end")
        assert all(stalled.streams[s].reset is not None for s in streams), stalled.streams
        assert stalled.ping(), "the connection itself did nothing wrong"


def test_crumbs(t):
    """a body asked for byte by byte ends by the budget of WINDOW_UPDATE"""
    _, edge = world(t, answer=lambda r: upstreams.response(200, b"x" * (1 << 20)))
    with h2.Connection(edge.entry_point(), settings=[(h2.INITIAL_WINDOW_SIZE, 1)], window=0) as connection:
        stream = connection.headers(h2.get_fields())
        got = connection.streams[stream]
        while not connection.closed and len(got.body) < 20_000:
            size = len(got.body)
            connection.until(lambda: len(got.body) > size or connection.closed or connection.goaway, "another byte")
            if connection.goaway:
                break
            connection.window(stream, 1)
        assert connection.goaway and connection.goaway[1] == h2.ENHANCE_YOUR_CALM, connection.goaway
        assert 100 < len(got.body) < 20_000, len(got.body)


def test_slow_heads(t):
    """a preface or a head that does not come to its end is cut by timeouts.head_ms"""
    _, edge = world(t, "--set", "timeouts.head_ms=300")
    with h2.Connection(edge.entry_point()) as connection:
        assert connection.get().status == 200
        connection.send(h2.frame(h2.HEADERS, h2.END_STREAM, 3, h2.block(h2.get_fields())))
        connection.wait_end()
    with h2.Connection(edge.entry_point()) as connection:
        # A frame's own bytes drip.
        connection.send(h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, h2.block(h2.get_fields()))[:12])
        connection.wait_end()
