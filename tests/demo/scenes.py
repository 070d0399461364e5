"""The steps of the check, one function each, in the order they are played. A step returns when what it changed is seen
to be in force at every edge; an AssertionError says what did not hold."""

import json
import os
import signal
import time

from demo.measurements import Measurements
from demo.tasks import has_ended
from demo.upstreams import Upstreams, extra_backend
from harness.http import get
from harness.test import deregister, host_tag, register
from harness.wait import stays_true, wait_for

# Generous: a machine of one slow CPU that also builds.
CHANGE_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 30
REGISTRY_DOWN_S = 5
AGENT_DOWN_S = 2
# Half of the time for which an edge's safety brake would hold a removal back.
PURGE_SECONDS_MAX = 15
CHURN_ROUNDS = 16
# When a process is gone its connections have ended, but an edge may read of a request and of that end in one go.
EDGE_TURN_S = 0.01
UNSAFE = "unsafe in flight"

BROKEN_ROUTE = '[[route]]\nname = "second"\nhost = "second.localhost\n'  # the closing quote is missing
ROUTES = {"frontend": "/", "fib": "/fib?n=10", "backend": "/"}


class Scenes(Measurements, Upstreams):
    def __init__(self, cluster, steps, ledger):
        super().__init__()
        self.cluster, self.steps, self.ledger = cluster, steps, ledger
        self.edges = cluster.settings.edges
        self.edge_pids = {}

    # what is asked in many places

    def pids_of(self, job):
        """Address -> pid of the job's tasks."""
        return {task.address: task.pid for task in self.cluster.tasks(job)}

    def all_edges(self, condition, deadline_s, reason):
        """Waits for each edge; the seconds until the last."""
        began = time.monotonic()
        for number, edge in enumerate(self.edges):
            wait_for(lambda n=number, e=edge: condition(n, e), deadline_s, f"{reason}, at {edge}")
        return time.monotonic() - began

    def answers(self, host, status=200, target="/"):
        return lambda _, edge: get(edge, target, host).status == status

    def answered_since(self, since, addresses, what):
        """Waits until each of these instances has answered through each edge; the time of the last first answer."""
        def firsts():
            found = {}
            for line in self.ledger.between(since):
                if line.what == what and line.by in addresses and line.sent >= since and not line.failure:
                    found.setdefault((line.edge, line.by), line.done)
            return found if len(found) == len(self.edges) * len(addresses) else None
        wait_for(firsts, ANSWER_SECONDS_MAX, f"{what}: each of {sorted(addresses)} has answered through each edge")
        return max(firsts().values())

    def settled(self, job, count):
        """As many instances as wanted, no more, in every view of the cluster."""
        def seen(number, _):
            passing = self.cluster.passing(job)
            return len(passing) == count == len(self.cluster.allocations(job)) == len(self.cluster.tasks(job)) and \
                self.cluster.live_endpoints(number, job) == passing
        self.all_edges(seen, CHANGE_SECONDS_MAX, f"{count} instances of {job} run, pass and are endpoints, no others")

    # the steps

    def deploy(self):
        with self.steps.step("deploy the four jobs") as step:
            self.cluster.run_job("edge")
            for job in ("backend", "fib", "frontend"):
                self.cluster.run_job(job)
                self.settled(job, 2)
            for job, target in ROUTES.items():
                self.all_edges(self.answers(f"{job}.localhost", target=target), ANSWER_SECONDS_MAX, f"{job} answers")
            step.answered_s = time.monotonic() - step.begin
            self.edge_pids = self.pids_of("edge")
            assert len(self.edge_pids) == len(self.edges), f"edges: {self.edge_pids}"
            step.held = "3 edges, 2 instances of each service"

    def first_request(self):
        with self.steps.step("first request") as step:
            began = time.monotonic()
            page = get(self.edges[0], "/", "frontend.localhost")
            step.answered_s = time.monotonic() - began
            assert page.status == 200 and '"service": "backend"' in page.text(), page
            for edge in self.edges:
                answer = get(edge, "/fib?n=30").json()
                assert answer["fib"] == 832040, answer
            step.held = "edge -> frontend -> backend; /fib"

    def steady_load(self):
        with self.steps.step("constant load") as step:
            wait_for(lambda: len([line for line in self.ledger.all() if line.is_request]) > 600, 10, "600 answers")
            for name in ("websocket", "stream"):
                wait_for(lambda n=name: any(line.what == n for line in self.ledger.all()), 5, f"the {name} is open")
            step.held = "also one WebSocket, one slow stream"

    def scale(self, job, before, after):
        with self.steps.step(f"scale {job} {before} -> {after}") as step:
            old = set(self.pids_of(job).items())
            self.cluster.run_job(job, instances=after)
            self.settled(job, after)
            now = set(self.pids_of(job).items())
            kept = len(old & now)
            assert kept == min(before, after), f"only {kept} of {len(old)} instances were left alone"
            new = {address for address, _ in now - old}
            if new:
                step.answered_s = self.answered_since(step.begin, new, job) - step.begin
            step.held = f"{kept} instances untouched, {after} serve"

    def kill_instance(self):
        with self.steps.step("kill -9 a backend") as step:
            victim = self.cluster.tasks("backend")[0]
            killed = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            while not has_ended(victim.pid):
                pass
            gone = time.monotonic()

            def unsafe(line):
                # Only what the edge may not send twice, and only while the killed instance can have had it.
                in_flight = line.sent <= gone + EDGE_TURN_S and line.done >= killed
                return UNSAFE if line.method == "POST" and line.status == 502 and in_flight else None
            self.steps.rules.append(unsafe)
            wait_for(lambda: self.pids_of("backend").get(victim.address, victim.pid) != victim.pid, CHANGE_SECONDS_MAX,
                     f"{victim.address} is another process")
            self.settled("backend", 2)
            step.answered_s = self.answered_since(gone, {victim.address}, "backend") - killed
            step.held = "started again in its allocation"

    def restart_registry(self):
        with self.steps.step("kill -9 the registry") as step:
            before = {job: self.cluster.passing(job) for job in ROUTES}
            self.cluster.parts["registry"].kill()
            stays_true(lambda: all(get(edge, "/fib?n=1").status == 200 for edge in self.edges), REGISTRY_DOWN_S,
                       "the edges serve without the registry")
            step.held = f"down for {REGISTRY_DOWN_S} s, edges serve on"
        with self.steps.step("start the registry again") as step:
            self.cluster.start_again("registry")
            ready = time.monotonic()
            extra = self.keep(extra_backend())
            self.register_backend(extra, "after-restart")
            step.answered_s = self.answered_since(ready, {extra.address}, "backend") - ready
            deregister(self.cluster.settings.registry, "after-restart")
            for job, addresses in before.items():
                wait_for(lambda j=job, a=addresses: self.cluster.passing(j) == a, ANSWER_SECONDS_MAX,
                         f"the instances of {job} pass as before")
                self.settled(job, 2)
            step.held = "nothing forgotten, edges follow again"

    def restart_agent(self):
        with self.steps.step("kill -9 an agent, start it") as step:
            name, host = "node-2", self.cluster.settings.hosts[1]
            before = {job: self.pids_of(job) for job in ("edge", *ROUTES)}
            alloc = next(task.alloc for task in self.cluster.tasks("edge") if task.address.startswith(host + ":"))
            self.cluster.parts[name].kill()
            stays_true(lambda: all(get(edge, "/fib?n=1").status == 200 for edge in self.edges), AGENT_DOWN_S,
                       "the edges serve without the agent")
            started = time.monotonic()
            self.cluster.start_again(name)
            wait_for(lambda: self.cluster.weir("alloc", "status", alloc), ANSWER_SECONDS_MAX, "the agent answers")
            self.cluster.weir("alloc", "logs", "-tail", "-n", "1", alloc)
            step.answered_s = time.monotonic() - started
            for job in ROUTES:
                self.settled(job, 2)
            after = {job: self.pids_of(job) for job in ("edge", *ROUTES)}
            assert after == before, f"other processes than before: {before} {after}"
            step.held = "every task is the same process"

    def churn(self):
        """As deploys do that replace instances one by one; the purge that follows must not be held for it."""
        with self.steps.step(f"replace an instance, {CHURN_ROUNDS} times") as step:
            extras = [self.keep(extra_backend()) for _ in range(CHURN_ROUNDS)]
            for number, extra in enumerate(extras):
                self.register_backend(extra, f"churn-{number}")
                self.all_edges(lambda n, _, a=extra.address: a in self.cluster.live_endpoints(n, "backend"),
                               ANSWER_SECONDS_MAX, f"{extra.address} is an endpoint")
                if number:
                    deregister(self.cluster.settings.registry, f"churn-{number - 1}")
            step.answered_s = self.answered_since(step.begin, {extras[-1].address}, "backend") - step.begin
            deregister(self.cluster.settings.registry, f"churn-{CHURN_ROUNDS - 1}")
            step.held = "the last one serves, none is held back"

    def purge(self):
        with self.steps.step("purge fib") as step:
            purged = time.monotonic()

            def gone(line):
                missing = line.what == "fib" and line.done >= purged and line.status in (404, 503)
                return "answered 404 or 503" if missing else None
            self.steps.rules.append(gone)
            self.cluster.weir("job", "stop", "-purge", "-detach", "fib")
            # Its tombstone answers; no other route has its requests.
            self.all_edges(self.answers("fib.localhost", 503, "/fib?n=1"), PURGE_SECONDS_MAX, "nobody serves it")
            step.answered_s = time.monotonic() - purged
            stays_true(lambda: all(get(edge, "/fib?n=1", "fib.localhost").status == 503 for edge in self.edges), 1,
                       "and it stays so")
            wait_for(lambda: not self.cluster.tasks("fib"), CHANGE_SECONDS_MAX, "its tasks have ended")
            assert get(self.cluster.settings.scheduler, "/v1/job/fib").status == 404
            for job in ("backend", "frontend"):
                self.settled(job, 2)
            step.held = "503 at every edge, the others serve"

    # routes files

    def write_routes(self, text):
        """A whole file at once, as an editor or a deployment does. When it was in place."""
        path = os.path.join(self.cluster.settings.routes_dir, "change.toml")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return time.monotonic()

    def change_routes_file(self):
        with self.steps.step("change a routes file") as step:
            self.write_routes(self.route_text("first"))
            self.all_edges(self.answers("first.localhost"), ANSWER_SECONDS_MAX, "the first route answers")
            assert get(self.edges[0], "/", "second.localhost").status == 404
            began = self.write_routes(self.route_text("first") + self.route_text("second"))
            self.all_edges(self.answers("second.localhost"), ANSWER_SECONDS_MAX, "the new route answers")
            step.answered_s = time.monotonic() - began
            step.held = "the new route answers at every edge"

    def break_routes_file(self):
        with self.steps.step("break a routes file") as step:
            began = self.write_routes(self.route_text("first") + BROKEN_ROUTE)
            places = []

            def rejected(number, _):
                found = [entry for entry in self.cluster.admin(number, "/api/rejected")
                         if "change.toml:" in json.dumps(entry)]
                places[:] = found
                return found
            self.all_edges(rejected, ANSWER_SECONDS_MAX, "/api/rejected tells of it")
            step.answered_s = time.monotonic() - began
            place = self.place_of(places[0])
            stays_true(lambda: all(get(edge, "/", f"{name}.localhost").status == 200
                                   for name in ("first", "second") for edge in self.edges), 1, "the old routes serve")
            step.held = f"rejected at {place}, old routes serve"

    def repair_routes_file(self):
        with self.steps.step("repair the routes file") as step:
            began = self.write_routes(self.route_text("first") + self.route_text("third"))
            self.all_edges(self.answers("third.localhost"), ANSWER_SECONDS_MAX, "the new route answers")
            step.answered_s = time.monotonic() - began
            self.all_edges(self.answers("second.localhost", 404), ANSWER_SECONDS_MAX, "the route that went is gone")
            self.all_edges(lambda n, _: not self.cluster.admin(n, "/api/rejected"), ANSWER_SECONDS_MAX,
                           "nothing is rejected any more")
            step.held = "new route answers, nothing rejected"

    # the registry as a service uses it

    def register_backend(self, upstream, id):
        register(self.cluster.settings.registry, id, "backend", upstream.port,
                 [host_tag("backend", "backend.localhost")], address=upstream.host)
