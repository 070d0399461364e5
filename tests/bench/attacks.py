"""attacks: what one well-behaved client notices of others that attack the edge, and what they cost."""

import json
import math
import os
import subprocess
import sys
import time

from attackers import ATTACKS
from harness.processes import become_child
import machine
from measure import Wrong, run_load, start_upstream
from peers import PROGRAMS, Running, Scenario, WeirEdge, host_names
from result import Result, Row
from tls_traffic import make_certificate
from traffic import stop_all

ATTACKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attackers.py")
CONNECTIONS = 8
RATE = 500  # of the well-behaved client, requests a second, open loop
SLICE_S, SLICE_S_QUICK = 6, 2
SETTLE_S = 0.5
# While it lasts the edge has no CPU to spare; a client still waits no longer than its share of a few turns.
P99_MS_MAX = 5.0
TLS_LOAD = os.path.join(PROGRAMS, "bench-tls-load")


class TwoDoors(WeirEdge):
    """The same route behind an entry point with TLS and one without, which the well-behaved client takes."""

    def start(self, scenario):
        running = super().start(scenario)
        running.plain_port = int(running.process.ready["entrypoints"]["plain"].rsplit(":", 1)[1])
        return running

    @staticmethod
    def routes(scenario):
        yield f'[services.bench]\nservers = ["http://127.0.0.1:{scenario.upstream_port}"]\n'
        for tls in ("true", "false"):
            yield f'[[route]]\nhost = "{host_names(1)[0]}"\nservice = "bench"\ntls = {tls}\n'


def commands(one, seconds):
    """{attack: its command}: those of attackers.py, OpenSSL's, and more honest work than the edge can do."""
    out = {name: [sys.executable, ATTACKER, name, one.plain_port, seconds, CONNECTIONS] for name in ATTACKS}
    idle = ["chrt", "--idle", "0"]
    tls = [*idle, TLS_LOAD, "--port", one.port, "--warm", 0, "--seconds", seconds]
    out["TLS handshakes"] = [*tls, "--handshakes", "--connections", 64]
    out["KeyUpdate"] = [*tls, "--key-updates", "--connections", CONNECTIONS]
    out["stream churn"] = [*idle, "h2load", "-c", CONNECTIONS, "-m", 100, "-t", 1, "-D", math.ceil(seconds),
                           f"--connect-to=127.0.0.1:{one.plain_port}", f"http://{host_names(1)[0]}/p0/index.html"]
    return out


def start_attack(command):
    command = machine.pinned(machine.LOAD_CPU, command)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=become_child)


def good_client(one, seconds):
    """Its slice, and the edge's share of a CPU in that time."""
    found = run_load(one.name, one.plain_port, "--rate", RATE, "--connections", 8, "--warm", SETTLE_S, "--seconds",
                     seconds, pids=[one.pid])[-1]
    return found, found["cpu_ns"] / 1e9 / found["seconds"]


def let_go(done):
    """Of attackers.py: how many connections were ended, in words."""
    lines = [line for line in done.splitlines() if line.startswith("{")]
    said = json.loads(lines[-1]) if lines else {}
    return f"{said['let_go']:,} of {said['connections']:,} connections let go" if "let_go" in said else ""


def attacks(bench):
    """One client's p50 and p99, quiet and while others attack the edge"""
    seconds = SLICE_S_QUICK if bench.arguments.quick else SLICE_S
    result = Result("attacks", f"p99 of a client of {RATE} requests a second beside {CONNECTIONS} attackers", "ms")
    folder = bench.folder("attacks")
    upstream, port = start_upstream(folder, "--body", "100")
    running = []
    try:
        edge = TwoDoors("weir", "entrypoints.plain.address=127.0.0.1:0")
        one = edge.start(Scenario(folder, port, tls=make_certificate(folder)))
        running.append(one)
        quiet, cpu = good_client(one, seconds)
        note(bench, result, "quiet", quiet, cpu)
        for name, command in commands(one, seconds + 2 * SETTLE_S + 0.5).items():
            attacker = start_attack(command)
            try:
                time.sleep(SETTLE_S)
                found, cpu = good_client(one, seconds)
                if attacker.poll() is not None:
                    raise Wrong(f"{name} has ended: {attacker.stderr.read()[-500:]}")
                said = attacker.communicate(timeout=60)[0]
            finally:
                attacker.kill()
                attacker.wait()
            note(bench, result, name, found, cpu, let_go(said))
            result.check(f"{name}: p99, ms", "<=", P99_MS_MAX, found["p99_ns"] / 1e6)
    finally:
        stop_all(upstream, *(one.process for one in running))
    result.notes.append("no request of the well-behaved client failed")
    return [result]


def note(bench, result, name, found, cpu, more=""):
    p50, p99, most = (found[key] / 1e6 for key in ("p50_ns", "p99_ns", "max_ns"))
    result.rows.append(Row(name, p99))
    text = f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {most:.1f} ms; edge {cpu:.0%} of a CPU"
    result.notes.append(f"{text}; {more}" if more else text)
    bench.say(result.notes[-1])
