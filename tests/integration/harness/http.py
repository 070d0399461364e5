"""A raw HTTP/1.1 client that checks every response it reads, so that a framing fault fails a test."""

import json
import socket

HEAD_BYTES_MAX = 256 * 1024


class BadResponse(ValueError):
    """Bytes that are no HTTP response, or one that ended too early."""


class Response:
    def __init__(self, status, headers, body, interim):
        self.status, self.headers, self.body = status, headers, body
        self.interim = interim  # statuses of 1xx responses before it

    def header(self, name):
        """The value of a header that may stand once; None without it."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def closes(self):
        return any("close" in v.lower() for v in self.all("connection"))

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


def split_address(address):
    """"127.0.0.1:80", "[::1]:80" or a URL -> (host, port)"""
    address = address.split("://", 1)[-1].split("/", 1)[0]
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


class Reader:
    """Reads lines and counted bytes from a socket. An end of the stream in between is a BadResponse."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def until(self, mark, bytes_max):
        while mark not in self.buffer:
            if len(self.buffer) > bytes_max:
                raise BadResponse(f"no {mark!r} within {bytes_max} bytes: {self.buffer[:200]!r}")
            if not self.more():
                raise BadResponse(f"stream ended before {mark!r}; read {self.buffer[:200]!r}")
        part, self.buffer = self.buffer.split(mark, 1)
        return part

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise BadResponse(f"stream ended after {len(self.buffer)} of {count} bytes")
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def chunk(self):
        """The next chunk of a chunked body; b"" at its end (trailers are read and dropped)."""
        line = self.until(b"\r\n", 4096)
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise BadResponse(f"bad chunk size {line!r}") from None
        if size == 0:
            while self.until(b"\r\n", HEAD_BYTES_MAX):
                pass
            return b""
        data = self.exactly(size)
        if self.exactly(2) != b"\r\n":
            raise BadResponse("no line break after a chunk")
        return data

    def to_end(self):
        while self.more():
            pass
        part, self.buffer = self.buffer, b""
        return part


def parse_headers(lines):
    headers = []
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip():
            raise BadResponse(f"bad header line {line!r}")
        headers.append((name, value.strip()))
    return headers


class Connection:
    """One client connection. Requests go one after the other; `send` and `read_head` serve the odd cases."""

    def __init__(self, address, timeout_s=10, host=None, receive_bytes=None):
        """`receive_bytes`: what the kernel may hold of what is not read yet; as much as it likes if not given."""
        self.peer = split_address(address)
        self.host = host or address.removeprefix("http://")
        if receive_bytes is None:
            self.sock = socket.create_connection(self.peer, timeout=timeout_s)
        else:  # before it connects, or the window is too small for the segments that are agreed on
            self.sock = socket.socket()
            self.sock.settimeout(timeout_s)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            self.sock.connect(self.peer)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def send_request(self, method, target, headers=(), body=None):
        lines = [f"{method} {target} HTTP/1.1"]
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        names = {k.lower() for k, _ in headers}
        if "host" not in names:
            lines.append(f"Host: {self.host}")
        lines += [f"{k}: {v}" for k, v in headers]
        body = body.encode() if isinstance(body, str) else body
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def read_head(self):
        """(status, headers)"""
        lines = self.reader.until(b"\r\n\r\n", HEAD_BYTES_MAX).split(b"\r\n")
        words = lines[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) != 3:
            raise BadResponse(f"bad status line {lines[0]!r}")
        return int(words[1]), parse_headers(lines[1:])

    def read_response(self, method="GET"):
        interim = []
        status, headers = self.read_head()
        while 100 <= status < 200 and status != 101:
            interim.append(status)
            status, headers = self.read_head()
        response = Response(status, headers, b"", interim)
        response.body = self.read_body(response, method)
        return response

    def read_body(self, response, method):
        if method == "HEAD" or response.status in (101, 204, 304) or method == "CONNECT":
            return b""
        codings, lengths = response.all("transfer-encoding"), response.all("content-length")
        if codings:
            if lengths or [c.lower() for c in codings] != ["chunked"]:
                raise BadResponse(f"ambiguous framing: {response.headers}")
            return b"".join(iter(self.reader.chunk, b""))
        if lengths:
            if len(lengths) != 1 or not lengths[0].isdigit():
                raise BadResponse(f"bad Content-Length: {lengths}")
            return self.reader.exactly(int(lengths[0]))
        return self.reader.to_end()

    def request(self, method, target, headers=(), body=None):
        self.send_request(method, target, headers, body)
        return self.read_response(method)

    def get(self, target, headers=()):
        return self.request("GET", target, headers)

    def at_end(self):
        """Whether the peer has closed (waits for it as long as the connection's time-out)."""
        try:
            return not self.reader.buffer and not self.sock.recv(1)
        except ConnectionError:
            return True


def request(address, method, target, headers=(), body=None, host=None, timeout_s=10):
    """One request on a connection of its own. `address` may be a URL without path."""
    with Connection(address, timeout_s, host or address.split("://", 1)[-1]) as connection:
        return connection.request(method, target, [*dict(headers).items(), ("Connection", "close")], body)


def get(address, target, host=None, headers=(), timeout_s=10):
    return request(address, "GET", target, headers, None, host, timeout_s)


def put_json(address, target, value=None, timeout_s=10):
    body = b"" if value is None else json.dumps(value).encode()
    response = request(address, "PUT", target, {}, body, timeout_s=timeout_s)
    assert response.status == 200, f"PUT {target}: {response}"
    return response
