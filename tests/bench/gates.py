#!/usr/bin/env python3
"""tests/bench/gates.py [--store REASON]: what a request costs, as far as it can be counted and not only timed.

System calls (strace), user instructions and allocations (callgrind) of the release build: each counted for N and for
5 N requests, so that starting up drops out. Prints "ok gate: ..." or "not ok gate: ...", the reason above it.
--store writes what was counted into instructions.json, with the reason of the change.
"""

import collections
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "integration")]

from harness.processes import Process, weir_binary  # noqa: E402  (the path first)
from harness.wait import wait_for  # noqa: E402
from measure import run_load, start_upstream  # noqa: E402
from peers import Scenario, WeirEdge, write  # noqa: E402

STORED = os.path.join(FOLDER, "instructions.json")
REQUESTS = 1000
SYSTEM_CALLS_MAX = 4.2
# Calls that a request must not need, by what they are. One of them is an error; what the process does once a second
# makes a few for thousands of requests, more on a slow machine.
FORBIDDEN = {
    "allocates nothing": {"malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc"},
    "takes no lock": {"pthread_mutex_lock", "pthread_mutex_trylock", "pthread_rwlock_rdlock", "pthread_rwlock_wrlock"},
    "formats nothing": {"printf", "snprintf", "vsnprintf", "__vsnprintf_internal", "strftime", "strftime_l"},
}
FORBIDDEN_MAX = 0.01
CLOCKS = {"clock_gettime", "gettimeofday", "time"}
# Of one connection, where each request takes two turns of the loop: libuv asks before and behind each wait, and each
# turn that measures something once more.
CLOCK_CALLS_MAX = 6.1
# The same compiler on the same code: what is left is timers. Another compiler or another libuv counts differently.
RISE_MAX, RISE_MAX_ELSEWHERE = 1.02, 1.15


class Edge:
    """The release build below a tool that counts, with one route to a fixed upstream."""

    def __init__(self, folder, tool):
        os.makedirs(os.path.join(folder, "routes"), exist_ok=True)
        self.upstream, port = start_upstream(folder)
        write(os.path.join(folder, "routes"), "bench.toml", "".join(WeirEdge.routes(Scenario(folder, port))))
        ready_path = os.path.join(folder, "ready")
        edge = [weir_binary(), "edge", "--entrypoint", "web=127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1",
                "--routes", os.path.join(folder, "routes"), "--set", "log.level=warn", "--ready-file", ready_path]
        self.process = Process([*tool, *edge], os.path.join(folder, "edge.log"))

        def ready():
            if not self.process.running():
                raise RuntimeError(self.process.log())
            with open(ready_path, encoding="utf-8") as file:
                return json.load(file)
        self.ready = wait_for(ready, 60, "the edge is ready below " + tool[0])
        self.port = int(self.ready["entrypoints"]["web"].rsplit(":", 1)[1])

    def stop(self):
        os.kill(self.ready["pid"], signal.SIGTERM)
        self.process.wait(30, "the edge ends")
        self.upstream.kill()


def count_below(tool, requests, connections, folder):
    os.makedirs(folder)
    edge = Edge(folder, tool)
    run_load("weir", edge.port, "--requests", requests, "--connections", connections)
    edge.stop()


def system_calls(folder):
    def run(requests):
        output = os.path.join(folder, f"strace.{requests}")
        count_below(["strace", "-f", "-c", "-U", "calls,name", "-o", output], requests, 64, output + ".run")
        with open(output, encoding="utf-8") as file:
            rows = re.findall(r"^\s*(\d+)\s+(\w+)\s*$", file.read(), re.M)
        return {name: int(calls) for calls, name in rows if name != "total"}
    few, many = run(REQUESTS), run(5 * REQUESTS)
    per_request = {name: (calls - few.get(name, 0)) / (4 * REQUESTS) for name, calls in many.items()}
    parts = ", ".join(f"{name} {calls:.2f}" for name, calls in sorted(per_request.items(), key=lambda p: -p[1])[:6])
    return sum(per_request.values()), parts


def callgrind(folder):
    """({name of a function: calls}, instructions), each a request's"""
    def run(requests):
        output = os.path.join(folder, f"callgrind.{requests}")
        count_below(["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"], requests, 1, output + ".run")
        with open(output, encoding="utf-8") as file:
            return read_profile(file)
    (few_calls, few), (many_calls, many) = run(REQUESTS), run(5 * REQUESTS)
    return {name: (calls - few_calls[name]) / (4 * REQUESTS) for name, calls in many_calls.items()}, \
        (many - few) / (4 * REQUESTS)


def read_profile(lines):
    """(calls by function, instructions of all) of callgrind's output, which names a function once and then numbers
    it."""
    names, callee, instructions, counted = {}, "", 0, collections.Counter()
    for line in lines:
        if match := re.match(r"c?fn=\((\d+)\)(?: (.*))?", line):
            names.setdefault(match.group(1), (match.group(2) or "").strip())
            callee = re.split("['@]", names[match.group(1)])[0]
        elif match := re.match(r"calls=(\d+)", line):
            counted[callee] += int(match.group(1))  # operator new comes to malloc, so it is not counted itself
        elif match := re.match(r"totals: (\d+)", line):
            instructions = int(match.group(1))
    return counted, instructions


def calls_of(calls, names):
    return sum(calls.get(name, 0) for name in names)


def toolchain():
    system = re.search(r"^VERSION_CODENAME=(\w+)", open("/etc/os-release", encoding="utf-8").read(), re.M)
    compiler = subprocess.run(["c++", "-dumpversion"], capture_output=True, text=True).stdout.strip()
    return f"{system.group(1) if system else '?'}, c++ {compiler}"


def report(good, name, reason):
    if not good:
        print(reason)
    print(f"{'ok' if good else 'not ok'} gate: {name}", flush=True)
    return good


def main():
    folder = tempfile.mkdtemp(prefix="weir-gates-")
    with open(STORED, encoding="utf-8") as file:
        stored = json.load(file)
    try:
        calls, parts = system_calls(folder)
        functions, instructions = callgrind(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if sys.argv[1:2] == ["--store"]:
        entry = {"date": f"{datetime.date.today()}", "toolchain": toolchain(), "instructions": round(instructions),
                 "reason": sys.argv[2]}
        stored["keep_alive_get"].append(entry)
        with open(STORED, "w", encoding="utf-8") as file:
            file.write(json.dumps(stored, indent=2) + "\n")
    last = stored["keep_alive_get"][-1]
    rise_max = RISE_MAX if last["toolchain"] == toolchain() else RISE_MAX_ELSEWHERE
    limit = last["instructions"] * rise_max
    good = report(calls <= SYSTEM_CALLS_MAX, f"system calls a request are at most {SYSTEM_CALLS_MAX} ({calls:.2f})",
                  parts)
    for what, names in FORBIDDEN.items():
        made = calls_of(functions, names)
        good &= report(made <= FORBIDDEN_MAX, f"a keep-alive request {what} ({made:.4f})",
                       f"{made:.4f} calls of {', '.join(sorted(names))}; callgrind_annotate --tree=caller shows whose")
    clocks = calls_of(functions, CLOCKS)
    good &= report(clocks <= CLOCK_CALLS_MAX, f"turns of the loop ask the clock, requests do not ({clocks:.2f})",
                   f"{clocks:.2f} calls of {', '.join(sorted(CLOCKS))}")
    good &= report(instructions <= limit, f"user instructions a request are at most {limit:.0f} ({instructions:.0f})",
                   f"{last['instructions']} were stored; tests/bench/gates.py --store REASON if the rise is worth it")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
