"""scripts/demo --check: everything the demo is for, by itself, under constant load. Any answer but 200 with the right
body is a failed request; any failed request fails the check."""

import os
import statistics
import sys
import time

from demo.ledger import Ledger
from demo.scenes import UNSAFE, Scenes
from demo.steps import Steps
from harness.processes import Process, SANITIZER_REPORT

RATE_PER_S = 300
RATE_PER_S_MIN = 200
# From the registry's acknowledgement to the first answer of the new instance.
CHANGE_TO_ANSWER_MS_MAX = 20
FAILURES_SHOWN_MAX = 20
WEBSOCKET_HOST, STREAM_HOST = "websocket.localhost", "stream.localhost"


class Traffic(Process):
    """demo/traffic.py as a process."""

    def __init__(self, cluster, ledger_path):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traffic.py")
        super().__init__([sys.executable, program, "--edges", ",".join(cluster.settings.edges), "--rate", RATE_PER_S,
                          "--ledger", ledger_path, "--websocket-host", WEBSOCKET_HOST, "--stream-host", STREAM_HOST],
                         os.path.join(cluster.logs, "traffic.log"))


class Check:
    def __init__(self, cluster):
        self.cluster = cluster
        self.ledger_path = os.path.join(cluster.settings.data_dir, "ledger.tsv")
        self.ledger = None
        self.steps, self.scenes, self.traffic = None, None, None
        self.load_began = self.load_ended = 0.0
        self.problems = []

    def run(self):
        """Whether all held. Everything that was started has ended when this returns."""
        try:
            self.play()
        except Exception as error:  # whatever it is, the table and the clean-up must come
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            self.end_load()
            if self.steps:
                self.judge()
            self.clean_up()
        self.report()
        return not self.problems

    def play(self):
        self.ledger = Ledger(self.ledger_path)
        self.steps = Steps(self.ledger)
        self.scenes = Scenes(self.cluster, self.steps, self.ledger)
        self.cluster.start()
        scenes = self.scenes
        scenes.start_upstreams(WEBSOCKET_HOST, STREAM_HOST)
        scenes.deploy()
        scenes.first_request()
        self.start_load()
        scenes.steady_load()
        scenes.measure_instances()
        scenes.measure_routes()
        for job in ("backend", "frontend"):
            scenes.scale(job, 2, 5)
            scenes.scale(job, 5, 2)
        scenes.kill_instance()
        scenes.restart_registry()
        scenes.restart_agent()
        scenes.change_routes_file()
        scenes.break_routes_file()
        scenes.repair_routes_file()
        scenes.churn()
        scenes.purge()

    def start_load(self):
        self.load_began = time.monotonic()
        self.traffic = Traffic(self.cluster, self.ledger_path)

    def end_load(self):
        self.load_ended = time.monotonic()
        if self.traffic and self.traffic.running():
            try:
                code = self.traffic.stop()
                if code != 0:
                    self.problems.append(f"the load ended with code {code}: {self.traffic.log()[-1000:]}")
            except AssertionError as error:
                self.problems.append(str(error))
                self.traffic.kill()
        elif self.traffic:
            self.problems.append(f"the load had ended by itself: {self.traffic.log()[-1000:]}")

    # the verdict

    def judge(self):
        self.steps.count()
        for step in self.steps.rows:
            if step.failures:
                self.problems.append(f"{len(step.failures)} requests failed during \"{step.name}\"")
        if self.traffic:
            self.judge_rate()
            self.judge_watches()
        if self.scenes.edge_pids and self.scenes.edge_pids != self.scenes.pids_of("edge"):
            self.problems.append("an edge is another process than at the start")

    def judge_rate(self):
        answered = [line for line in self.ledger.all() if line.is_request]
        self.rate_per_s = len(answered) / max(self.load_ended - self.load_began, 0.001)
        if self.rate_per_s < RATE_PER_S_MIN:
            self.problems.append(f"the load was {self.rate_per_s:.0f} requests/s, not {RATE_PER_S_MIN}")

    def judge_watches(self):
        """The WebSocket and the stream: opened once, never silent for long, alive to the end."""
        self.watches = []
        for name in ("websocket", "stream"):
            lines = [line for line in self.ledger.all() if line.what == name]
            self.problems += [f"the {name} noticed: {line}" for line in lines if line.failure]
            if not lines or lines[-1].done < self.load_ended - 1.5:
                self.problems.append(f"the {name} was not alive at the end")
                continue
            silence_ms = max(line.done - line.sent for line in lines) * 1000
            self.watches.append(f"{name}: open for {lines[-1].done - lines[0].sent:.0f} s, {len(lines)} signs of "
                                f"life, never silent for more than {silence_ms:.0f} ms")

    # the end

    def clean_up(self):
        """In order if all is well, and by force if not; what a program complained of is a problem of its own."""
        if self.scenes:
            self.scenes.stop_upstreams()
        if not self.problems:
            try:
                self.cluster.stop_jobs()
                self.problems += self.cluster.stop_parts()
                left = self.cluster.left()
                self.problems += [f"processes of jobs outlived their purge: {left}"] if left else []
            except Exception as error:
                self.problems.append(f"the end: {type(error).__name__}: {error}")
        self.cluster.close()
        for path in self.cluster.log_files():
            with open(path, encoding="utf-8", errors="replace") as file:
                complaints = [line.strip() for line in file if SANITIZER_REPORT.search(line) and line[:2] != "$ "]
            self.problems += [f"{os.path.basename(path)}: {line}" for line in complaints[:3]]

    def report(self):
        if self.problems:
            print("\n" + self.cluster.log_tails())
        if self.steps:
            print("\n" + self.steps.table() + "\n")
            self.report_apart()
        if self.traffic:
            self.report_load()
        if self.scenes:
            self.problems += self.report_times()
        for problem in self.problems:
            print(f"NOT HELD: {problem}")
        if self.problems:
            self.report_failures()
            print(f"\nscripts/demo --check: {len(self.problems)} things did not hold; all logs: "
                  f"{self.cluster.settings.data_dir}")
        else:
            print("scripts/demo --check: everything held")

    def report_apart(self):
        for step in self.steps.rows:
            for line in step.apart.get(UNSAFE, []):
                print(f"{UNSAFE}: {line.sent - step.begin:.3f} s after the step began: {line}")

    def report_load(self):
        requests = [line for line in self.ledger.all() if line.is_request]
        if not requests:
            return
        times = sorted((line.done - line.sent) * 1000 for line in requests)
        print(f"load: {len(requests)} requests in {self.load_ended - self.load_began:.0f} s, {self.rate_per_s:.0f} a "
              f"second over keep-alive connections to {len(self.cluster.settings.edges)} edges; "
              f"median {statistics.median(times):.1f} ms, 99 % within {times[int(len(times) * 0.99)]:.1f} ms, "
              f"longest {times[-1]:.0f} ms")
        for watch in self.watches:
            print(watch)

    def report_times(self):
        """Prints the two measurements; returns what is wrong with them."""
        problems = []
        for what, times_ms, limit_ms in ((
                "change to answer (registration acknowledged -> new instance has answered)",
                self.scenes.instance_times_ms, CHANGE_TO_ANSWER_MS_MAX), (
                "a new service's route (registration acknowledged -> its first answer)",
                self.scenes.route_times_ms, None)):
            if not times_ms:
                continue
            median = statistics.median(times_ms)
            print(f"{what}: median {median:.1f} ms, max {max(times_ms):.1f} ms of {len(times_ms)}"
                  + (f" (the median must be below {limit_ms} ms)" if limit_ms else ""))
            if limit_ms and median >= limit_ms:
                problems.append(f"change to answer took {median:.1f} ms at the median")
        print()
        return problems

    def report_failures(self):
        for step in self.steps.rows if self.steps else []:
            for line in step.failures[:FAILURES_SHOWN_MAX]:
                print(f"  {step.name}: {line.done - self.load_began:.3f} s: {line}")
