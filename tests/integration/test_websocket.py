"""WebSockets through the edge with programs that others have written: ws of Node.js, websockets of Python, Chromium."""

import asyncio
import json
import os
import ssl
import subprocess

import websockets
from harness import processes, upstreams
from harness.http import split_address
from harness.node import CLIENTS, Node
from harness.test import route, route_to, takes
from harness.tls import Authority
from harness.wait import wait_for
from test_edge_tls import certificate, lines_of, secure_edge

HOST = "ws.test"


def node(*arguments):
    return Node("websocket.js", "ws", *arguments)


def check_node(t, url, server, *ca):
    """Everything the client does at `url`, and what the server heard at the end of each connection."""
    seen = json.loads(t.ends(node("client", url, HOST, *ca)).line())
    assert seen == {"extensions": "permessage-deflate", "protocol": "second", "text": True, "bytes": True,
                    "pong": "are you there", "ping": "from the server", "ponged": "pong from the server",
                    "messages": 1000, "closedByUs": [4001, "bye"], "plain": "", "plainText": True,
                    "closedByServer": [4002, "enough: ü"], "brokenOff": [1006, ""]}, seen
    heard = [json.loads(server.line()) for _ in range(3)]
    assert heard == [[4001, "bye"], [4002, "enough: ü"], [1006, ""]], heard


@takes(120)
def test_ws(t):
    """ws: compressed and plain messages of 300 kB, pings both ways, 1,000 messages, codes and reasons of closes"""
    server = t.ends(node("server"))
    edge = t.edge(routes=route_to(HOST, f"http://127.0.0.1:{int(server.line())}"))
    check_node(t, f"ws://{edge.entry_point()}/socket", server)


@takes(120)
def test_wss(t):
    """ws: the same over TLS on both sides"""
    ca = Authority(t.path("pki", ""))
    server = t.ends(node("server", *ca.issue("up", "127.0.0.1")))
    tls_file = certificate(ca.issue("site", HOST)) + f'[serversTransports.default]\nrootCAs = ["{ca.cert}"]\n'
    _, secure = secure_edge(t, tls_file, route_to(HOST, f"https://127.0.0.1:{int(server.line())}"))
    check_node(t, f"wss://{secure}/socket", server, ca.cert)


async def serve_python(heard):
    async def answer(socket, _path=None):  # versions before 14 give the path too
        try:
            async for message in socket:
                if message == "close me":
                    await socket.close(4002, "enough: ü")
                else:
                    await socket.send(message)
        except websockets.ConnectionClosedError:  # any code but 1000 and 1001
            heard.append((socket.close_code, socket.close_reason))
    return await websockets.serve(answer, "127.0.0.1", 0, subprotocols=["chat"])


def extensions_of(socket):
    """their names; since version 14 a connection's protocol has them"""
    return [extension.name for extension in getattr(socket, "protocol", socket).extensions]


async def speak_python(uri, address, context):
    host, port = split_address(address)

    def connect(**options):
        if context:
            options.update(ssl=context, server_hostname=HOST)
        return websockets.connect(uri, host=host, port=port, **options)
    async with connect(subprotocols=["other", "chat"]) as socket:
        assert extensions_of(socket) == ["permessage-deflate"]
        assert socket.subprotocol == "chat", socket.subprotocol
        for large in ("all work and no play " * 15_000, os.urandom(300_000)):
            await socket.send(large)
            assert await socket.recv() == large
        # In pieces: a message of many frames.
        await socket.send(str(i) * 1000 for i in range(20))
        assert await socket.recv() == "".join(str(i) * 1000 for i in range(20))
        await (await socket.ping("are you there"))
        for i in range(1000):
            await socket.send(str(i))
        assert [await socket.recv() for _ in range(1000)] == [str(i) for i in range(1000)]
        await socket.close(4001, "bye")
        assert (socket.close_code, socket.close_reason) == (4001, "bye")
    async with connect(compression=None, subprotocols=["chat"]) as socket:
        assert extensions_of(socket) == []
        await socket.send("close me")
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4002, "enough: ü")


@takes(120)
def test_python_websockets(t):
    """websockets of Python on both sides, plain and over TLS: large, fragmented and many messages, closes both ways"""
    ca = Authority(t.path("pki", ""))

    async def run():
        heard = []
        async with await serve_python(heard) as server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            edge, secure = await loop.run_in_executor(None, lambda: secure_edge(
                t, certificate(ca.issue("site", HOST)), route_to(HOST, f"http://127.0.0.1:{port}")))
            await speak_python(f"ws://{HOST}/socket", edge.entry_point(), None)
            await speak_python(f"wss://{HOST}/socket", secure, ssl.create_default_context(cafile=ca.cert))
        return heard
    heard = asyncio.run(asyncio.wait_for(run(), 60))
    assert heard == [(4001, "bye"), (4002, "enough: ü")] * 2, heard


@takes(120)
def test_chromium(t):
    """a page that came over HTTP/2 opens its WebSocket on that connection, and speaks through it"""
    ca = Authority(t.path("pki", ""))
    host = "app.localhost"
    page = "<!doctype html><title>page</title><link rel=icon href=data:,><script>" \
           "const large = 'x'.repeat(300000);" \
           "const socket = new WebSocket(`wss://${location.host}/socket`); let got = 0;" \
           "socket.onopen = () => { for (let i = 0; i < 100; i++) socket.send(String(i)); socket.send(large); };" \
           "socket.onmessage = (e) => {" \
           "  if (e.data !== (got < 100 ? String(got) : large)) document.title = `wrong at ${got}`;" \
           "  if (++got === 101) socket.close(4001, 'bye'); };" \
           "socket.onclose = (e) => { document.title = `${got} ${e.code} ${e.reason}`; };</script>"

    html = [("Content-Type", "text/html")]
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, page, html)))
    server = t.ends(node("server"))
    routes = route_to(host, upstream.url) + \
        route(f'host = "{host}"\npath_prefix = "/socket"', f"http://127.0.0.1:{int(server.line())}", name="socket")
    log = t.path("access.log")
    _, secure = secure_edge(t, certificate(ca.issue("site", host)), routes,
                            config=f'[access_log]\nformat = "json"\npath = "{log}"\n')
    result = subprocess.run(["node", os.path.join(CLIENTS, "browser_h2.js"),
                             f"https://{host}:{split_address(secure)[1]}/", "101 4001 bye"],
                            capture_output=True, text=True, timeout=80, check=False, env={
                                **os.environ, "HOME": t.path("home", ""),
                                "NODE_PATH": os.path.join(processes.PEERS, "node", "node_modules")})
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(server.line()) == [4001, "bye"]
    lines = wait_for(lambda: len(lines_of(log)) >= 2 and [json.loads(line) for line in lines_of(log)], 10, "the lines")
    socket = next(line for line in lines if line["RequestPath"] == "/socket")
    assert (socket["RequestProtocol"], socket["DownstreamStatus"]) == ("HTTP/2.0", 101), socket
