"""W11: the time that a proxy adds, open loop."""

import dataclasses

from figures import bootstrap, median
from measure import compare, run_load, start_upstream
from peers import Running, Scenario, WeirEdge
from result import Result, Row
from traffic import drop_wrong, start_all, stop_all

LOAD_SHARE = 0.3
QUANTILES = {"p50": "p50_ns", "p99": "p99_ns", "p99.9": "p999_ns"}


def slowest_requests_per_s(running):
    """What the slowest of them can do, closed loop."""
    rates = []
    for one in running:
        found = run_load(one.name, one.port, "--warm", 0.3, "--seconds", 1)[-1]
        rates.append(found["requests"] / found["seconds"])
    return min(rates)


def w11(bench):
    """Added time at 30 % of the slowest proxy's load, open loop, from the intended send time"""
    configured = Result("W11", w11.__doc__, "")
    folder = bench.folder("W11")
    upstream, port = start_upstream(folder, "--body", "100")
    proxies = []
    try:
        running = start_all(bench, configured, Scenario(folder, port), [WeirEdge(), *bench.peers()])
        proxies = drop_wrong(bench, configured, running, [])
        rate = int(LOAD_SHARE * slowest_requests_per_s(proxies))
        # Longer slices: the tail needs them.
        pace = dataclasses.replace(bench.pace, slice_s=4 * bench.pace.slice_s, blocks=bench.pace.blocks // 2)
        everyone = [Running("direct", upstream, port, ""), *proxies]
        samples = compare(everyone, pace, lambda one: one["p50_ns"] / 1e3, ["--rate", rate, "--poisson"], upstream.pid,
                          bench.say)
    finally:
        stop_all(upstream, *(one.process for one in running))
    results = []
    for label, key in QUANTILES.items():
        result = Result(f"W11 {label}", f"{label} of the added time at {rate:,} requests a second", "us",
                        notes=list(configured.notes))
        added = {one.name: [(mine[key] - direct[key]) / 1e3
                            for mine, direct in zip(samples.slices[one.name], samples.slices["direct"])]
                 for one in proxies}
        result.rows = [Row(name, median(values)) for name, values in added.items()]
        others = [name for name in added if name != "weir"]
        best = min(others, key=lambda name: median(added[name]), default=None)
        rival = "haproxy" if label == "p50" and "haproxy" in added else best
        if rival and label != "p99.9":
            differences = [mine - theirs for mine, theirs in zip(added["weir"], added[rival])]
            result.check(f"weir less {rival}, us", "<=", 0, *bootstrap(differences))
        result.notes.append(f"direct: {median(one[key] for one in samples.slices['direct']) / 1e3:.0f} us; other "
                            f"programs used {median(samples.foreign):.1%} of the CPUs")
        results.append(result)
    results[0].configurations = configured.configurations
    return results
