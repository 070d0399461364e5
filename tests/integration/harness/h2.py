"""HTTP/2 by hand: frames as they are told, right or wrong, for clients and for upstreams. hpack only decodes."""

import socket
import struct
import threading

import hpack

from .http import split_address

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, CANCEL, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0, 1, 8, 7, 11
INTERNAL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 2, 5, 6
INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, ENABLE_CONNECT_PROTOCOL = 4, 3, 8
TIMEOUT_SECONDS = 10
FRAME_BYTES_MAX = 16384


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix_bits, first=0):
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    return integer(len(value), 7) + value


def block(fields):
    """Fields as literals that are never indexed: whatever bytes they hold."""
    return b"".join(b"\x10" + text(name) + text(value) for name, value in fields)


def get_fields(target="/", host="app.test", method="GET", scheme="http"):
    return [(":method", method), (":scheme", scheme), (":authority", host), (":path", target)]


class Stream:
    """What has come on one stream."""

    def __init__(self):
        self.heads, self.body, self.trailers, self.ended, self.reset = [], bytearray(), None, False, None

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def fields(self):
        """Of the last head: the answer's, or the request's."""
        return self.heads[-1] if self.heads else []

    def field(self, name):
        return ", ".join(v for k, v in self.fields if k == name) or None

    @property
    def status(self):
        return int(self.field(":status") or 0)

    def __repr__(self):
        return f"heads={self.heads} body={bytes(self.body[:200])!r} trailers={self.trailers} " \
               f"ended={self.ended} reset={self.reset}"


class Gone(AssertionError):
    """The connection ended before what was waited for."""


class Connection:
    """One end. `sock`: of a server. `context`: of a client over TLS, which asks for `host`."""

    def __init__(self, address=None, settings=(), window=None, sock=None, context=None, host=None):
        self.server = sock is not None
        self.sock = sock or socket.create_connection(split_address(address), TIMEOUT_SECONDS)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
            assert self.sock.selected_alpn_protocol() == "h2", self.sock.selected_alpn_protocol()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.streams, self.frames, self.settings = {}, [], {}
        self.goaway, self.closed = None, False
        self.opened = 1
        self.buffer = b""
        self.auto_window = window is None
        start = b"" if self.server else PREFACE
        self.send(start + frame(SETTINGS, payload=b"".join(struct.pack(">HI", k, v) for k, v in settings)))
        if window is None:
            self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # out

    def send(self, data):
        """False: the other side is gone."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def headers(self, fields, stream=None, end=True, flags=END_HEADERS):
        """Opens a stream, or goes on with one; its number."""
        if stream is None:
            stream, self.opened = self.opened, self.opened + 2
            self.streams[stream] = Stream()
        data, last = block(fields), flags & END_HEADERS
        pieces = [data[i:i + FRAME_BYTES_MAX] for i in range(0, len(data), FRAME_BYTES_MAX)] or [b""]
        for i, piece in enumerate(pieces):
            its = (last if i + 1 == len(pieces) else 0) | (END_STREAM if end and i == 0 else 0)
            self.send(frame(HEADERS if i == 0 else CONTINUATION, its, stream, piece))
        return stream

    def data(self, stream, payload=b"", end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, payload))

    def reset(self, stream, code=CANCEL):
        return self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def window(self, stream, size):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    # in

    def read_frame(self):
        """Takes in one frame and returns (kind, flags, stream, payload); None at the end of the connection."""
        while True:
            if len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + length:
                    break
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                self.closed = True
                return None
            self.buffer += more
        kind, flags, stream = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big")
        payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
        self.take(kind, flags, stream, payload)
        self.frames.append((kind, flags, stream, payload))
        return self.frames[-1]

    def take(self, kind, flags, number, payload):
        stream = self.streams.setdefault(number, Stream())
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.unpack(">HI", payload[i:i + 6]) for i in range(0, len(payload), 6))
            self.send(frame(SETTINGS, ACK))
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            assert flags & END_HEADERS, "the test's client reads no CONTINUATION"
            fields = [(k.decode() if isinstance(k, bytes) else k, v.decode("latin-1") if isinstance(v, bytes) else v)
                      for k, v in self.decoder.decode(payload, raw=True)]
            if any(k.startswith(":") for k, _ in fields):
                stream.heads.append(fields)
            else:
                stream.trailers = fields
        elif kind == DATA:
            stream.body += payload
            if self.auto_window and payload:
                self.window(number, len(payload))
        elif kind == RST_STREAM:
            stream.reset, = struct.unpack(">I", payload)
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            stream.ended = True

    def until(self, condition, what="something"):
        """Reads until it holds; returns what it returned."""
        while True:
            seen = condition()
            if seen:
                return seen
            if self.read_frame() is None:
                seen = condition()
                if seen:
                    return seen
                raise Gone(f"the connection ended before {what}: {self.streams} goaway={self.goaway}")

    def answer(self, stream):
        """The stream when it is over."""
        its = self.streams[stream]
        self.until(lambda: its.over or self.closed, f"the end of stream {stream}")
        return its

    def request(self, fields, body=None, trailers=None):
        stream = self.headers(fields, end=body is None and trailers is None)
        if body is not None:
            self.data(stream, body, end=trailers is None)
        if trailers is not None:
            self.headers(trailers, stream)
        return self.answer(stream)

    def get(self, target="/", host="app.test"):
        return self.request(get_fields(target, host))

    def ping(self):
        """True when everything sent before has been dealt with and the connection lives."""
        mark = struct.pack(">Q", len(self.frames) + 1)
        if not self.send(frame(PING, 0, 0, mark)):
            return False
        try:
            return self.until(lambda: (PING, ACK, 0, mark) in self.frames[-50:], "a PING's answer")
        except Gone:
            return False

    def wait_end(self):
        """Reads to the connection's end; the code of GOAWAY, or None where none was said."""
        while not self.closed:
            self.read_frame()
        return self.goaway[1] if self.goaway else None


class Upstream:
    """A server of HTTP/2 with a thread a connection: `serve(connection, number, stream)` is called for each request
    whose head has come, on that connection's thread."""

    def __init__(self, serve=None, settings=(), context=None):
        self.serve = serve or self.answer_ok
        self.context = context  # of a server: TLS
        self.settings = settings
        self.connections, self.requests, self.faults = [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.url = f"https://{self.address}" if context else f"h2c://{self.address}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        try:
            sock.settimeout(None)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
                if sock.selected_alpn_protocol() != "h2":
                    return self.run_http1(sock)
            preface = b""
            while len(preface) < len(PREFACE):
                more = sock.recv(len(PREFACE) - len(preface))
                if not more:
                    return
                preface += more
            assert preface == PREFACE, preface
            connection = Connection(sock=sock, settings=self.settings)
            sock.settimeout(None)
            self.connections.append(connection)
            served = set()
            while connection.read_frame() is not None:
                # What comes while a request is served waits in `frames`.
                while waiting := [n for n, stream in connection.streams.items() if n not in served and stream.heads]:
                    served.add(waiting[0])
                    self.requests.append(connection.streams[waiting[0]])
                    self.serve(connection, waiting[0], connection.streams[waiting[0]])
        except (OSError, AssertionError) as error:
            self.faults.append(repr(error))
        finally:
            sock.close()

    def run_http1(self, sock):
        """What is spoken with those that do not ask for HTTP/2."""
        raise AssertionError("ALPN did not choose h2")

    @staticmethod
    def answer_ok(connection, number, stream, body=b"ok"):
        connection.until(lambda: stream.over, "the request's end")
        connection.headers([(":status", "200"), ("content-length", str(len(body)))], number, end=False)
        connection.data(number, body, end=True)

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
