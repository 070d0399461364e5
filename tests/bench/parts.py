"""Workloads that are no traffic: idle connections (W10), building a table (W15), picking an endpoint (W16)."""

import json
import os
import subprocess
import time

from figures import bootstrap, median
import machine
from measure import Wrong, load_command, run_load, start_upstream
from peers import PROGRAMS, Scenario, WeirEdge
from result import Result, Row
from tls_traffic import make_certificate
from traffic import drop_wrong, start_all, stop_all

IDLE_CONNECTIONS, IDLE_CONNECTIONS_QUICK = 8000, 3000
IDLE_SECONDS = 5
TABLE_ROUTES = 50_000


def memory_of_tree(pid):
    return sum(machine.memory_bytes(one) for one in machine.tree(pid))


def bytes_per_idle_connection(one, count, program):
    """PSS with `count` connections that have had one answer each and were idle for a while, less PSS with none after
    some traffic."""
    run_load(one.name, one.port, "--requests", 2000, program=program)
    before = memory_of_tree(one.pid)
    command = load_command(one.port, "--idle", "--connections", count, program=program)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as client:
        said = client.stdout.readline()
        if not said.startswith("idle"):
            raise Wrong(f"{one.name}: {client.stderr.read().strip()}")
        time.sleep(IDLE_SECONDS)
        grown = memory_of_tree(one.pid) - before
        client.stdin.close()
    return grown / count


def w10(bench):
    """Idle keep-alive connections: user memory of each"""
    return idle_connections(bench, Result("W10", w10.__doc__, "bytes a connection"), "bench-load", 320,
                            {"nginx": 1.0, "haproxy": 2.7})


def w10_tls(bench):
    """Idle keep-alive connections over TLS: user memory of each"""
    result = Result("W10tls", w10_tls.__doc__, "bytes a connection")
    return idle_connections(bench, result, "bench-tls-load", 16 * 1024, {}, make_certificate(bench.folder("W10tls")))


def idle_connections(bench, result, program, bytes_max, peer_targets, tls=None):
    count = IDLE_CONNECTIONS_QUICK if bench.arguments.quick else IDLE_CONNECTIONS
    result.title += f", {count:,} of them"
    values = {}
    folder = bench.folder(result.workload)
    # Each time a new process: what one run has taken the next would find in the allocator.
    for again in range(3):
        upstream, port = start_upstream(folder, "--body", "100", name=f"upstream{again}")
        running = []
        try:
            running = start_all(bench, result, Scenario(folder, port, connections=count + 500, tls=tls),
                                [WeirEdge(), *bench.peers()])
            for one in drop_wrong(bench, result, running, [], program):
                values.setdefault(one.name, []).append(bytes_per_idle_connection(one, count, program))
                bench.say(f"{one.name}: {values[one.name][-1]:.0f} bytes")
        finally:
            stop_all(upstream, *(one.process for one in running))
    ours = values["weir"]
    for name, found in values.items():
        ratio = () if name == "weir" else bootstrap([theirs / our for theirs, our in zip(found, ours)])
        result.rows.append(Row(name, median(found), ratio))
    result.check("weir, bytes", "<=", bytes_max, *bootstrap(ours))
    for row in result.rows:
        target = peer_targets.get(row.name)
        if target:
            result.check(f"{row.name} / weir", ">=", target, *row.ratio)
    result.notes = sorted(set(result.notes))
    result.notes.append("user memory (PSS) only; nginx takes the memory of its connections when it starts, so a part "
                        "of its cost does not show here")
    return [result]


def program_lines(name, *arguments):
    command = machine.pinned(machine.PROXY_CPU, [os.path.join(PROGRAMS, name), *arguments])
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise Wrong(f"{name}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def w15(bench):
    """Building a table of 50,000 routes, and building it again after one change"""
    result = Result("W15", w15.__doc__, "ms")
    runs = [program_lines("bench-table", TABLE_ROUTES)[0] for _ in range(bench.pace.blocks)]
    builds, megabytes = [run["build_ms"] for run in runs], [run["table_bytes"] / 1e6 for run in runs]
    result.rows.append(Row("weir, first table", median(builds)))
    result.rows.append(Row("weir, one service changed", median(run["change_ms"] for run in runs)))
    result.check("first table, ms", "<=", 200, *bootstrap(builds))
    result.check("memory of the table, MB", "<=", 50, *bootstrap(megabytes))
    return [result]


def w16(bench):
    """Picking an endpoint out of 2 to 1000"""
    result = Result("W16", w16.__doc__, "ns a pick")
    values = {}
    for _ in range(bench.pace.blocks):
        for line in program_lines("bench-pick"):
            values.setdefault((line["strategy"], line["endpoints"]), []).append(line["ns"])
    for (strategy, endpoints), found in values.items():
        result.rows.append(Row(f"weir {strategy} of {endpoints}", median(found)))
        result.check(f"{strategy} of {endpoints}, ns", "<=", 30, *bootstrap(found))
    return [result]
