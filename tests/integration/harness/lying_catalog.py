"""A scripted Consul: answers truly until told to lie. For what a real one does only on its worst days."""

import json
import re
import threading
import time
from urllib.parse import parse_qs, unquote, urlsplit

from .upstreams import Upstream, read_request, reset, response

WAIT_SECONDS_DEFAULT = 300


def seconds(text):
    match = re.fullmatch(r"([\d.]+)(ms|s|m)", text or "")
    return float(match.group(1)) * {"ms": 0.001, "s": 1, "m": 60}[match.group(2)] if match else WAIT_SECONDS_DEFAULT


class LyingCatalog:
    """`register` and `deregister` change the truth. `lie(kind)` makes every answer a lie until `tell_truth()`; blocking
    queries that are waiting get the lie at once. Kinds:

    "500"          an error                              "hang"        no answer at all
    "html"         200 with a page that is no JSON       "cut"         a body that ends before its length
    "reset"        the connection is reset               "empty"       200, a higher index and nothing in it
    "no-index"     the truth without X-Consul-Index      "index-zero"  the truth under index 0
    "half-json"    200 with half of the true body        "null"        200 with JSON null
    """

    INDEX_HEADER = "X-Consul-Index"

    def __init__(self):
        self.instances = {}  # id -> dict
        self.index, self.index_lost = 100, 0
        self.kind, self.lied_about = None, ""
        self.changed = threading.Condition()
        self.queries = []  # (seconds since start, target)
        self.started = time.monotonic()
        self.server = Upstream(serve=self.serve, name="catalog")
        self.url = self.server.url

    def stop(self):
        self.tell_truth()
        self.server.stop()

    # the truth

    def register(self, id, name, port, tags=(), address="127.0.0.1", status="passing"):
        with self.changed:
            self.index += 1
            self.instances[id] = {"ID": id, "Service": name, "Port": port, "Tags": list(tags), "Address": address,
                                  "Status": status, "Index": self.index}
            self.changed.notify_all()

    def deregister(self, *ids):
        with self.changed:
            self.index += 1
            for id in ids:
                del self.instances[id]
            self.changed.notify_all()

    def lie(self, kind, about=""):
        """Only to queries whose target has `about` in it."""
        with self.changed:
            self.kind, self.lied_about = kind, about
            self.index += 1
            self.changed.notify_all()

    def tell_truth(self):
        with self.changed:
            self.kind = None
            self.index += 1
            self.changed.notify_all()

    def lose_index(self):
        """From now on every index is lower than before, as after a restart without data. Wakes nobody."""
        with self.changed:
            self.index_lost = self.index - 5

    def queries_since(self, mark):
        return [target for at, target in self.queries if at >= mark]

    def now(self):
        return time.monotonic() - self.started

    # answers

    def serve(self, sock, reader):
        while True:
            request = read_request(reader)
            if request is None or not self.serve_one(sock, request):
                return

    def serve_one(self, sock, request):
        """False: the connection is to end."""
        self.queries.append((self.now(), request.target))
        if not self.admits(request):
            sock.sendall(response(403, "Permission denied", reason="Forbidden"))
            return True
        body, index = self.answer(request.target)
        kind = self.kind_for(request.target)
        if kind == "hang":
            self.server.released.wait()
            return False
        if kind == "reset":
            reset(sock)
            return False
        if body is None:
            sock.sendall(response(404, "", reason="Not Found"))
            return True
        sock.sendall(self.bytes_of(kind, body, index))
        return kind != "cut"

    def kind_for(self, target):
        return self.kind if self.lied_about in target else None

    def admits(self, _request):
        return True

    def bytes_of(self, kind, body, index):
        text = json.dumps(body)
        headers = [("Content-Type", "application/json"), ("X-Consul-Knownleader", "true"),
                   ("X-Consul-Lastcontact", "0")]
        if kind == "500":
            return response(500, "No cluster leader", reason="Internal Server Error")
        if kind == "html":
            return response(200, "<html><body>hello</body></html>", [("Content-Type", "text/html")])
        if kind == "half-json":
            text = text[:max(1, len(text) // 2)]
        if kind == "null":
            text = "null"
        if kind == "empty":
            text = "{}" if isinstance(body, dict) else "[]"
        shown = {"index-zero": 0, "no-index": None}.get(kind, index)
        if shown is not None:
            headers.append((self.INDEX_HEADER, shown))
        data = response(200, text, headers)
        return data[:-max(1, len(text) // 2)] if kind == "cut" else data

    def answer(self, target):
        """(body or None, index), after the wait that a blocking query asks for."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        asked = int(query.get("index", ["0"])[0] or 0)
        end = time.monotonic() + seconds(query.get("wait", [""])[0])
        with self.changed:
            index_at_start = self.index
            while True:
                body, index = self.look_up(unquote(parts.path))
                index = max(1, index - self.index_lost)
                remaining = end - time.monotonic()
                # A lie is told at once, but for one that looks like the truth. A query from the future waits like any
                # other, as with the real one.
                if asked == 0 or index > asked or self.index != index_at_start or body is None or \
                        self.kind_for(target) not in (None, "empty") or remaining <= 0 or self.server.released.is_set():
                    return body, index
                self.changed.wait(remaining)

    def look_up(self, path):
        if path == "/v1/catalog/services":
            services = {"consul": []}
            for instance in self.instances.values():
                tags = services.setdefault(instance["Service"], [])
                tags += [t for t in instance["Tags"] if t not in tags]
            return services, self.index
        match = re.fullmatch(r"/v1/health/service/(.+)", path)
        if match:
            return [self.row(i) for i in self.instances.values() if i["Service"] == match.group(1)], self.index
        if path == "/v1/catalog/nodes":
            return [self.node()], 1
        if path == "/v1/health/state/any":
            return [c for i in self.instances.values() for c in self.row(i)["Checks"]], self.index
        if path == "/v1/agent/self":
            return {"Config": {"Datacenter": "dc1", "NodeName": "liar", "Version": "1.8.7"}}, 1
        if path == "/v1/status/leader":
            return "127.0.0.1:8300", 1
        if path == "/v1/catalog/datacenters":
            return ["dc1"], 1
        return None, 1

    def node(self):
        return {"ID": "", "Node": "liar", "Address": "127.0.0.1", "Datacenter": "dc1", "TaggedAddresses": None,
                "Meta": {}, "CreateIndex": 1, "ModifyIndex": 1}

    def row(self, instance):
        check = {"Node": "liar", "CheckID": "service:" + instance["ID"], "Name": "check", "Status": instance["Status"],
                 "Notes": "", "Output": "", "ServiceID": instance["ID"], "ServiceName": instance["Service"],
                 "ServiceTags": instance["Tags"], "Type": "ttl", "Definition": {},
                 "CreateIndex": instance["Index"], "ModifyIndex": instance["Index"]}
        return {"Node": self.node(),
                "Service": {"ID": instance["ID"], "Service": instance["Service"], "Tags": instance["Tags"],
                            "Address": instance["Address"], "Port": instance["Port"], "Meta": {},
                            "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": False,
                            "CreateIndex": instance["Index"], "ModifyIndex": instance["Index"]},
                "Checks": [check]}


class LyingNomad(LyingCatalog):
    """The same for Nomad's native services: every change moves one index, that of the table. `token` admits only those
    who send it."""

    INDEX_HEADER = "X-Nomad-Index"

    def __init__(self, namespace="default"):
        self.namespace, self.token = namespace, ""
        super().__init__()

    def admits(self, request):
        return not self.token or request.header("x-nomad-token") == self.token

    def answer(self, target):
        asked = parse_qs(urlsplit(target).query).get("namespace", ["default"])[0]
        body, index = super().answer(target)
        return (body if asked == self.namespace else []), index

    def look_up(self, path):
        if path == "/v1/services":
            services = {}
            for instance in self.instances.values():
                services.setdefault(instance["Service"], set()).update(instance["Tags"])
            rows = [{"ServiceName": name, "Tags": sorted(tags)} for name, tags in sorted(services.items())]
            return ([{"Namespace": self.namespace, "Services": rows}] if rows else []), self.index
        match = re.fullmatch(r"/v1/service/(.+)", path)
        if match:
            return [self.row(i) for i in self.instances.values() if i["Service"] == match.group(1)], self.index
        return None, 1

    def row(self, instance):
        return {"ID": instance["ID"], "ServiceName": instance["Service"], "Namespace": self.namespace,
                "NodeID": "0000-node", "Datacenter": "dc1", "JobID": "job", "AllocID": "alloc",
                "Tags": instance["Tags"], "Address": instance["Address"], "Port": instance["Port"],
                "CreateIndex": instance["Index"], "ModifyIndex": instance["Index"]}


class LyingDatacenters:
    """Several datacenters behind one address, as Consul forwards queries with dc=: each a LyingCatalog."""

    def __init__(self, *names):
        self.catalogs = {name: LyingCatalog() for name in names}
        self.server = Upstream(serve=self.serve, name="datacenters")
        self.url = self.server.url

    def __getitem__(self, name):
        return self.catalogs[name]

    def stop(self):
        for catalog in self.catalogs.values():
            catalog.stop()
        self.server.stop()

    def serve(self, sock, reader):
        while True:
            request = read_request(reader)
            if request is None:
                return
            name = parse_qs(urlsplit(request.target).query).get("dc", ["dc1"])[0]
            if name not in self.catalogs:
                sock.sendall(response(500, "No path to datacenter", reason="Internal Server Error"))
            elif not self.catalogs[name].serve_one(sock, request):
                return
