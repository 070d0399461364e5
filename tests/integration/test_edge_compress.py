"""The compress middleware: answers that arrive smaller, and are what they were."""

import hashlib
import json
import subprocess
import zlib

from harness import upstreams
from harness.http import Connection
from harness.test import register, route, wait_status
from harness.wait import wait_for

M = "traefik.http.middlewares."
PAGE = "".join(f"<li>item {i} of a list that a page has</li>\n" for i in range(20_000)).encode()  # 900 KB


def curl(web, host, *options):
    """An answer to curl: its head, and its body as curl decodes it."""
    command = ["curl", "-sS", "--compressed", "-D", "-", "-H", f"Host: {host}", *options, f"http://{web}/"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, f"{command}: {result.stderr}"
    head, _, body = result.stdout.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def answers_logged(path, count):
    """Those of the upstream, once there are so many."""
    with open(path, encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if line["DownstreamStatus"] == 200]
    return lines if len(lines) >= count else None


def test_codings(t):
    """curl decodes gzip, br and zstd to what was sent, over HTTP/1.1 and HTTP/2; tags choose; sizes are logged"""
    path = t.path("access.log")
    consul = t.consul()
    edge = t.edge(consul=consul.url, config=f'[access_log]\nformat = "json"\npath = "{path}"\n')
    web = edge.entry_point()
    page = upstreams.response(200, PAGE, [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"1"')])
    up = t.ends(upstreams.Upstream(answer=lambda request: page))
    register(consul.url, "one", "one", up.port, [
        "traefik.http.routers.all.rule=Host(`all.test`)", "traefik.http.routers.all.middlewares=all",
        f"{M}all.compress=true",
        "traefik.http.routers.few.rule=Host(`few.test`)", "traefik.http.routers.few.middlewares=few",
        f"{M}few.compress.encodings=zstd,br", f"{M}few.compress.excludedContentTypes=text/plain"])
    wait_status(web, "all.test", 200)
    for version in ("--http1.1", "--http2-prior-knowledge"):
        for coding in ("gzip", "br", "zstd"):
            head, body = curl(web, "all.test", version, "-H", f"Accept-Encoding: {coding}")
            assert f"content-encoding: {coding}\r\n" in head and 'etag: w/"1"' in head, head
            assert "content-length" not in head and body == PAGE, (head, hashlib.sha1(body).hexdigest())
    asks_both = ("-H", "Accept-Encoding: gzip, br")
    assert "content-encoding: gzip" in curl(web, "all.test", *asks_both)[0]
    assert "content-encoding: br" in curl(web, "few.test", *asks_both)[0]
    head, body = curl(web, "few.test", "-H", "Accept-Encoding: gzip")
    assert "content-encoding" not in head and f"content-length: {len(PAGE)}" in head and body == PAGE, head
    lines = wait_for(lambda: answers_logged(path, 10), 10, "lines in the access log")
    small = [line for line in lines if line["DownstreamContentSize"] < len(PAGE) / 5]
    assert len(small) == 8 and {line["OriginContentSize"] for line in lines} == {len(PAGE)}, lines


def test_events(t):
    """Server-sent events through compress: each is readable when it was sent, without another behind it"""
    sent = []

    def events(sock, reader):
        reader.until(b"\r\n\r\n", 65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent.append(sock)
        up.released.wait(60)

    up = t.ends(upstreams.Upstream(serve=events))
    edge = t.edge(routes=route('middlewares = ["small"]\nhost = "app.test"', up.url)
                  + '[middlewares.small]\ntype = "compress"\n')
    with Connection(edge.entry_point()) as client:
        client.send_request("GET", "/", {"Host": "app.test", "Accept-Encoding": "gzip"})
        status, headers = client.read_head()
        wait_for(lambda: sent, 10, "the upstream has answered")
        assert status == 200 and ("Content-Encoding", "gzip") in headers, headers
        unzip, got = zlib.decompressobj(zlib.MAX_WBITS + 16), b""
        for i in range(20):
            event = f"data: {i}\n\n".encode()
            sent[0].sendall(b"%x\r\n%s\r\n" % (len(event), event))
            while not got.endswith(event):
                got += unzip.decompress(client.reader.chunk())
        assert got.count(b"data") == 20
