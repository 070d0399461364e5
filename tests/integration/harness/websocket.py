"""The little of RFC 6455 that tests need: a client, and an echo server for harness.upstreams."""

import base64
import hashlib
import os
import struct

from .http import BadResponse, Connection

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()


def frame(opcode, payload, masked):
    head = bytes([0x80 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def read_frame(reader):
    """(opcode, payload) of a frame that is not fragmented."""
    first, second = reader.exactly(2)
    length = second & 0x7F
    if length == 126:
        length, = struct.unpack(">H", reader.exactly(2))
    elif length == 127:
        length, = struct.unpack(">Q", reader.exactly(8))
    mask = reader.exactly(4) if second & 0x80 else b"\0\0\0\0"
    payload = reader.exactly(length)
    return first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if any(mask) else payload


class WebSocket:
    """A client's side."""

    def __init__(self, address, target, host, headers=(), timeout_s=10):
        self.connection = Connection(address, timeout_s, host)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.send_request("GET", target, [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13"), *headers])
        self.response = self.connection.read_response()
        if self.response.status != 101 or self.response.header("sec-websocket-accept") != accept_key(key):
            raise BadResponse(f"no WebSocket: {self.response}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, text):
        self.connection.send(frame(TEXT, text.encode(), True))

    def receive(self):
        opcode, payload = read_frame(self.connection.reader)
        if opcode != TEXT:
            raise BadResponse(f"frame of kind {opcode}: {payload!r}")
        return payload.decode()

    def echo(self, text):
        self.send(text)
        answer = self.receive()
        assert answer == text, f"sent {text!r}, got {answer!r}"

    def close(self):
        """Closes in order: our close frame, the server's, the end of the stream."""
        self.connection.send(frame(CLOSE, struct.pack(">H", 1000), True))
        opcode, _ = read_frame(self.connection.reader)
        assert opcode == CLOSE, f"frame of kind {opcode} instead of the close"
        assert self.connection.at_end(), "the stream goes on behind the close frame"


def serve_echo(sock, reader, request):
    """A server's side, from the upgrade request on: answers each text with itself until the client closes."""
    key = dict((k.lower(), v) for k, v in request.headers)["sec-websocket-key"]
    sock.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n").encode())
    while True:
        opcode, payload = read_frame(reader)
        sock.sendall(frame(opcode if opcode != PING else PONG, payload, False))
        if opcode == CLOSE:
            return
