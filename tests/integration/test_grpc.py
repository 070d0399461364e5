"""gRPC through the edge with @grpc/grpc-js, and long streams that outlive changes of the routes."""

import base64
import json
import re
import struct

from harness import h2, processes, upstreams
from harness.http import Connection, request
from harness.node import Node
from harness.test import route_to, takes
from harness.tls import Authority
from harness.wait import wait_for
from harness.websocket import WebSocket
from test_edge_tls import certificate, secure_edge
from test_h2_tls import echo, open_socket

HOST = "grpc.test"


def grpc(*arguments):
    return Node("grpc_echo.js", "@grpc/grpc-js", *arguments)


def grpc_server(t, *certificate):
    server = t.ends(grpc("server", *certificate))
    return f"{'https' if certificate else 'h2c'}://127.0.0.1:{int(server.line())}"


@takes(120)
def test_grpc_calls(t):
    """unary and all streaming kinds with metadata and trailers, errors, deadline and cancellation, 200 calls at once"""
    edge = t.edge(routes=route_to(HOST, grpc_server(t)))
    check_calls(t.ends(grpc("client", edge.entry_point())))


@takes(120)
def test_grpc_calls_over_tls(t):
    """the same over TLS on both sides, HTTP/2 by ALPN"""
    ca = Authority(t.path("pki", ""))
    url = grpc_server(t, *ca.issue("up", "127.0.0.1"))
    tls_file = certificate(ca.issue("site", HOST, "nobody.test")) + \
        f'[serversTransports.default]\nrootCAs = ["{ca.cert}"]\n'
    _, secure = secure_edge(t, tls_file, route_to(HOST, url))
    check_calls(t.ends(grpc("client", secure, ca.cert)))


def check_calls(client):
    seen = json.loads(client.line())
    ok, last = 0, ["last"]
    assert seen["unary"] == {"first": ["yes"], "answer": "echo hello", "error": None, "code": ok, "details": "OK",
                             "trailer": last}, seen["unary"]
    assert seen["large"], "3 MB there and back"
    assert seen["count"] == {"messages": 1000, "last": "999", "code": ok, "trailer": last}, seen["count"]
    assert seen["sum"]["answer"] == "500500" and seen["sum"]["trailer"] == last, seen["sum"]
    assert seen["both"]["data"] == [f"echo {i}" for i in range(20)] and seen["both"]["code"] == ok, seen["both"]
    assert (seen["fail"]["error"], seen["fail"]["details"], seen["fail"]["trailer"]) == (9, "not now: ü", last), seen
    assert seen["deadline"] == 4 and seen["cancel"] == 1, seen
    assert seen["cancelled"] == "2", "the server heard of the deadline and of the cancellation"
    assert seen["parallel"], "200 calls at once"
    assert seen["unknown"] == 12, "404 is UNIMPLEMENTED to gRPC"


def message(text):
    return b"\0" + struct.pack(">I", len(text)) + text.encode()


def frames(body):
    """Its (flags, payload)s."""
    found = []
    while body:
        size, = struct.unpack(">I", body[1:5])
        found.append((body[0], body[5:5 + size]))
        assert len(body) >= 5 + size, body
        body = body[5 + size:]
    return found


def test_grpc_web(t):
    """the middleware grpcWeb makes gRPC of calls in both of its forms, and answers a browser's preflight"""
    page = "https://page.test"
    edge = t.edge(routes=f'''[[route]]
name = "grpc"
host = "{HOST}"
service = "grpc"
middlewares = ["web"]

[services.grpc]
servers = ["{grpc_server(t)}"]

[middlewares.web.grpcWeb]
allowOrigins = ["{page}"]
''')

    def call(name, text, kind="application/grpc-web+proto", origin=page):
        body = message(text)
        if "text" in kind:
            body = base64.b64encode(body[:4]) + base64.b64encode(body[4:])  # padded in the middle, as pieces are
        answer = request(edge.entry_point(), "POST", f"/weir.test.Echo/{name}",
                         [("Content-Type", kind), ("X-Grpc-Web", "1"), ("Origin", origin)], body, host=HOST)
        assert answer.status == 200 and answer.all("content-type") == [kind], answer
        assert answer.all("access-control-allow-origin") == ([page] if origin == page else []), answer
        exposed = [name for names in answer.all("access-control-expose-headers") for name in names.lower().split(", ")]
        if origin == page:
            wanted = {"content-type", "date", "grpc-status", "grpc-message", "grpc-status-details-bin"}
            assert wanted <= set(exposed) and len(set(exposed)) == len(exposed), exposed
        else:
            assert not exposed, exposed
        return answer

    def decoded(body):
        """Pieces of base64, each with its own padding."""
        return b"".join(base64.b64decode(piece) for piece in re.findall(rb"[^=]+={0,2}", body))
    echoed, (flags, trailers) = frames(call("Unary", "hello").body)
    assert echoed == (0, b"echo hello") and flags == 0x80, (echoed, flags)
    assert b"grpc-status: 0\r\n" in trailers and b"x-trailer: last\r\n" in trailers, trailers
    answer = call("Unary", "hello", "application/grpc-web-text+proto", "https://other.test")
    assert frames(decoded(answer.body))[0] == (0, b"echo hello"), answer
    counted = frames(call("Count", "100").body)
    assert [payload for _, payload in counted[:-1]] == [b"%d" % i for i in range(100)], counted
    assert counted[-1][0] == 0x80 and b"grpc-status: 0" in counted[-1][1], counted[-1]
    failed = call("Fail", "x")
    status = failed.all("grpc-status") or [re.search(rb"grpc-status: (\d+)", frames(failed.body)[-1][1])[1].decode()]
    assert status == ["9"], failed
    asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type,x-grpc-web")]
    answer = request(edge.entry_point(), "OPTIONS", "/weir.test.Echo/Unary", [("Origin", page), *asked], host=HOST)
    assert answer.status == 200 and answer.all("access-control-allow-origin") == [page], answer
    answer = request(edge.entry_point(), "OPTIONS", "/weir.test.Echo/Unary", [("Origin", "https://o.test"), *asked],
                     host=HOST)
    assert not answer.all("access-control-allow-origin"), answer
    broken = request(edge.entry_point(), "POST", "/weir.test.Echo/Unary",
                     [("Content-Type", "application/grpc-web-text"), ("Origin", page)], b"AAAA!!!!", host=HOST)
    assert broken.status == 400 and broken.all("date"), broken
    assert broken.all("access-control-allow-origin") == [page], broken


def test_grpc_web_logged(t):
    """the access log says what a call of gRPC-Web got: fields and bytes as they left"""
    log = t.path("access.log")
    logged = f'[access_log]\nformat = "json"\npath = "{log}"\nheaders_kept = ["content-type"]\n'
    edge = t.edge(config=logged, routes=f'''
[[route]]
name = "grpc"
host = "{HOST}"
service = "grpc"
middlewares = ["web"]

[services.grpc]
servers = ["{grpc_server(t)}"]

[middlewares.web.grpcWeb]
''')
    body = base64.b64encode(message("hello"))
    answer = request(edge.entry_point(), "POST", "/weir.test.Echo/Unary",
                     [("Content-Type", "application/grpc-web-text+proto")], body, host=HOST)
    edge.stop()
    with open(log, encoding="utf-8") as file:
        line = json.loads(file.read())
    assert line["DownstreamContentSize"] == len(answer.body) > line["OriginContentSize"] > 0, line
    assert line["origin_Content-Type"] == "application/grpc+proto", line
    assert line["downstream_Content-Type"] == "application/grpc-web-text+proto", line


@takes(180)
def test_streams_outlive_tables(t):
    """a gRPC stream, WebSockets and server-sent events, of HTTP/1.1 and of HTTP/2, live through 1,000 changes of the
    routes, message by message"""
    changes = 1000
    events = upstreams.Upstream(name="events")
    said = []

    def serve(sock, reader):
        events.note(upstreams.read_request(reader))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        while not events.released.wait(0.001):
            while sent < len(said):
                event = f"data: {said[sent]}\n\n".encode()
                sock.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                sent += 1
    events.serve = serve
    t.ends(events)
    sockets = t.ends(upstreams.Upstream(name="ws"))
    base = route_to(HOST, grpc_server(t), name="grpc") + route_to("ws.test", sockets.url, name="ws") + \
        route_to("sse.test", events.url, name="sse")
    edge = t.edge(routes=base)

    def generation():
        return edge.api("/ready")["generation"]
    stream = t.ends(grpc("stream", edge.entry_point()))
    assert stream.say("begin") == "echo begin"
    with WebSocket(edge.entry_point(), "/", "ws.test") as socket, \
            Connection(edge.entry_point(), host="sse.test") as source, \
            h2.Connection(edge.entry_point()) as both:
        source.send_request("GET", "/")
        source.read_head()
        source_2 = both.streams[both.headers(h2.get_fields(host="sse.test"))]
        tunnel, socket_2 = open_socket(both, "ws.test")
        for i in range(changes):
            before = generation()
            # Every other table does not know the streams' routes at all.
            routes = base if i % 2 else ""
            t.write("routes/test.toml", routes + route_to(f"h{i}.test", "http://127.0.0.1:9", name=f"n{i}"))
            wait_for(lambda seen=before: generation() > seen, 10, "the table has changed")
            if i % 10 == 0:
                assert stream.say(str(i)) == f"echo {i}"
                socket.echo(str(i))
                said.append(i)
                event = f"data: {i}\n\n".encode()
                assert source.reader.chunk() == event
                both.until(lambda wanted=event: source_2.body.endswith(wanted), "the event")
                echo(both, tunnel, socket_2, str(i))
        assert stream.say("end") == "echo end"
