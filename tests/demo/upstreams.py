"""What the check puts behind the edges besides the jobs: small servers of its own, on loopback."""

import json
import os
import re

from harness.test import route_to
from harness.upstreams import Upstream, response, streaming

# Longer than the check may take.
STREAM_PAUSE_S = 0.2
STREAM_PIECES = 3000


def extra_backend():
    """One more instance of backend, as far as its answers go."""
    upstream = Upstream(name="extra")
    upstream.answer = lambda _: response(200, json.dumps(
        {"service": "backend", "address": upstream.address, "allocation": "extra"}),
        [("Content-Type", "application/json")])
    return upstream


class Upstreams:
    """Those that live as long as the check."""

    def __init__(self):
        self.upstreams = []

    def keep(self, upstream):
        self.upstreams.append(upstream)
        return upstream

    def stop_upstreams(self):
        for upstream in self.upstreams:
            upstream.stop()

    def start_upstreams(self, websocket_host, stream_host):
        """Before the edges are, with the routes file that leads to them."""
        self.plain = self.keep(Upstream(name="plain"))
        echo, stream = self.keep(Upstream(name="echo")), self.keep(streaming(STREAM_PIECES, STREAM_PAUSE_S))
        with open(os.path.join(self.cluster.settings.routes_dir, "watches.toml"), "w", encoding="utf-8") as file:
            file.write(route_to(websocket_host, echo.url, name="websocket"))
            file.write(route_to(stream_host, stream.url, name="stream"))

    def route_text(self, name):
        return route_to(f"{name}.localhost", self.plain.url, name=name)

    @staticmethod
    def place_of(rejection):
        """ "change.toml:3:8" """
        found = re.search(r"change\.toml:\d+:\d+", json.dumps(rejection))
        assert found, f"no file, line and column: {rejection}"
        return found.group(0)
