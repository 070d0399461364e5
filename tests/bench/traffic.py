"""Workloads whose number is the proxy's CPU time for a piece of work: W1, W2, W5, W7, W8, W9, W14."""

import dataclasses
import os

from figures import bootstrap, median, ratios
from measure import Wrong, compare, ratio_row, run_load, start_upstream
from harness.wait import wait_for
import machine
from peers import Relay, Scenario, WeirEdge
from result import Result, Row

START_SECONDS_MAX = 15
# Slow enough for the slowest peer on one CPU.
STEADY_REQUESTS_PER_S = 6000
CAP_BELOW_PEER = 1.05


def us_per_request(one_slice):
    return one_slice["cpu_ns"] / one_slice["requests"] / 1e3


def s_per_gigabyte(one_slice):
    return one_slice["cpu_ns"] / one_slice["bytes"]


def start_all(bench, result, scenario, proxies):
    """Those that start and answer right; a peer that does not is named in the result and left out."""
    running = []
    for proxy in proxies:
        try:
            one = proxy.start(dataclasses.replace(scenario, access_log=log_path(scenario, proxy.name)))
        except (FileNotFoundError, RuntimeError, AssertionError) as error:
            if proxy.name.startswith(("weir", "relay", "floor")):
                raise
            bench.say(f"{proxy.name} is left out: {str(error).splitlines()[0]}")
            result.notes.append(f"{proxy.name} is left out: {str(error).splitlines()[0]}")
            continue
        running.append(one)
        if one.configuration:
            result.configurations[one.name] = one.configuration
    return running


def log_path(scenario, name):
    return os.path.join(scenario.access_log, f"{name}.access.log") if scenario.access_log else ""


def drop_wrong(bench, result, running, flags, program="bench-load"):
    """A first request to everyone: fast answers that are wrong win benchmarks."""
    good = []
    for one in running:
        try:
            # Some listen before they have read their routes.
            wait_for(lambda: run_right(one, flags, program), START_SECONDS_MAX, f"right answers of {one.name}")
            good.append(one)
        except AssertionError as error:
            if one.name.startswith(("weir", "relay", "floor")):
                raise
            machine.end(one.process)
            bench.say(f"left out: {error}")
            result.notes.append(f"left out: {error}")
    return good


def run_right(one, flags, program):
    try:
        return run_load(one.name, one.port, "--requests", 50, "--connections", 4, *flags, program=program)
    except Wrong as error:
        raise AssertionError(error) from None


def stop_all(*processes):
    for process in processes:
        machine.end(process)


def add_rows(result, samples, note=True):
    for name, values in samples.values.items():
        ratio = () if name == "weir" else ratio_row(samples, name, "weir")
        result.rows.append(Row(name, median(values), ratio))
    if note:
        client = median(one["own_cpu_ns"] / one["seconds"] / 1e9 for found in samples.slices.values() for one in found)
        result.notes.append(f"the client alone used {client:.0%} of its CPU, which it shares with the upstream")
        result.notes.append(f"{len(samples.foreign)} blocks, {samples.repeats} measured again; other programs used "
                            f"{median(samples.foreign):.1%} of the CPUs (median of the blocks), the hypervisor took "
                            f"{median(samples.steal):.1%}")


def add_peer_checks(result, samples, targets, floor=None):
    """No proxy can be far below the floor: who is near it himself is to be reached within a twentieth, not beaten."""
    for name, target in targets.items():
        if name not in samples.values:
            continue
        text = f"{name} / weir"
        cap = round(ratio_row(samples, name, floor)[0] / CAP_BELOW_PEER, 3) if floor else target
        if cap < target:
            text, target = f"{text} (not {target:g}: {name} is near the floor)", cap
        result.check(text, ">=", target, *ratio_row(samples, name, "weir"))


def cost_workload(bench, result, proxies, scenario, upstream_flags, load_flags, cost, floor=None, peer_targets=None):
    """One comparison of the proxies with the same traffic; adds rows and checks, returns the samples."""
    folder = bench.folder(result.workload)
    upstream, port = start_upstream(folder, *upstream_flags)
    scenario = dataclasses.replace(scenario, folder=folder, upstream_port=port)
    running = []
    try:
        running = drop_wrong(bench, result, start_all(bench, result, scenario, proxies), load_flags)
        samples = compare(running, bench.pace, cost, load_flags, upstream.pid, bench.say)
    finally:
        stop_all(upstream, *(one.process for one in running))
    add_rows(result, samples)
    if floor:
        name, target = floor
        result.check(f"weir / {name}", "<=", target, *ratio_row(samples, "weir", name))
    add_peer_checks(result, samples, peer_targets or {}, floor and floor[0])
    return samples


def scenario(**fields):
    return Scenario(folder="", upstream_port=0, **fields)


def w1(bench):
    """H1 keep-alive GET, 100 bytes, 64 connections, a browser's request head"""
    result = Result("W1", w1.__doc__, "CPU us a request")
    two = WeirEdge("weir, 2 workers", workers=2)  # on the same CPU: what sharing costs, not what a second one brings
    proxies = [Relay(), WeirEdge(), WeirEdge("weir again"), two, *bench.peers()]
    targets = {"nginx": 1.30, "haproxy": 1.50, "h2o": 1.3, "caddy": 4, "traefik": 4, "envoy": 2.5}
    body = ["--body", "100"]
    samples = cost_workload(bench, result, proxies, scenario(), body, [], us_per_request, ("relay", 1.10), targets)
    result.check("A/A: weir again / weir", "<=", 1.02, ratio_row(samples, "weir again", "weir")[0])
    result.check(f"{two.name} / weir", "<=", 1.05, *ratio_row(samples, two.name, "weir"))
    title = f"The same, open loop at {STEADY_REQUESTS_PER_S} requests a second"
    steady = Result("W1 steady", title, "CPU us a request")
    flags = ["--rate", STEADY_REQUESTS_PER_S]
    cost_workload(bench, steady, [Relay(), WeirEdge(), *bench.peers()], scenario(), body, flags, us_per_request)
    return [result, steady]


def w2(bench):
    """W1 with 10,000 and 100,000 hosts of three paths each"""
    result = Result("W2", w2.__doc__, "CPU us a request")
    folder = bench.folder("W2")
    upstream, port = start_upstream(folder, "--body", "100")
    running, hosts = [], {}
    try:
        for count in (1, 10_000, 100_000):
            name = "weir" if count == 1 else f"weir, {count:,} hosts"
            running.append(WeirEdge(name).start(Scenario(folder, port, hosts=count)))
            hosts[name] = count
        for peer in bench.peers("traefik", "nginx", "haproxy"):
            count = 10_000 if peer.name != "traefik" else 1_000
            (one,) = start_all(bench, result, Scenario(folder, port, hosts=count), [peer]) or (None,)
            if one:
                one.name = f"{one.name}, {count:,} hosts"
                hosts[one.name] = count
                running.append(one)
        samples = compare(running, bench.pace, us_per_request, lambda one: ["--hosts", hosts[one.name]], upstream.pid,
                          bench.say)
    finally:
        stop_all(upstream, *(one.process for one in running))
    add_rows(result, samples)
    for name in ("weir, 10,000 hosts", "weir, 100,000 hosts"):
        result.check(f"{name} / weir with one", "<=", 1.03, *ratio_row(samples, name, "weir"))
    if "traefik, 1,000 hosts" in samples.values:
        result.check("traefik with 1,000 hosts / weir with 10,000", ">=", 50,
                     *bootstrap(ratios(samples.values["traefik, 1,000 hosts"], samples.values["weir, 10,000 hosts"])))
        result.notes.append("traefik has 1,000 hosts of three paths: with 10,000 it needs minutes to start")
    return [result]


def w5(bench):
    """A new client connection for each request"""
    result = Result("W5", w5.__doc__, "CPU us a request")
    cost_workload(bench, result, [WeirEdge(), *bench.peers()], scenario(), ["--body", "100"],
                  ["--connection-per-request"], us_per_request,
                  peer_targets={"nginx": 1.15, "haproxy": 1.1, "caddy": 3, "traefik": 3})
    return [result]


def w7(bench):
    """Responses of 64 kB, 1 MB and 64 MB"""
    results = []
    for size, connections in ((64 * 1024, 16), (1024 * 1024, 8), (64 * 1024 * 1024, 4)):
        label = f"{size // 1024} kB" if size < 1 << 20 else f"{size >> 20} MB"
        result = Result(f"W7 {label}", f"Responses of {label}", "CPU seconds a GB")
        proxies = [Relay(), Relay("relay-splice", "--splice"), WeirEdge(), *bench.peers()]
        flags = ["--body", size, "--connections", connections]
        cost_workload(bench, result, proxies, scenario(large=True), ["--body", str(size)], flags, s_per_gigabyte,
                      ("relay-splice", 1.1), {"nginx": 2, "haproxy": 1.05})
        results.append(result)
    return results


def w8(bench):
    """Uploads of 64 MB, not buffered"""
    result = Result("W8", w8.__doc__, "CPU seconds a GB")
    proxies = [Relay(), Relay("relay-splice", "--splice"), WeirEdge(), *bench.peers()]
    flags = ["--upload", 64 * 1024 * 1024, "--connections", 4]
    cost_workload(bench, result, proxies, scenario(large=True), ["--body", "100"], flags, s_per_gigabyte,
                  peer_targets={"nginx": 2, "haproxy": 1.05})
    return [result]


def w9(bench):
    """WebSocket: echoes of 64 bytes"""
    result = Result("W9", w9.__doc__, "CPU us a message there and back")
    cost_workload(bench, result, [Relay(), WeirEdge(), *bench.peers()], scenario(websocket=True), [], ["--websocket"],
                  us_per_request, ("relay", 1.05), {"nginx": 1.15, "haproxy": 1.15})
    return [result]


def w14(bench):
    """W1 with an access log to a file"""
    result = Result("W14", w14.__doc__, "CPU us a request")
    folder = bench.folder("W14")
    upstream, port = start_upstream(folder, "--body", "100")
    plain, logging = Scenario(folder, port), Scenario(folder, port, access_log=folder)
    running = []
    try:
        running = start_all(bench, result, plain, [WeirEdge()])
        for proxy in [WeirEdge("weir, log on"), *bench.peers()]:
            for one in start_all(bench, result, logging, [proxy]):
                one.name = proxy.name if proxy.name.startswith("weir") else f"{proxy.name}, log on"
                running.append(one)
        running = drop_wrong(bench, result, running, [])
        samples = compare(running, bench.pace, us_per_request, [], upstream.pid, bench.say)
    finally:
        stop_all(upstream, *(one.process for one in running))
    add_rows(result, samples)
    result.check("weir, log on / log off", "<=", 1.04, *ratio_row(samples, "weir, log on", "weir"))
    if "nginx, log on" in samples.values:
        result.check("nginx, log on / weir, log on", ">=", 1.4,
                     *bootstrap(ratios(samples.values["nginx, log on"], samples.values["weir, log on"])))
    return [result]
