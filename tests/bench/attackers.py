#!/usr/bin/env python3
"""attackers.py ATTACK PORT SECONDS CONNECTIONS: attacks an edge on so many connections at once, each of which begins
anew when it is let go, and prints what was done as JSON. bench attacks runs it; it stands back for whatever else wants
its CPU, so that it is the edge that is slow where somebody waits."""

import json
import os
import select
import socket
import struct
import sys
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(FOLDER), "integration")]

from harness import h2, h2_attacks  # noqa: E402  (the path first)

STEPS, STEPS_A_PIECE = 20_000, 500
STREAMS = 100
FIELDS = h2.get_fields("/p0/index.html", "h000000.bench.test")


class Flood:
    """Step after step, as fast as they are taken; what the edge says is dropped."""

    def __init__(self, step):
        steps = [step(i) for i in range(STEPS)]
        self.start = h2.PREFACE + h2.frame(h2.SETTINGS)
        self.pieces = [b"".join(steps[i:i + STEPS_A_PIECE]) for i in range(0, STEPS, STEPS_A_PIECE)]

    def run(self, sock, until):
        """Whether the edge has let it go."""
        sock.settimeout(0.2)
        for piece in [self.start, *self.pieces]:
            if not send(sock, piece, until) or drain(sock):
                return True
        return wait_end(sock, until)


class Unread:
    """Requests whose answers nobody reads."""

    def __init__(self):
        self.steps = Flood(lambda i: h2_attacks.opened(i, FIELDS)[1] + h2_attacks.CONTROL_FRAMES["PING"])

    def run(self, sock, until):
        sock.settimeout(0.2)
        for piece in [self.steps.start, *self.steps.pieces]:
            if not send(sock, piece, until):
                return True
        time.sleep(max(0.0, until - time.monotonic()))
        return False


class Windows:
    """As many requests as are allowed, whose bodies may not come (window 0), or come byte by byte."""

    def __init__(self, window):
        settings = struct.pack(">HI", h2.INITIAL_WINDOW_SIZE, window)
        self.start = h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0, settings)
        self.start += b"".join(h2_attacks.opened(i, FIELDS)[1] for i in range(STREAMS))
        self.crumbs = b"".join(h2_attacks.window_update(2 * i + 1, 1) for i in range(STREAMS)) if window else b""

    def run(self, sock, until):
        sock.settimeout(0.2)
        if not send(sock, self.start, until):
            return True
        while self.crumbs and time.monotonic() < until:
            select.select([sock], [], [], 0.2)  # until the crumbs of the last round are there
            if drain(sock) or not send(sock, self.crumbs, until):
                return True
        return wait_end(sock, until)


def send(sock, data, until):
    """False: the edge has gone. What it does not take until the end stays."""
    view = memoryview(data)
    while view and time.monotonic() < until:
        try:
            view = view[sock.send(view):]
        except TimeoutError:
            continue
        except OSError:
            return False
    return True


def drain(sock):
    """True: the connection is over."""
    while select.select([sock], [], [], 0)[0]:
        try:
            if not sock.recv(1 << 16):
                return True
        except OSError:
            return True
    return False


def wait_end(sock, until):
    while time.monotonic() < until:
        if select.select([sock], [], [], 0.1)[0] and drain(sock):
            return True
    return False


def with_fields(step):
    return Flood(lambda i: step(i, FIELDS))


def control(name):
    return Flood(lambda _: h2_attacks.CONTROL_FRAMES[name])


ATTACKS = {
    "rapid reset": lambda: with_fields(h2_attacks.rapid_reset),
    "MadeYouReset, a window of 0": lambda: with_fields(h2_attacks.zero_window),
    "MadeYouReset, malformed heads": lambda: with_fields(h2_attacks.malformed),
    "CONTINUATION": lambda: with_fields(h2_attacks.continuations(h2.block([("a", "b" * 100)]))),
    "HPACK bomb": lambda: with_fields(h2_attacks.hpack_bomb),
    "PING": lambda: control("PING"),
    "SETTINGS": lambda: control("SETTINGS of a table size"),
    "PRIORITY": lambda: control("PRIORITY"),
    "empty DATA": lambda: with_fields(h2_attacks.empty_data),
    "unknown frames": lambda: control("an unknown frame"),
    "streams without end": lambda: Flood(lambda i: h2_attacks.opened(i, FIELDS)[1]),
    "closed windows": lambda: Windows(0),
    "windows of a byte": lambda: Windows(1),
    "answers unread": Unread,
}


def attack(port, one, until, counts):
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                counts["connections"] += 1
                counts["let_go"] += one.run(sock, until)
        except OSError:
            counts["refused"] += 1


def main():
    name, port, seconds, connections = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    one = ATTACKS[name]()
    until = time.monotonic() + seconds
    each = [{"connections": 0, "let_go": 0, "refused": 0} for _ in range(connections)]
    threads = [threading.Thread(target=attack, args=(port, one, until, counts)) for counts in each]
    for thread in threads:
        thread.start()
    print("attacking", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps({key: sum(counts[key] for counts in each) for key in each[0]}), flush=True)


if __name__ == "__main__":
    main()
