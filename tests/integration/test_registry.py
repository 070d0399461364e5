"""The registry as a server: what it acknowledged survives, its checks run, its errors read like Consul's."""

import contextlib
import json
import os
import random
import resource
import sqlite3
import threading

from harness import processes, upstreams
from harness.http import Connection, get, put_json, request
from harness.test import deregister, register
from harness.wait import stays_true, wait_for


def passing(registry, name):
    return [row["Service"]["ID"] for row in get(registry.url, f"/v1/health/service/{name}?passing").json()]


def index_of(registry, target):
    return int(get(registry.url, target).header("x-consul-index"))


def test_kill_9(t):
    """whatever was acknowledged survives kill -9, and no index goes back"""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    data_dir = t.path("data", "")
    registry = t.registry(data_dir=data_dir)
    truth, highest = {}, 0
    for round_ in range(4):
        acknowledged = threading.Event()

        def write(registry=registry, round_=round_, acknowledged=acknowledged):
            for i in range(10_000):
                name = f"s{dice.randrange(20)}"
                try:
                    # A name whose last write was cut by a kill may be there or not (None): it is registered anew.
                    if truth.get(name) is not None and dice.random() < 0.3:
                        # Taken out of the truth first: without an answer both states are right.
                        truth[name] = None
                        deregister(registry.url, name)
                        del truth[name]
                    else:
                        port = round_ * 10_000 + i
                        truth[name] = None
                        register(registry.url, name, name, port % 60_000 + 1)
                        truth[name] = port % 60_000 + 1
                except (OSError, ValueError):
                    return
                if i > 50:
                    acknowledged.set()
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        assert acknowledged.wait(30), "50 writes within 30 s"
        highest = max(highest, index_of(registry, "/v1/catalog/services"))
        registry.kill()
        writer.join(10)
        registry = t.registry(data_dir=data_dir)
        services = get(registry.url, "/v1/agent/services").json()
        for name, port in truth.items():
            if port is not None:
                assert services.get(name, {}).get("Port") == port, f"seed {seed}: {name} should be at {port}"
        for name in services:
            assert name in truth, f"seed {seed}: {name} was deregistered"
        assert index_of(registry, "/v1/catalog/services") >= highest, f"seed {seed}: the index went back"


def test_restart(t):
    """a restart keeps services, checks, keys and the node's identity; a watcher from before gets its answer"""
    data_dir = t.path("data", "")
    registry = t.registry(data_dir=data_dir)
    register(registry.url, "a", "a", 1, ["t"], {"TTL": "10m", "Status": "passing"})
    request(registry.url, "PUT", "/v1/kv/some/key", body="value")
    before = {target: get(registry.url, target).json() for target in (
        "/v1/agent/services", "/v1/kv/some/key", "/v1/catalog/nodes", "/v1/health/service/a")}
    index = index_of(registry, "/v1/health/service/a")
    assert registry.stop() == 0
    registry = t.registry(data_dir=data_dir)
    for target, value in before.items():
        assert get(registry.url, target).json() == value, target
    answers = []

    def watch():
        # A restart may move an index without a change: a watcher takes the answer and asks on, as clients do.
        last = index
        while not answers or answers[-1] != []:
            response = get(registry.url, f"/v1/health/service/a?index={last}&wait=20s", timeout_s=30)
            last = int(response.header("X-Consul-Index"))
            answers.append(response.json())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    deregister(registry.url, "a")
    watcher.join(10)
    assert answers and answers[-1] == [], answers
    assert len(answers) <= 2, f"{len(answers)} answers for one change"


def test_stop(t):
    """SIGTERM answers who waits, with what there is"""
    registry = t.registry()
    now = index_of(registry, "/v1/catalog/services")
    with contextlib.ExitStack() as clients:
        waiting = [clients.enter_context(Connection(registry.url)) for _ in range(20)]
        for connection in waiting:
            connection.send_request("GET", f"/v1/catalog/services?index={now}&wait=300s")
        register(registry.url, "a", "a", 1)  # on a connection of its own: the others' requests came before
        index = index_of(registry, "/v1/catalog/services")
        for connection in waiting:
            assert connection.read_response().json() == {"a": [], "consul": []}
            connection.send_request("GET", f"/v1/catalog/services?index={index}&wait=300s")
        wait_for(lambda: index_of(registry, "/v1/catalog/services") == index, 10, "it has read those requests")
        assert registry.stop() == 0
        for connection in waiting:
            response = connection.read_response()
            assert response.status == 200 and response.json() == {"a": [], "consul": []}, response


def test_unreadable_store(t):
    """a store that cannot be read ends the registry with its reason, rather than leave it answering 500 for ever"""
    data_dir = t.path("data", "")
    assert t.registry(data_dir=data_dir).stop() == 0
    with contextlib.closing(sqlite3.connect(os.path.join(data_dir, "registry.db"))) as database:
        database.execute("UPDATE rows SET row = '{bad'")
        database.commit()
    code, _, errors = processes.run_weir("registry", "--http", "127.0.0.1:0", "--dns", "", "--data-dir", data_dir)
    assert code == 1 and "registry: row" in errors, (code, errors)


def test_file_size_limit(t):
    """beyond RLIMIT_FSIZE a write is refused, as on a full disk, and the rest goes on"""
    registry = t.registry()
    limit = resource.RLIMIT_FSIZE
    old = resource.prlimit(registry.child.pid, limit)
    resource.prlimit(registry.child.pid, limit, (400_000, old[1]))
    answers = [request(registry.url, "PUT", f"/v1/kv/k{i}", body=b"x" * 100_000).status for i in range(8)]
    assert answers[0] == 200 and answers[-1] == 500, answers
    resource.prlimit(registry.child.pid, limit, old)
    assert request(registry.url, "PUT", "/v1/kv/later", body=b"x").status == 200
    keys = get(registry.url, "/v1/kv/?keys").json()
    assert keys == sorted([f"k{i}" for i, status in enumerate(answers) if status == 200] + ["later"]), keys


def test_http_check(t):
    """an HTTP check runs: passing, warning on 429, critical on 500 and when nobody listens"""
    registry = t.registry()
    status = [200]
    target = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(status[0], "how I feel", reason="X")))
    check = {"HTTP": target.url + "/health", "Interval": "200ms", "Timeout": "500ms"}
    register(registry.url, "h", "h", target.port, [], check)

    def state():
        return next(c["Status"] for c in get(registry.url, "/v1/health/checks/h").json())
    for code, expected in ((200, "passing"), (429, "warning"), (500, "critical"), (204, "passing")):
        status[0] = code
        wait_for(lambda e=expected: state() == e, 10, f"after {code} the check is {expected}")
    assert any(r.target == "/health" for r in target.requests)
    target.stop()
    wait_for(lambda: state() == "critical", 10, "nobody listens any more")


def test_tcp_check(t):
    """a TCP check runs"""
    registry = t.registry()
    target = t.ends(upstreams.Upstream())
    register(registry.url, "c", "c", target.port, [], {"TCP": target.address, "Interval": "200ms", "Timeout": "500ms"})
    wait_for(lambda: passing(registry, "c") == ["c"], 10, "it listens")
    target.stop()
    wait_for(lambda: passing(registry, "c") == [], 10, "it does not listen any more")


def test_ttl_check(t):
    """a TTL check turns critical when nobody reports in time, and back when somebody does"""
    registry = t.registry()
    register(registry.url, "t", "t", 1, [], {"TTL": "1s", "Status": "passing"})
    assert passing(registry, "t") == ["t"]
    wait_for(lambda: passing(registry, "t") == [], 5, "its time is over")
    put_json(registry.url, "/v1/agent/check/pass/service:t?note=here")
    assert passing(registry, "t") == ["t"]


def test_deregister_critical(t):
    """a service that stays critical too long is deregistered"""
    registry = t.registry()
    # A minute is the shortest that the real one takes; ours follows it, so this only shows that it is not sooner.
    register(registry.url, "x", "x", 1, [], {"TTL": "1s", "DeregisterCriticalServiceAfter": "1m"})
    stays_true(lambda: "x" in get(registry.url, "/v1/agent/services").json(), 3, "not yet")


def test_serf_health(t):
    """instances of the registry's own node carry serfHealth"""
    registry = t.registry()
    register(registry.url, "s", "s", 1)
    row, = get(registry.url, "/v1/health/service/s").json()
    assert [(c["CheckID"], c["Status"]) for c in row["Checks"]] == [("serfHealth", "passing")], row["Checks"]


def test_again_is_quiet(t):
    """registering again what is there moves no index and keeps the check's state"""
    registry = t.registry()
    for _ in range(2):
        register(registry.url, "a", "a", 1, ["t"], {"TTL": "10m"})
        put_json(registry.url, "/v1/agent/check/pass/service:a")
    before = index_of(registry, "/v1/health/service/a")
    for _ in range(5):
        register(registry.url, "a", "a", 1, ["t"], {"TTL": "10m"})
    assert index_of(registry, "/v1/health/service/a") == before
    assert passing(registry, "a") == ["a"]


# Calls whose answers must be the real one's, byte for byte.
SAME = [
    ("PUT", "/v1/agent/service/register", {}), ("PUT", "/v1/agent/service/register", {"Name": ""}),
    ("PUT", "/v1/agent/service/register", {"Name": "a", "Nope": 1}), ("PUT", "/v1/agent/service/register", None),
    ("PUT", "/v1/agent/service/register", {"Name": "a", "Address": "0.0.0.0"}),
    ("PUT", "/v1/agent/service/register", {"Name": "a", "Check": {"TTL": "1s", "Status": "good"}}),
    ("PUT", "/v1/agent/service/register", {"Name": "a", "Check": {"Name": "nothing to do"}}),
    ("PUT", "/v1/agent/service/maintenance/", None), ("PUT", "/v1/agent/service/maintenance/x", None),
    ("PUT", "/v1/agent/check/register", {"Name": ""}), ("PUT", "/v1/agent/check/register", {"Name": "c", "TTL": "0s"}),
    ("PUT", "/v1/agent/check/update/c", {"Status": "bogus"}),
    ("GET", "/v1/agent/service/register", None), ("GET", "/v1/agent/service/nope", None),
    ("GET", "/v1/catalog/service/", None), ("GET", "/v1/catalog/service/nope", None),
    ("GET", "/v1/catalog/node/nope", None),
    ("GET", "/v1/catalog/node-services/nope", None), ("GET", "/v1/catalog/services?dc=nowhere", None),
    ("GET", "/v1/catalog/nodes?index=x", None), ("GET", "/v1/catalog/nodes?wait=1", None),
    ("GET", "/v1/catalog/nodes?stale&consistent", None), ("GET", "/v1/health/service/", None),
    ("GET", "/v1/health/service/nope?passing=maybe", None), ("GET", "/v1/health/state/", None),
    ("GET", "/v1/health/state/nonsense", None), ("GET", "/v1/health/node/nope", None), ("GET", "/v1/kv/nope", None),
    ("GET", "/v1/kv/nope?recurse", None), ("GET", "/v1/kv/nope?keys", None), ("PUT", "/v1/kv/", "x"),
    ("PUT", "/v1/kv/a?cas=x", "x"), ("PUT", "/v1/kv/a?flags=x", "x"), ("DELETE", "/v1/kv/nope", None),
    ("PUT", "/v1/kv/a?acquire=11111111-1111-1111-1111-111111111111", "x"),
    ("PUT", "/v1/catalog/register", {}), ("PUT", "/v1/catalog/register", {"Node": "n"}),
    ("PUT", "/v1/catalog/deregister", {}), ("PUT", "/v1/session/renew/11111111-1111-1111-1111-111111111111", None),
    ("PUT", "/v1/session/create", {"TTL": "1s"}), ("PUT", "/v1/session/create", {"Behavior": "odd"}),
    ("GET", "/v1/catalog/datacenters", None), ("HEAD", "/v1/catalog/nodes", None),
    ("OPTIONS", "/v1/catalog/nodes", None),
]


def test_same_answers(t):
    """errors and empty answers are the real Consul's, byte for byte"""
    ours, real = t.registry(), t.consul()
    wrong = []
    for method, target, body in SAME:
        data = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        answers = [request(server.url, method, target, {}, data) for server in (ours, real)]
        told = [(a.status, a.text(), (a.header("content-type") or "") if a.body else "", a.header("allow"),
                 a.header("x-consul-index") is None) for a in answers]
        if told[0] != told[1]:
            wrong.append(f"{method} {target} {data}:\n  ours {told[0]}\n  real {told[1]}")
    assert not wrong, "\n".join(wrong)


def test_clients_that_vanish(t):
    """watchers that vanish free their place; thousands of idle ones stop nobody"""
    registry = t.registry()
    socks = []
    # The last there is: what moves it later wakes some for nothing, and those just end.
    now = index_of(registry, "/v1/health/service/idle")
    for _ in range(1000):
        connection = Connection(registry.url)
        connection.send_request("GET", f"/v1/health/service/idle?index={now}&wait=300s")
        socks.append(connection)
    register(registry.url, "busy", "busy", 1)
    assert passing(registry, "busy") == ["busy"]
    for connection in socks:
        connection.close()
    stays_true(lambda: passing(registry, "busy") == ["busy"], 1, "it still answers")


def test_slow_and_broken_clients(t):
    """a client that sends half a request, nonsense or a body without end harms nobody else"""
    registry = t.registry()
    half_body = b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"
    with contextlib.ExitStack() as clients:
        for data in (b"GET /v1/cat", b"\x16\x03\x01\x02\x00\x01", half_body):
            clients.enter_context(Connection(registry.url)).send(data)
        response = request(registry.url, "PUT", "/v1/kv/big", body=b"x" * (600 * 1024))
        assert response.status == 413, response
        register(registry.url, "a", "a", 1)
        assert passing(registry, "a") == ["a"]
