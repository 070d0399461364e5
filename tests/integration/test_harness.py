"""The harness itself: what it counts as a failure is one, and its servers do what their names say."""

import threading
import time

from harness import upstreams
from harness.http import BadResponse, get
from harness.load import Load
from harness.lying_catalog import LyingCatalog
from harness.wait import NotInTime, seconds_of, wait_for
from harness.websocket import WebSocket


def fails(action, *kinds):
    try:
        action()
    except kinds as error:
        return error
    raise AssertionError("it should have failed")


def test_wait_for(t):
    """wait_for fails at its deadline, with its reason and what it saw last"""
    took, error = seconds_of(lambda: fails(lambda: wait_for(lambda: 0, 0.2, "pigs fly"), NotInTime))
    assert took >= 0.2 and "pigs fly" in str(error) and "0" in str(error), error


def test_upstreams(t):
    """each misbehaving upstream misbehaves, and the client notices"""
    cut = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"))
    cut_chunks = t.ends(upstreams.saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    fails(lambda: get(t.ends(upstreams.RefusingPort()).url, "/"), ConnectionRefusedError)
    fails(lambda: get(t.ends(upstreams.resetting()).url, "/"), ConnectionResetError)
    fails(lambda: get(t.ends(upstreams.hanging()).url, "/", timeout_s=0.2), TimeoutError)
    fails(lambda: get(cut.url, "/"), BadResponse)
    fails(lambda: get(cut_chunks.url, "/"), BadResponse)
    fails(lambda: get(t.ends(upstreams.saying(b"junk\r\n\r\n")).url, "/"), BadResponse)
    assert get(t.ends(upstreams.dripping(upstreams.response(200, "slow"))).url, "/").text() == "slow"
    assert get(t.ends(upstreams.answering_early(413)).url, "/").status == 413
    assert get(t.ends(upstreams.streaming(3, 0.01)).url, "/").text() == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_load(t):
    """the load keeps its rate, counts what fails and says why"""
    good = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200 if r.target == "/" else 500, "x")))
    with Load(good.url, "h", rate_per_s=200) as load:
        wait_for(lambda: load.sent >= 100, 5, "100 requests")
    load.check()
    assert good.connections == load.connections, "the connections are kept"
    with Load(good.url, "h", "/bad", rate_per_s=100) as load:
        wait_for(lambda: load.failed >= 10, 5, "10 failed requests")
    assert "500" in str(fails(load.check, AssertionError))
    with Load(t.ends(upstreams.RefusingPort()).url, "h", rate_per_s=100) as load:
        wait_for(lambda: load.failed >= 10, 5, "10 refused requests")
    assert "Refused" in str(fails(load.check, AssertionError))


def test_websocket(t):
    """the WebSocket client and the echo understand each other, at each length of frame"""
    upstream = t.ends(upstreams.Upstream())
    with WebSocket(upstream.address, "/ws", "h") as socket:
        for size in (0, 1, 125, 126, 65535, 65536):
            socket.echo("x" * size)
        socket.close()


def test_lying_catalog(t):
    """the catalog tells the truth, blocks until it changes, and tells each lie"""
    catalog = t.ends(LyingCatalog())
    catalog.register("a1", "a", 1, ["t"])
    first = get(catalog.url, "/v1/health/service/a")
    assert [row["Service"]["ID"] for row in first.json()] == ["a1"] and first.header("x-consul-index") == "101"
    threading.Timer(0.2, lambda: catalog.register("a2", "a", 2)).start()
    later = get(catalog.url, "/v1/health/service/a?index=101&wait=60s")  # longer than the client waits
    assert len(later.json()) == 2 and later.header("x-consul-index") == "102"

    def ask():
        return get(catalog.url, "/v1/health/service/a", timeout_s=0.5)
    for kind, proof in {
            "500": lambda: ask().status == 500, "html": lambda: ask().body.startswith(b"<html"),
            "empty": lambda: ask().json() == [], "null": lambda: ask().json() is None,
            "no-index": lambda: ask().header("x-consul-index") is None,
            "index-zero": lambda: ask().header("x-consul-index") == "0",
            "cut": lambda: fails(ask, BadResponse), "reset": lambda: fails(ask, ConnectionError),
            "half-json": lambda: fails(lambda: ask().json(), ValueError),
            "hang": lambda: fails(ask, TimeoutError)}.items():
        catalog.lie(kind)
        assert proof(), kind
    catalog.tell_truth()
    assert len(ask().json()) == 2
    catalog.lose_index()
    started = time.monotonic()
    assert int(get(catalog.url, "/v1/health/service/a?index=110&wait=300ms").header("x-consul-index")) < 101
    assert time.monotonic() - started >= 0.3


def test_processes(t):
    """a process's end, its log and what a sanitizer wrote are noticed"""
    process = t.start(["/bin/sh", "-c", "echo hello; exit 3"])
    assert process.wait(5, "it ends") == 3 and "hello" in process.log() and process.faults() == []
    bad = t.start(["/bin/sh", "-c", "echo '==1==ERROR: AddressSanitizer: heap-use-after-free' >&2"])
    bad.wait(5, "it ends")
    assert len(bad.faults()) == 1
    t.processes.remove(bad)  # or this test would fail for it, as it should


def test_no_leftovers(t):
    """a process that hides from its parent is ended too"""
    t.start(["/bin/sh", "-c", "setsid sleep 1000 & exit 0"]).wait(5, "it ends")
