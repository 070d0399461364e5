#!/usr/bin/env python3
"""tests/bench/train.py: has build/weir serve what edges serve, so that a build with counters learns where requests go.

scripts/build --train runs it. Numbers of requests, not seconds: the profile is the same on a slow machine. Every answer
is checked by the load programs; a wrong one fails the training. Paths that nothing here takes are built for size.
"""

import os
import shutil
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "integration")]

from measure import run_load, start_upstream  # noqa: E402  (the path first)
from peers import Scenario, WeirEdge  # noqa: E402
from tls_traffic import make_certificate  # noqa: E402

CONNECTIONS = 64
HOSTS = 1000


class Training:
    """The edges and upstreams of one folder; all end in order, for counters are written at exit."""

    def __init__(self, folder):
        self.folder, self.running, self.upstreams = folder, [], []

    def upstream(self, name, *flags):
        process, port = start_upstream(self.folder, *flags, name=name)
        self.upstreams.append(process)
        return port

    def edge(self, name, upstream_port, *settings, **scenario):
        edge = WeirEdge(name, *settings).start(Scenario(self.folder, upstream_port, **scenario))
        self.running.append(edge)
        return edge.port

    def load(self, what, port, requests, *flags, program="bench-load", connections=CONNECTIONS):
        run_load(what, port, "--requests", requests, "--connections", connections, *flags, program=program)

    def end(self):
        for edge in reversed(self.running):
            edge.process.stop()
        for process in self.upstreams:
            process.kill()


def train(training):
    small = training.upstream("small", "--body", 100)
    plain = training.edge("plain", small)
    training.load("keep-alive", plain, 20_000)
    training.load("one request a connection", plain, 3_000, "--connection-per-request")
    training.load("uploads", plain, 3_000, "--upload", 1_000)
    training.load("many hosts", training.edge("hosts", small, hosts=HOSTS), 10_000, "--hosts", HOSTS)
    log = os.path.join(training.folder, "access.log")
    training.load("access log", training.edge("logging", small, access_log=log), 5_000)
    chunked = training.upstream("chunked", "--body", 20_000, "--chunked")
    training.load("chunked", training.edge("chunks", chunked), 3_000, "--body", 20_000)
    large = training.upstream("large", "--body", 1_000_000)
    training.load("large bodies", training.edge("bodies", large), 200, "--body", 1_000_000, connections=4)
    # HTTP/2 on both sides: one edge asks the other.
    behind = training.edge("behind", small)
    training.load("HTTP/2", training.edge("in-front", behind, upstream_scheme="h2c"), 10_000)
    tls = training.edge("tls", small, tls=make_certificate(training.folder))
    training.load("TLS", tls, 10_000, program="bench-tls-load")
    training.load("handshakes", tls, 500, "--handshakes", program="bench-tls-load", connections=8)
    training.load("resumptions", tls, 500, "--resumed", program="bench-tls-load", connections=8)


def main():
    folder = tempfile.mkdtemp(prefix="weir-train-")
    training = Training(folder)
    try:
        train(training)
    finally:
        training.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
