#!/usr/bin/env python3
"""tests/demo/traffic.py: the constant load of the demo's check, a process of its own so that nothing it is measured
by shares an interpreter with it. Ends by SIGTERM. Every answer is one line of the ledger (demo/ledger.py).

Over keep-alive connections: each edge gets, for each route, connections of its own. No change of the routes is a
reason to close one, so one that the edge closes is a failed request. Also one WebSocket and one slow stream, from start
to end.
"""

import argparse
import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(sys.path[0], "integration"))

from demo.ledger import Line  # noqa: E402  (the path first)
from harness.http import BadResponse, Connection  # noqa: E402
from harness.websocket import WebSocket  # noqa: E402

CONNECTIONS_PER_ROUTE_AND_EDGE = 2
TIMEOUT_S = 5
ECHO_INTERVAL_S = 0.1
# Longer than this between two events, or until an echo, is an interruption that a user would notice.
SILENCE_S_MAX = 1.0
FIBONACCI = [0, 1]
while len(FIBONACCI) < 94:
    FIBONACCI.append(FIBONACCI[-1] + FIBONACCI[-2])


class Wrong(ValueError):
    """An answer that is not what was asked for."""


def judge(condition, what):
    if not condition:
        raise Wrong(what)


class Writer:
    """Lines of the ledger, from many threads."""

    def __init__(self, path):
        self.file, self.lock = open(path, "a", encoding="utf-8"), threading.Lock()

    def write(self, line):
        with self.lock:
            self.file.write(line.text())
            self.file.flush()


class Backend:
    """GET and, each fourth time, a POST with a body: that one may not be sent twice."""

    host = "backend.localhost"

    def __init__(self):
        self.count = 0

    def request(self):
        self.count += 1
        return ("POST", "/", "a body") if self.count % 4 == 0 else ("GET", "/", None)

    def by(self, response):
        answer = response.json()
        judge(answer["service"] == "backend" and answer["allocation"], "no answer of a backend")
        return answer["address"]


class Fib:
    """Each time another number."""

    host = "fib.localhost"

    def request(self):
        self.n = random.randrange(len(FIBONACCI))
        return "GET", f"/fib?n={self.n}", None

    def by(self, response):
        answer = response.json()
        judge(answer["n"] == self.n and answer["fib"] == FIBONACCI[self.n], f"not fib({self.n})")
        return answer["by"]["address"]


class Frontend:
    """The page and /api in turn; both must show a backend too."""

    host = "frontend.localhost"

    def __init__(self):
        self.page = False

    def request(self):
        self.page = not self.page
        return "GET", "/" if self.page else "/api", None

    def by(self, response):
        if not self.page:
            answer = response.json()
        else:
            text = response.text()
            judge(text.startswith("<!doctype html>") and text.rstrip().endswith("</html>"), "no whole page")
            answer = json.loads(text.partition('id="answer">')[2].partition("</script>")[0])
        judge(answer["frontend"]["service"] == "frontend", "no answer of a frontend")
        judge(answer["backend"] and answer["backend"]["service"] == "backend", f"no backend: {answer.get('error')}")
        return answer["frontend"]["address"]


class Client:
    """One keep-alive connection to one edge, asking for one route at a constant rate."""

    def __init__(self, edge, route, interval_s, phase_s, writer, stopping):
        self.edge, self.route, self.interval_s, self.phase_s = edge, route, interval_s, phase_s
        self.writer, self.stopping = writer, stopping
        self.connection = None

    def run(self):
        due = time.monotonic() + self.phase_s
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + self.interval_s, time.monotonic() - 1)
            self.writer.write(self.ask())

    def ask(self):
        """One request and what became of it."""
        method, target, body = self.route.request()
        line = Line(type(self.route).__name__.lower(), self.edge, method, sent=time.monotonic())
        try:
            if self.connection is None:
                self.connection = Connection(self.edge, TIMEOUT_S, self.route.host)
            response = self.connection.request(method, target, (), body)
            line.status = response.status
            judge(response.status == 200, f"status {response.status}: {response.text()[:80]!r}")
            line.by = self.route.by(response)
            judge(not response.closes(), "the edge ends a keep-alive connection")
        except (OSError, ValueError, KeyError, TypeError) as error:
            line.failure = f"{type(error).__name__}: {error}"
            # After an answer, also a wrong one, the connection is as good as before unless it was to end.
            if line.status is None or response.closes():
                self.connection = None
        line.done = time.monotonic()
        return line


class Watch:
    """Something that stays open the whole time. One line for each sign of life; one with a failure ends it."""

    name = ""

    def __init__(self, edge, host, writer, stopping):
        self.edge, self.host, self.writer, self.stopping = edge, host, writer, stopping

    def run(self):
        sent = time.monotonic()
        try:
            self.open()
            while not self.stopping.is_set():
                sent = time.monotonic()
                self.next()
                self.note(sent, "")
            self.close()
        except (OSError, ValueError, AssertionError) as error:
            self.note(sent, f"{type(error).__name__}: {error}")

    def note(self, sent, failure):
        done = time.monotonic()
        if not failure and done - sent > SILENCE_S_MAX:
            failure = f"silent for {done - sent:.2f} s"
        self.writer.write(Line(self.name, self.edge, "GET", sent, done, None, "", failure))

    def open(self):
        raise NotImplementedError

    def next(self):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError


class Echoes(Watch):
    """A WebSocket: a text every ECHO_INTERVAL_S, and its echo."""

    name = "websocket"

    def open(self):
        self.socket, self.count = WebSocket(self.edge, "/", self.host, timeout_s=TIMEOUT_S), 0

    def next(self):
        self.count += 1
        self.socket.echo(f"text {self.count}")
        self.stopping.wait(ECHO_INTERVAL_S)

    def close(self):
        self.socket.close()


class Stream(Watch):
    """A response that drips: each event follows the one before."""

    name = "stream"

    def open(self):
        self.connection, self.count = Connection(self.edge, TIMEOUT_S, self.host), 0
        self.connection.send_request("GET", "/")
        status, _ = self.connection.read_head()
        judge(status == 200, f"status {status}")

    def next(self):
        event = self.connection.reader.chunk()
        if event != f"data: {self.count}\n\n".encode():
            raise BadResponse(f"event {self.count} is {event!r}")
        self.count += 1

    def close(self):
        self.connection.close()


def main():
    parser = argparse.ArgumentParser(description="constant load on the demo's edges")
    parser.add_argument("--edges", required=True, help="HOST:PORT,HOST:PORT,...")
    parser.add_argument("--rate", type=float, required=True, help="requests a second, all edges together")
    parser.add_argument("--ledger", required=True, help="the file that gets a line for each answer")
    parser.add_argument("--websocket-host", required=True)
    parser.add_argument("--stream-host", required=True)
    options = parser.parse_args()

    stopping, writer = threading.Event(), Writer(options.ledger)
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    edges = options.edges.split(",")
    places = [(edge, route) for edge in edges for route in (Backend, Fib, Frontend)] * CONNECTIONS_PER_ROUTE_AND_EDGE
    interval_s = len(places) / options.rate
    runners = [Client(edge, route(), interval_s, interval_s * i / len(places), writer, stopping)
               for i, (edge, route) in enumerate(places)]
    runners += [Echoes(edges[0], options.websocket_host, writer, stopping),
                Stream(edges[-1], options.stream_host, writer, stopping)]
    threads = [threading.Thread(target=runner.run) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
