"""Upstreams: one that behaves, and one for each way not to. All on loopback, each with a thread a connection."""

import json
import socket
import struct
import threading

from .http import BadResponse, HEAD_BYTES_MAX, Reader, parse_headers
from .websocket import serve_echo


class Request:
    """A request as an upstream read it."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if len(values) == 1 else None if not values else ", ".join(values)


def read_request(reader, with_body=True):
    """The next request of a connection, or None when the client has closed between two."""
    if not reader.buffer and not reader.more():
        return None
    lines = reader.until(b"\r\n\r\n", HEAD_BYTES_MAX).split(b"\r\n")
    method, target, _ = lines[0].decode("latin-1").split(" ")
    request = Request(method, target, parse_headers(lines[1:]), b"")
    if with_body:
        read_request_body(reader, request)
    return request


def read_request_body(reader, request):
    if request.all("transfer-encoding"):
        request.body = b"".join(iter(reader.chunk, b""))
    elif request.all("content-length"):
        request.body = reader.exactly(int(request.header("content-length")))


def response(status=200, body=b"", headers=(), reason="OK"):
    """The bytes of a whole response."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *[f"{k}: {v}" for k, v in headers]]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def reset(sock):
    """Ends a connection with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Upstream:
    """Listens on a port of its own until stop(). `serve(sock, reader)` handles one connection; the default answers
    every request by `answer(request)`, which returns bytes to send, or None to close. What was read stands in
    `requests`; `connections` counts what was accepted; a fault in `serve` is kept in `faults`."""

    def __init__(self, answer=None, serve=None, name="", address="127.0.0.1", port=0):
        self.name = name
        self.answer = answer or self.answer_ok
        self.serve = serve or self.serve_requests
        self.requests, self.connections, self.faults = [], 0, []
        self.open = set()
        self.lock = threading.Lock()
        self.released = threading.Event()  # set by stop(): what hangs on purpose waits for it
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.host, self.port = self.listener.getsockname()
        self.address = f"{self.host}:{self.port}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(sock)
            threading.Thread(target=self.run_connection, args=(sock,), daemon=True).start()

    def run_connection(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.serve(sock, Reader(sock))
        except (OSError, BadResponse, ValueError) as error:
            if not self.released.is_set():
                self.faults.append(f"{type(error).__name__}: {error}")
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def serve_requests(self, sock, reader):
        while True:
            request = read_request(reader)
            if request is None:
                return
            self.note(request)
            if (request.header("upgrade") or "").lower() == "websocket":
                serve_echo(sock, reader, request)
                return
            data = self.answer(request)
            if data is None:
                return
            sock.sendall(data)
            if (request.header("connection") or "").lower() == "close":
                return

    def note(self, request):
        with self.lock:
            self.requests.append(request)

    def answer_ok(self, request):
        """Says what was received, as JSON; enough for most tests."""
        return response(200, json.dumps({
            "name": self.name, "method": request.method, "target": request.target, "headers": request.headers,
            "body": request.body.decode("latin-1")}), [("Content-Type", "application/json"), ("X-Name", self.name)])

    def close_connections(self):
        with self.lock:
            for sock in self.open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stop(self):
        self.released.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.close_connections()


class RefusingPort:
    """An address nobody listens at: the port stays bound, so that nobody else gets it."""

    def __init__(self, address="127.0.0.1"):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.bind((address, 0))
        self.host, self.port = self.sock.getsockname()
        self.address = f"{self.host}:{self.port}"
        self.url = f"http://{self.address}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.sock.close()


def resetting():
    """Reads the request and resets the connection."""
    upstream = Upstream(name="resetting")

    def serve(sock, reader):
        upstream.note(read_request(reader))
        reset(sock)
    upstream.serve = serve
    return upstream


def saying(data, name="raw", then="close"):
    """Reads the request, sends `data` as it is, then closes, resets, half-closes or hangs."""
    upstream = Upstream(name=name)

    def serve(sock, reader):
        request = read_request(reader)
        if request is None:
            return
        upstream.note(request)
        sock.sendall(data)
        if then == "reset":
            reset(sock)
        elif then == "half-close":
            sock.shutdown(socket.SHUT_WR)
            while reader.more():
                pass
        elif then == "hang":
            upstream.released.wait()
    upstream.serve = serve
    return upstream


def hanging():
    """Reads the request and never answers."""
    return saying(b"", "hanging", "hang")


def dripping(data, pause_s=0.002, name="dripping"):
    """Answers every request byte by byte."""
    upstream = Upstream(name=name)

    def serve(sock, reader):
        while True:
            request = read_request(reader)
            if request is None:
                return
            upstream.note(request)
            for i in range(len(data)):
                sock.sendall(data[i:i + 1])
                if upstream.released.wait(pause_s):
                    return
    upstream.serve = serve
    return upstream


def closing_when_idle(answers=1):
    """Behaves for `answers` requests of a connection and closes it in the moment the next one arrives, unanswered."""
    upstream = Upstream(name="closing")

    def serve(sock, reader):
        for _ in range(answers):
            request = read_request(reader)
            if request is None:
                return
            upstream.note(request)
            sock.sendall(upstream.answer_ok(request))
        reader.more()
        reset(sock)
    upstream.serve = serve
    return upstream


def answering_early(status=413):
    """Answers at the head of a request without reading its body, and closes."""
    upstream = Upstream(name="early")

    def serve(sock, reader):
        request = read_request(reader, with_body=False)
        upstream.note(request)
        sock.sendall(response(status, "enough", [("Connection", "close")], "Content Too Large"))
        sock.shutdown(socket.SHUT_WR)
        while reader.sock.recv(65536):
            pass
    upstream.serve = serve
    return upstream


def streaming(pieces, pause_s=0, pause=lambda: None):
    """Sends `pieces` chunks as server-sent events, one each `pause_s` and when pause() has returned; stops when the
    client goes."""
    upstream = Upstream(name="streaming")
    upstream.client_left = threading.Event()

    def serve(sock, reader):
        upstream.note(read_request(reader))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for i in range(pieces):
                event = f"data: {i}\n\n".encode()
                sock.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                pause()
                if upstream.released.wait(pause_s):
                    return
            sock.sendall(b"0\r\n\r\n")
        except OSError:
            upstream.client_left.set()
    upstream.serve = serve
    return upstream
