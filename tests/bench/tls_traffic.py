"""Workloads over TLS 1.3: keep-alive (W3), handshakes (W4), HTTP/2 with many streams (W6)."""

import os
import re
import subprocess

from figures import median
from harness.processes import Process, become_child, free_ports
from harness.tls import Authority
from harness.wait import wait_for
import machine
from measure import Wrong, compare, ratio_row, run_load, start_upstream
from peers import PEERS, PROGRAMS, Certificate, Running, Scenario, WeirEdge, found, host_names, listens
from result import Result
from traffic import add_peer_checks, add_rows, drop_wrong, start_all, stop_all, us_per_request

CONNECTIONS_H2, STREAMS = 4, 100
# What bench-load sends, as h2load takes it.
BROWSER_FIELDS = [
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "accept-language: en-GB,en;q=0.7,de;q=0.3", "accept-encoding: gzip, deflate, br",
    "cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1", "sec-fetch-dest: document",
    "sec-fetch-mode: navigate", "dnt: 1"]


def make_certificate(folder):
    """ECDSA P-256, for the bench's host."""
    cert, key = Authority(os.path.join(folder, "ca")).issue("bench", host_names(1)[0])
    both = os.path.join(folder, "bench.both.pem")
    with open(both, "w", encoding="ascii") as file:
        for path in (cert, key):
            with open(path, encoding="ascii") as part:
                file.write(part.read())
    return Certificate(cert, key, both)


class Floor:
    """bench-tls-relay: what OpenSSL and the sockets cost, and nothing else."""

    def __init__(self, name, with_upstream):
        self.name, self.with_upstream = name, with_upstream

    def start(self, scenario):
        command = [os.path.join(PROGRAMS, "bench-tls-relay"), scenario.tls.both]
        if self.with_upstream:
            command.append(scenario.upstream_port)
        process = Process(machine.pinned(machine.PROXY_CPU, command), os.path.join(scenario.folder, f"{self.name}.log"))

        def port():
            match = re.search(r"^port (\d+)", process.log(), re.M)
            return int(match.group(1)) if match else 0
        return Running(self.name, process, wait_for(port, 10, "the floor's port"), "")


def tls_load(one, pace, flags):
    return run_load(one.name, one.port, "--warm", pace.warm_s, "--seconds", pace.slice_s, *flags, pids=[one.pid],
                    program="bench-tls-load")[-1]


def tls_workload(bench, result, floor, flags, floor_target, peer_targets, others=()):
    """`others`: edges of ours that are to cost no more than 1.05 times what the first does."""
    folder = bench.folder(result.workload)
    upstream, port = start_upstream(folder, "--body", "100")
    running = []
    try:
        scenario = Scenario(folder, port, tls=make_certificate(folder))
        running = start_all(bench, result, scenario, [floor, WeirEdge(), *others, *bench.peers()])
        running = drop_wrong(bench, result, running, flags, "bench-tls-load")
        samples = compare(running, bench.pace, us_per_request, flags, upstream.pid, bench.say, tls_load)
    finally:
        stop_all(upstream, *(one.process for one in running))
    add_rows(result, samples)
    result.check(f"weir / {floor.name}", "<=", floor_target, *ratio_row(samples, "weir", floor.name))
    for other in others:
        result.check(f"{other.name} / weir", "<=", 1.05, *ratio_row(samples, other.name, "weir"))
    add_peer_checks(result, samples, peer_targets, floor.name)
    return result


def w3(bench):
    """TLS 1.3 keep-alive GET, 100 bytes, 64 connections, a browser's request head"""
    result = Result("W3", w3.__doc__, "CPU us a request")
    tls_workload(bench, result, Floor("floor: TLS relay", True), [], 1.15, {"nginx": 1.2, "haproxy": 1.2, "caddy": 3})
    result.notes.append("the floor ends TLS, carries the bytes to the upstream and back and parses none of them")
    return [result]


def w4(bench):
    """TLS 1.3 handshakes (ECDSA P-256, X25519), connections without a request: full, and resumed by ticket"""
    results = []
    for name, flag in (("full", "--handshakes"), ("resumed", "--resumed")):
        result = Result(f"W4 {name}", f"TLS 1.3 handshakes, {name}", "CPU us a handshake")
        tls_workload(bench, result, Floor("floor: SSL_accept", False), [flag, "--connections", 16], 1.05, {},
                     [WeirEdge("weir, 2 workers", workers=2)])
        results.append(result)
    return results


class H2Upstream:
    """nghttpd: a file of 100 bytes over HTTP/2 without TLS."""

    def __init__(self, folder):
        os.makedirs(os.path.join(folder, "www", "p0"))
        with open(os.path.join(folder, "www", "p0", "index.html"), "w", encoding="ascii") as file:
            file.write("x" * 100)
        self.port = free_ports(1)[0]
        binary = found("nghttpd", "nghttp2-server/usr/bin/nghttpd", "nghttp2-server/usr/sbin/nghttpd")
        www = os.path.join(folder, "www")
        command = [binary, "--no-tls", "-d", www, "-a", "127.0.0.1", "-m", "1000", self.port]
        libraries = os.path.join(PEERS, "nghttp2-server", "usr", "lib", "x86_64-linux-gnu")
        self.process = Process(machine.pinned(machine.LOAD_CPU, command), os.path.join(folder, "nghttpd.log"),
                               {"LD_LIBRARY_PATH": libraries})
        wait_for(lambda: listens(self.port), 10, "nghttpd listens")


def h2load(one, requests):
    """Exactly so many requests; what they were answered with is checked by h2load's counts."""
    command = ["h2load", "-n", requests, "-c", CONNECTIONS_H2, "-m", STREAMS, "-t", 1,
               "--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--groups=X25519", f"--connect-to=127.0.0.1:{one.port}"]
    for field in BROWSER_FIELDS:
        command += ["-H", field]
    command.append(f"https://{host_names(1)[0]}/p0/index.html")
    own = os.times().children_user + os.times().children_system
    before = sum(machine.cpu_ns(pid) for pid in machine.tree(one.pid))
    done = subprocess.run(machine.pinned(machine.LOAD_CPU, command), capture_output=True, text=True,
                          preexec_fn=become_child, timeout=600)
    cpu_ns = sum(machine.cpu_ns(pid) for pid in machine.tree(one.pid)) - before
    own = os.times().children_user + os.times().children_system - own
    if "Application protocol: h2" not in done.stdout:
        raise Wrong(f"{one.name} does not speak HTTP/2: {done.stdout[-500:]}")
    answered = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)
    seconds = re.search(r"finished in ([\d.]+)(us|ms|s)", done.stdout)
    data = re.search(r"\((\d+)\) data", done.stdout)
    if not answered or int(answered.group(1)) != requests or int(data.group(1)) != 100 * requests:
        raise Wrong(f"{one.name}: {done.stdout[-500:]}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1}[seconds.group(2)]
    return {"requests": requests, "bytes": int(data.group(1)), "seconds": float(seconds.group(1)) * unit,
            "cpu_ns": cpu_ns, "own_cpu_ns": own * 1e9}


def h2_slice(one, pace, _flags):
    """As many requests as take about the time of a slice."""
    warm = h2load(one, max(1000, getattr(one, "warm_requests", 1000)))
    rate = warm["requests"] / warm["seconds"]
    one.warm_requests = int(rate * pace.warm_s)
    return h2load(one, max(1000, int(rate * pace.slice_s)))


def w6(bench):
    """HTTP/2 over TLS, 4 connections with 100 streams each, 100 bytes, HTTP/1.1 upstream"""
    result = Result("W6", w6.__doc__, "CPU us a request")
    folder = bench.folder("W6")
    upstream, port = start_upstream(folder, "--body", "100")
    stopped, running = [upstream], []
    try:
        tls = make_certificate(folder)
        scenario = Scenario(folder, port, tls=tls)
        proxies = [WeirEdge(), *bench.peers("nginx", "haproxy", "nghttpx", "h2o", "caddy")]
        running = start_all(bench, result, scenario, proxies)
        try:
            h2c = H2Upstream(folder)
            stopped.append(h2c.process)
            scenario = Scenario(folder, h2c.port, tls=tls, upstream_scheme="h2c")
            running += start_all(bench, result, scenario, [WeirEdge("weir, h2c upstream")])
        except FileNotFoundError as error:
            result.notes.append(f"h2c upstream left out: {error}")
        running = [one for one in running if answers(bench, result, one)]
        samples = compare(running, bench.pace, us_per_request, [], upstream.pid, bench.say, h2_slice)
    finally:
        stop_all(*stopped, *(one.process for one in running))
    add_rows(result, samples)
    add_peer_checks(result, samples, {"nginx": 1.5, "haproxy": 1.3, "nghttpx": 1.5, "h2o": 1.2, "caddy": 4})
    rates = {name: median(one["requests"] / one["seconds"] for one in found)
             for name, found in samples.slices.items()}
    result.notes.append("requests a second: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items()))
    return [result]


def answers(bench, result, one):
    try:
        wait_for(lambda: h2load(one, 1000), 15, f"right answers of {one.name}")
        return True
    except (AssertionError, Wrong) as error:
        if one.name.startswith("weir"):
            raise
        machine.end(one.process)
        bench.say(f"left out: {error}")
        result.notes.append(f"left out: {str(error).splitlines()[0]}")
        return False
