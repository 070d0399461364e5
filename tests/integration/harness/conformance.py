"""The cases of tests/conformance/h1 as far as peers are concerned: what a client sends, and whether that is refused."""

import os
import re
import socket
import threading

from .processes import ROOT

FOLDER = os.path.join(ROOT, "tests", "conformance", "h1")
# What the edge answers by itself to a request that it refuses.
REFUSALS = {400, 414, 417, 431, 501, 505}
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
ANSWER_SECONDS_MAX = 2


class Case:
    """One case; `peers` holds the texts of its nginx and haproxy lines."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self.client, self.statuses, self.peers = b"", [], {}
        self.client_only = True  # nothing but the request decides the outcome

    @property
    def refused(self):
        return bool(REFUSALS & set(self.statuses))


def unescape(text):
    out, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
            continue
        kind = text[at + 1]
        if kind == "x":
            out += bytes([int(text[at + 2:at + 4], 16)])
            at += 4
        elif kind == "{":
            star, end = text.index("*", at), text.index("}", at)
            out += unescape(text[star + 1:end]) * int(text[at + 2:star])
            at = end + 1
        else:
            out += ESCAPES.get(kind, kind.encode())
            at += 2
    return out


def read_cases():
    cases = []
    for file in sorted(f for f in os.listdir(FOLDER) if f.endswith(".case")):
        with open(os.path.join(FOLDER, file), encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                take_line(cases, line.rstrip("\n"), f"{file}:{number}")
    return cases


def take_line(cases, line, place):
    match = re.match(r"(>>?|<<?|==?|\*\*?) ?(.*)", line)
    if match:
        mark, text = match.groups()
        if mark[0] == ">":
            cases[-1].client += unescape(text) + (b"\r\n" if len(mark) == 1 else b"")
        elif mark[0] == "<":
            cases[-1].client_only = False
        return
    key, _, value = line.partition(": ")
    if key == "case":
        cases.append(Case(value, place))
    elif key == "status":
        cases[-1].statuses = [int(status) for status in value.split()]
    elif key in ("nginx", "haproxy"):
        cases[-1].peers[key] = value
    elif key in ("reply", "client", "option"):
        cases[-1].client_only = False


class Origin:
    """Answers 200 to whatever a peer passes on, and closes."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def complete(got):
        head, end, body = got.partition(b"\r\n\r\n")
        if not end:
            return False
        if re.search(rb"(?i)\r\ntransfer-encoding:[^\r]*chunked", head):
            last = re.search(rb"(^|\r\n)0[^\r]*\r\n", body)
            return bool(last) and b"\r\n\r\n" in body[last.end() - 2:]
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return len(body) >= (int(length.group(1)) if length else 0)

    def serve(self, client):
        with client:
            client.settimeout(ANSWER_SECONDS_MAX)
            got = b""
            try:
                while not self.complete(got):
                    more = client.recv(65536)
                    if not more:
                        return
                    got += more
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                return

    def stop(self):
        self.sock.close()


def refuses(port, case):
    """Whether a peer answers one of the case's requests with an error, or closes without an answer to it; None where it
    still waits for more."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS_MAX) as sock:
        try:
            sock.sendall(case.client)
            while True:
                statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d\d\d) ", got)]
                statuses = [status for status in statuses if status >= 200]
                if any(status >= 400 for status in statuses):
                    return True
                if len(statuses) >= max(1, len(case.statuses)):
                    return False
                more = sock.recv(65536)
                if not more:
                    return True
                got += more
        except TimeoutError:
            return None
        except OSError:
            return True
