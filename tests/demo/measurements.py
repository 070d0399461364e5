"""How fast a change is: from the registry's acknowledgement of a registration to the first answer."""

import json
import time

from demo.upstreams import extra_backend
from harness.http import Connection
from harness.test import host_tag

ROUNDS = 24
ANSWER_SECONDS_MAX = 10
# Twenty instances that come and go within a second are not how services live, and would measure the pace that the
# edge's blocking queries keep.
ROUND_SECONDS_MIN = 0.4


class Measurements:
    """The edges are asked in turn, one a round, while the load goes on."""

    def __init__(self):
        super().__init__()
        self.instance_times_ms, self.route_times_ms = [], []

    def rounds(self):
        """(number, edge) at a decent pace."""
        for number in range(ROUNDS):
            began = time.monotonic()
            yield number, self.edges[number % len(self.edges)]
            time.sleep(max(0, began + ROUND_SECONDS_MIN - time.monotonic()))

    def acknowledge(self, registry, target, body=None):
        """A write to the registry on a connection that stands. When its answer was here."""
        response = registry.request("PUT", target, (), json.dumps(body) if body else b"")
        acknowledged = time.monotonic()
        assert response.status == 200, response
        return acknowledged

    def until_answer(self, connection, acknowledged, address, statuses):
        """Asks without a pause until the instance at `address` answers; milliseconds since `acknowledged`."""
        while True:
            answer = connection.get("/")
            now = time.monotonic()
            assert answer.status in statuses, answer
            if answer.status == 200 and answer.json()["address"] == address:
                return (now - acknowledged) * 1000
            assert now - acknowledged < ANSWER_SECONDS_MAX, f"{address} has not answered"

    def measure(self, name_of, host_of, statuses, times_ms):
        with Connection(self.cluster.settings.registry) as registry:
            for number, edge in self.rounds():
                name, host, id = name_of(number), host_of(number), f"extra-{number}"
                extra = self.keep(extra_backend())
                with Connection(edge, host=host) as connection:
                    assert connection.get("/").status in statuses
                    acknowledged = self.acknowledge(registry, "/v1/agent/service/register", {
                        "ID": id, "Name": name, "Address": extra.host, "Port": extra.port,
                        "Tags": [host_tag(name, host)]})
                    times_ms.append(self.until_answer(connection, acknowledged, extra.address, statuses))
                self.acknowledge(registry, f"/v1/agent/service/deregister/{id}")
                self.all_edges(lambda n, _, i=extra, s=name: i.address not in self.cluster.live_endpoints(n, s),
                               60, f"{extra.address} is no endpoint any more")

    def measure_instances(self):
        """One more instance of a service that is under load."""
        with self.steps.step(f"register an instance, {ROUNDS} times") as step:
            self.measure(lambda _: "backend", lambda _: "backend.localhost", (200,), self.instance_times_ms)
            step.answered_s = sorted(self.instance_times_ms)[ROUNDS // 2] / 1000
            step.held = "it answers; no answer was lost"

    def measure_routes(self):
        """A service that nobody has heard of, with a route of its own."""
        with self.steps.step(f"register a service, {ROUNDS} times") as step:
            self.measure(lambda n: f"extra-{n}", lambda n: f"extra-{n}.localhost", (200, 404, 503), self.route_times_ms)
            step.answered_s = sorted(self.route_times_ms)[ROUNDS // 2] / 1000
            step.held = "its route answers at every try"
