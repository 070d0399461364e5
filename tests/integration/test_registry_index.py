"""Which resource's index each write moves, and how long each blocking query waits: our registry and the real Consul
go through the same calls and are held against the same recorded expectation."""

import json
import threading
import time
from urllib.parse import quote

from harness.http import request

RESOURCES = {
    "hs:A": "/v1/health/service/A", "cs:A": "/v1/catalog/service/A", "hs:B": "/v1/health/service/B",
    "hs:none": "/v1/health/service/none", "svcs": "/v1/catalog/services", "nodes": "/v1/catalog/nodes",
    "node:e1": "/v1/catalog/node/e1", "node:e2": "/v1/catalog/node/e2", "state": "/v1/health/state/any",
    "hnode:e1": "/v1/health/node/e1", "hchk:A": "/v1/health/checks/A", "hchk:B": "/v1/health/checks/B",
    "kv:x": "/v1/kv/x", "kvl:p/": "/v1/kv/p/?recurse", "kvkeys": "/v1/kv/?keys", "sess": "/v1/session/list"}

CHECKS = "hchk:A hchk:B hnode:e1 state"
NODES = "node:e1 node:e2"
REGISTER, DEREGISTER = "/v1/catalog/register", "/v1/catalog/deregister"
E1, E2 = {"Node": "e1", "Address": "10.1.0.1"}, {"Node": "e2", "Address": "10.1.0.2"}
E1_MOVED = {"Node": "e1", "Address": "10.1.0.11"}
A1 = {"ID": "A1", "Service": "A", "Port": 1}


def check(output="", status="passing"):
    return {"CheckID": "cA", "Name": "cA", "ServiceID": "A1", "Status": status, "Output": output}


def node_check(status):
    return {"CheckID": "nc", "Name": "nc", "Status": status}


# (what, method, path, body, what moves, what else may move). "May" is where 1.8.7 moves more than it needs to and newer
# versions and ours do not: catalog/node follows every node there, a check written again unchanged moves all of them.
STEPS = [
    ("node e1", "PUT", REGISTER, E1, "nodes node:e1", ""),
    ("node e1 again", "PUT", REGISTER, E1, "", ""),
    ("node e2", "PUT", REGISTER, E2, "nodes node:e2", NODES),
    ("A1 on e1", "PUT", REGISTER, {**E1, "Service": A1}, "hs:A cs:A svcs node:e1", NODES + " nodes"),
    ("A1 again", "PUT", REGISTER, {**E1, "Service": A1}, "", ""),
    ("A2 on e2", "PUT", REGISTER, {**E2, "Service": {"ID": "A2", "Service": "A", "Port": 2}},
     "hs:A cs:A svcs node:e2", NODES + " nodes"),
    ("B1 on e1", "PUT", REGISTER, {**E1, "Service": {"ID": "B1", "Service": "B", "Port": 3}},
     "hs:B svcs node:e1", NODES + " nodes"),
    ("check cA added", "PUT", REGISTER, {**E1, "Check": check()}, "hs:A cs:A " + CHECKS, ""),
    ("check cA again", "PUT", REGISTER, {**E1, "Check": check()}, "", CHECKS),
    ("check cA output", "PUT", REGISTER, {**E1, "Check": check("new")}, "hs:A cs:A " + CHECKS, ""),
    ("check cA status", "PUT", REGISTER, {**E1, "Check": check("new", "critical")}, "hs:A cs:A " + CHECKS, ""),
    ("node check added", "PUT", REGISTER, {**E1, "Check": node_check("passing")}, "hs:A cs:A hs:B " + CHECKS, ""),
    ("node check status", "PUT", REGISTER, {**E1, "Check": node_check("critical")}, "hs:A cs:A hs:B " + CHECKS, ""),
    ("node check deleted", "PUT", DEREGISTER, {"Node": "e1", "CheckID": "nc"},
     "hs:A cs:A hs:B " + CHECKS, "svcs " + NODES),
    ("check cA deleted", "PUT", DEREGISTER, {"Node": "e1", "CheckID": "cA"}, "hs:A cs:A " + CHECKS, ""),
    ("node e1 address", "PUT", REGISTER, E1_MOVED, "hs:A cs:A hs:B nodes node:e1", NODES),
    ("A1 tag", "PUT", REGISTER, {**E1_MOVED, "Service": {**A1, "Tags": ["t"]}},
     "hs:A cs:A svcs node:e1", NODES + " nodes"),
    ("A1 deleted, A2 remains", "PUT", DEREGISTER, {"Node": "e1", "ServiceID": "A1"},
     "hs:A cs:A svcs node:e1", CHECKS + " nodes " + NODES),
    ("A2 deleted, the last", "PUT", DEREGISTER, {"Node": "e2", "ServiceID": "A2"},
     "hs:A cs:A hs:none svcs node:e2", CHECKS + " nodes " + NODES),
    ("B1 deleted, the last", "PUT", DEREGISTER, {"Node": "e1", "ServiceID": "B1"},
     "hs:B hs:none svcs node:e1", "hs:A cs:A nodes " + CHECKS + " " + NODES),
    ("node e1 deleted", "PUT", DEREGISTER, {"Node": "e1"}, "nodes node:e1", NODES),
    ("node e2 deleted", "PUT", DEREGISTER, {"Node": "e2"}, "nodes node:e2", NODES),
    ("kv x", "PUT", "/v1/kv/x", "1", "kv:x kvl:p/ kvkeys", ""),
    ("kv x again", "PUT", "/v1/kv/x", "1", "", ""),
    ("kv p/a", "PUT", "/v1/kv/p/a", "1", "kvl:p/ kvkeys", ""),
    ("kv p/b", "PUT", "/v1/kv/p/b", "1", "kvl:p/ kvkeys", ""),
    ("kv q", "PUT", "/v1/kv/q", "1", "kvkeys", ""),
    ("kv p/b deleted", "DELETE", "/v1/kv/p/b", None, "kvl:p/ kvkeys", ""),
    ("kv x deleted", "DELETE", "/v1/kv/x", None, "kv:x kvkeys", ""),
    ("kv x deleted again", "DELETE", "/v1/kv/x", None, "", ""),
    ("kv p/ deleted", "DELETE", "/v1/kv/p/?recurse", None, "kvl:p/ kvkeys", "kv:x"),
    ("kv q deleted", "DELETE", "/v1/kv/q", None, "kvkeys", "kv:x"),
    ("session created", "PUT", "/v1/session/create", None, "sess", ""),
    ("lock acquired", "PUT", "/v1/kv/x?acquire={session}", "v", "kv:x kvkeys", ""),
    ("lock acquired again", "PUT", "/v1/kv/x?acquire={session}", "v", "", ""),
    ("lock acquired, new value", "PUT", "/v1/kv/x?acquire={session}", "w", "kv:x kvkeys", ""),
    ("plain set while locked", "PUT", "/v1/kv/x", "z", "kv:x kvkeys", ""),
    ("session renewed", "PUT", "/v1/session/renew/{session}", None, "", ""),
    ("released by a stranger", "PUT", "/v1/kv/x?release=11111111-1111-1111-1111-111111111111", "z", "", ""),
    ("session destroyed", "PUT", "/v1/session/destroy/{session}", None, "kv:x kvkeys sess", ""),
    ("session created again", "PUT", "/v1/session/create", None, "sess", ""),
    ("acquired within the lock delay", "PUT", "/v1/kv/x?acquire={session}", "v", "", ""),
    ("kv x deleted at last", "DELETE", "/v1/kv/x", None, "kv:x kvkeys", ""),
]


def index_of(response):
    value = response.header("x-consul-index")
    assert value is not None and value.isdigit() and int(value) > 0, f"X-Consul-Index {value!r} of {response}"
    return int(value)


class Catalog:
    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else b""
        return request(self.url, method, path, body=data if method == "PUT" else None, timeout_s=60)

    def get(self, path):
        return self.call("GET", path)

    def indexes(self):
        return {k: index_of(self.get(path)) for k, path in RESOURCES.items()}

    def settled(self):
        """A server that has just started still writes about itself: until nothing moves any more."""
        before, since = self.indexes(), time.monotonic()
        while time.monotonic() - since < 1:
            now = self.indexes()
            if now != before:
                before, since = now, time.monotonic()
        return before


def lose_a_service(catalog):
    """Before a first extinction the index of every absent service follows the whole tables."""
    register(catalog, "gone")()
    deregister(catalog, "gone")()
    catalog.call("PUT", DEREGISTER, {"Node": "e9"})


def walk(url):
    catalog, session, wrong = Catalog(url), "", []
    lose_a_service(catalog)
    before = catalog.settled()
    for what, method, path, body, moves, may in STEPS:
        response = catalog.call(method, path.format(session=session), body)
        assert response.status == 200, f"{what}: {response}"
        if path == "/v1/session/create":
            session = response.json()["ID"]
        now = catalog.indexes()
        moved = {k for k in now if now[k] != before[k]}
        must, may = set(moves.split()), set(may.split())
        if not must <= moved <= must | may:
            wrong.append(f"{what}: missing {sorted(must - moved)}, too many {sorted(moved - must - may)}")
        backwards = {k for k in moved if now[k] < before[k] and not k.startswith("node:")}
        if backwards:
            wrong.append(f"{what}: went back: {sorted(backwards)}")
        before = now
    assert not wrong, "\n".join(wrong)


def test_moves_consul(t):
    """the recorded movements are those of the real Consul"""
    walk(t.consul().url)


def test_moves(t):
    """our registry moves what must move and nothing else"""
    walk(t.registry().url)


ANSWER_SECONDS_MAX = 30  # however slow the machine
WAKE_SECONDS = 2 * ANSWER_SECONDS_MAX  # what a query that is to be woken waits: its answer in time was a wake-up


def blocked(catalog, target, wait_s, action=None):
    """(seconds until the answer, the answer) of a blocking query; the action comes when the query waits."""
    result = []

    def ask():
        started = time.monotonic()
        answer = catalog.get(f"{target}&wait={wait_s}s")
        result.append((time.monotonic() - started, answer))
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(0.3)
    if action:
        too_early = bool(result) and wait_s == WAKE_SECONDS  # a short one may be over already
        assert not too_early, f"{target} answered before anything happened"
        action()
    thread.join(ANSWER_SECONDS_MAX)
    assert result, f"{target} has not answered in {ANSWER_SECONDS_MAX} s of its {wait_s} s"
    return result[0]


def wakes(catalog, target, action):
    return blocked(catalog, target, WAKE_SECONDS, action)[1]


def waits(catalog, target, action=None, wait_s=1):
    took, response = blocked(catalog, target, wait_s, action)
    assert took >= wait_s, f"{target} took {took:.2f} s of its {wait_s} s"
    return response


def register(catalog, name, **more):
    return lambda: catalog.call("PUT", REGISTER, {"Node": "e9", "Address": "10.9.0.1", "Service": {
        "ID": name, "Service": name, "Port": 1, **more}})


def deregister(catalog, name):
    return lambda: catalog.call("PUT", DEREGISTER, {"Node": "e9", "ServiceID": name})


def block_services(catalog):
    def index(name):
        return index_of(catalog.get(f"/v1/health/service/{name}"))
    lose_a_service(catalog)
    catalog.settled()
    i = index("Z")
    waits(catalog, f"/v1/health/service/Z?index={i}")
    response = catalog.get(f"/v1/health/service/Z?index={max(1, i - 1)}&wait=5s")
    assert index_of(response) == i and response.json() == [], response
    assert catalog.get("/v1/health/service/Z?index=0&wait=5s").status == 200
    assert len(wakes(catalog, f"/v1/health/service/Z?index={i}", register(catalog, "Z")).json()) == 1
    i = index("Y")
    waits(catalog, f"/v1/health/service/Y?index={i}", register(catalog, "W"))
    response = wakes(catalog, f"/v1/health/service/Y?index={i}", deregister(catalog, "W"))
    assert response.json() == [] and index_of(response) > i, response
    i = index("Z")
    response = waits(catalog, f"/v1/health/service/Z?index={i}", register(catalog, "W2"))
    assert index_of(response) == i and len(response.json()) == 1, response
    response = wakes(catalog, f"/v1/health/service/Z?index={i}", deregister(catalog, "Z"))
    assert response.json() == [] and index_of(response) > i, response
    s = index_of(catalog.get("/v1/catalog/services"))
    check = {"CheckID": "q", "Name": "q", "Status": "passing", "ServiceID": "W2", "Output": "other"}
    waits(catalog, f"/v1/catalog/services?index={s}",
          lambda: catalog.call("PUT", REGISTER, {"Node": "e9", "Address": "10.9.0.1", "Check": check}))


def block_keys(catalog):
    def put(key, value):
        return lambda: catalog.call("PUT", f"/v1/kv/{key}", value)
    put("kk", "1")()
    k = index_of(catalog.get("/v1/kv/kk"))
    waits(catalog, f"/v1/kv/kk?index={k}", put("other", "1"))
    waits(catalog, f"/v1/kv/kk?index={k}", put("kk", "1"))
    assert index_of(wakes(catalog, f"/v1/kv/kk?index={k}", put("kk", "2"))) > k
    missing = catalog.get("/v1/kv/missing1")
    assert missing.status == 404 and missing.body == b"", missing
    k = index_of(missing)
    # Whether another key wakes this one differs between versions; its own creation must.
    assert wakes(catalog, f"/v1/kv/missing1?index={k}", put("missing1", "1")).status == 200
    k = index_of(catalog.get("/v1/kv/missing1"))
    response = wakes(catalog, f"/v1/kv/missing1?index={k}", lambda: catalog.call("DELETE", "/v1/kv/missing1"))
    assert response.status == 404 and index_of(response) > k, response


def block_waits(catalog):
    now = index_of(catalog.get("/v1/catalog/nodes"))
    for wait, status in (("1", 400), ("x", 400), ("1000ms", 200), ("0.5s", 200)):
        response = catalog.get(f"/v1/catalog/nodes?index={now}&wait={wait}")
        assert response.status == status, f"wait={wait}: {response}"
        assert status == 200 or response.text() == "Invalid wait time", response
    response = catalog.get("/v1/catalog/nodes?index=x")
    assert response.status == 400 and response.text() == "Invalid index", response


FILTERS = [
    ('/v1/health/service/W2?filter=Bogus == "x"', 500,
     'Failed to create boolean expression evaluator: Selector "Bogus" is not valid'),
    ("/v1/health/service/W2?filter=Service.Port == 1", 200, 1),
    ('/v1/health/service/W2?filter="x" in Service.Tags', 200, 0),
    ("/v1/health/service/W2?filter=Service.Meta.foo == bar", 200, 0),
    ("/v1/health/service/W2?filter=Service.Meta.foo != bar", 200, 1),
    ("/v1/health/service/W2?filter=Checks.Status == passing", 200, 1),
    ("/v1/health/service/W2?filter=Service.Tags is empty", 200, 1),
    ('/v1/health/service/W2?filter=Service.Service matches "^W"', 200, 1),
    ("/v1/health/service/W2?filter=not Service.Port == 1", 200, 0),
    ("/v1/catalog/nodes?filter=Node == e9", 200, 1),
]


def filters(catalog):
    register(catalog, "W2")()
    catalog.call("PUT", REGISTER, {"Node": "e9", "Address": "10.9.0.1", "Check": {
        "CheckID": "q", "Name": "q", "Status": "passing", "ServiceID": "W2"}})
    for target, status, expected in FILTERS:
        path, expression = target.split("?filter=")
        response = catalog.get(f"{path}?filter={quote(expression)}")
        found = len(response.json()) if response.status == 200 else response.text()
        assert (response.status, found) == (status, expected), f"{target}: {response}"


def both(t, part):
    part(Catalog(t.consul().url))
    part(Catalog(t.registry().url))


def test_block_services(t):
    """a query for a service waits through what does not concern it and wakes for what does, like the real one"""
    both(t, block_services)


def test_block_keys(t):
    """a query for a key waits through other keys and equal values and wakes for changes, like the real one"""
    both(t, block_keys)


def test_block_waits(t):
    """wait and index are read like the real one reads them"""
    both(t, block_waits)


def test_filters(t):
    """filter expressions choose and fail like the real one's"""
    both(t, filters)


def test_from_the_future(t):
    """a query with an index that was never given answers at once with the real index: the store was lost"""
    catalog = Catalog(t.registry().url)
    now = catalog.settled()["nodes"]
    _, response = blocked(catalog, f"/v1/catalog/nodes?index={now + 100_000}", WAKE_SECONDS)
    assert index_of(response) == now, response


def test_many_writers(t):
    """no wake-up is lost while a writer hammers: a watcher sees the last value soon after it was written"""
    catalog = Catalog(t.registry().url)
    last = 300
    ended = []

    def watch():
        index, seen = 0, [0]
        while seen[-1] != last:
            response = catalog.get(f"/v1/catalog/service/Z?index={index}&wait=10s")
            index = index_of(response)
            seen += [row["ServicePort"] for row in response.json()]
        ended.append(seen)
    watchers = [threading.Thread(target=watch, daemon=True) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    for port in range(1, last + 1):
        register(catalog, "Z", Port=port)()
    for watcher in watchers:
        watcher.join(10)
    assert len(ended) == len(watchers), "a watcher did not see the last write within 10 s"
    assert all(seen == sorted(seen) for seen in ended), "a watcher saw an older value after a newer one"
