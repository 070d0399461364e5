"""gRPC through the edge with @grpc/grpc-js, and long streams that outlive changes of the routes."""

import json
import os
import subprocess

from harness import processes, upstreams
from harness.http import Connection
from harness.test import route_to, takes
from harness.wait import wait_for
from harness.websocket import WebSocket

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(HERE, "clients", "grpc_echo.js")
HOST = "grpc.test"


class Node:
    """A node program that is talked to by lines."""

    def __init__(self, *arguments):
        modules = os.path.join(processes.PEERS, "node", "node_modules")
        assert os.path.isdir(os.path.join(modules, "@grpc")), "@grpc/grpc-js is missing: run scripts/setup --tests"
        self.child = subprocess.Popen(["node", CLIENT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1, env={**os.environ, "NODE_PATH": modules})

    def line(self):
        return self.child.stdout.readline().rstrip("\n")

    def say(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        return self.line()

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def grpc_server(t):
    server = t.ends(Node("server"))
    return f"h2c://127.0.0.1:{int(server.line())}"


@takes(120)
def test_grpc_calls(t):
    """unary and all streaming kinds with metadata and trailers, errors, deadline and cancellation, 200 calls at once"""
    edge = t.edge(routes=route_to(HOST, grpc_server(t)))
    client = t.ends(Node("client", edge.entry_point()))
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


@takes(180)
def test_streams_outlive_tables(t):
    """a gRPC stream, a WebSocket and server-sent events live through 1,000 changes of the routes, message by message"""
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
    stream = t.ends(Node("stream", edge.entry_point()))
    assert stream.say("begin") == "echo begin"
    with WebSocket(edge.entry_point(), "/", "ws.test") as socket, \
            Connection(edge.entry_point(), host="sse.test") as source:
        source.send_request("GET", "/")
        source.read_head()
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
                assert source.reader.chunk() == f"data: {i}\n\n".encode()
        assert stream.say("end") == "echo end"
