#!/usr/bin/env python3
"""tests/differential/run.py [--traefik FILE] [--fabio FILE] [--random N] [--seed N] [WORD]: the same tags, in one
Consul, read by Traefik or fabio and by Weir; their routes and answers are compared. docs/differential.md."""

import argparse
import os
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "integration")]

from harness import upstreams  # noqa: E402  (the path first)
from harness.http import put_json, request  # noqa: E402
from harness.test import Test  # noqa: E402
from harness.wait import NotInTime, wait_for  # noqa: E402
from programs import Fabio, Traefik, WeirEdge  # noqa: E402
import cases  # noqa: E402
import fabio_cases  # noqa: E402
import fabio_user_cases  # noqa: E402
import random_cases  # noqa: E402
import user_cases  # noqa: E402

UPSTREAMS = 12
SETTLE_S = 1.5


class Stage:
    """A Consul, upstreams, and the two programs that are compared."""

    def __init__(self, t, peer_of, options):
        self.consul = t.consul()
        self.ups = [t.ends(upstreams.Upstream(name=f"up{i}")) for i in range(UPSTREAMS)]
        self.round = 0
        self.ids = []
        self.sentinel_tags = options.get("sentinel_tags", [])
        self.weir = WeirEdge(t, self.consul.url, options)
        self.peer = peer_of(t, self.consul.url, options)

    def register(self, one, port):
        tags = [tag.replace("@a", str(port)).replace("@b", str(self.ups[-1].port)) for tag in one["tags"]]
        body = {"ID": one["id"], "Name": one["name"], "Address": one["address"], "Port": one["port"] or port,
                "Tags": tags}
        statuses = one["checks"] if one["checks"] is not None else [one["status"]] if one["status"] else []
        body["Checks"] = [{"CheckID": f"{one['id']}-{i}", "TTL": "60m", "Status": status}
                          for i, status in enumerate(statuses)]
        put_json(self.consul.url, "/v1/agent/service/register", body)
        self.ids.append(one["id"])

    def deregister(self, service_id):
        request(self.consul.url, "PUT", f"/v1/agent/service/deregister/{service_id}")

    def set(self, case):
        """The case's services and no others, seen by both."""
        for service_id in self.ids:
            self.deregister(service_id)
        self.ids = []
        # One command stays: Weir holds a tree that becomes empty (docs/routing.md), fabio does not.
        commands = ((case["kv"] or "") + "\nroute add keep keep.test/ http://127.0.0.1:@b/")
        commands = commands.replace("@b", str(self.ups[-1].port))
        request(self.consul.url, "PUT", "/v1/kv/fabio/config", body=commands)
        for i, one in enumerate(case["services"]):
            self.register(one, self.ups[i % (UPSTREAMS - 1)].port)
        self.round += 1
        host = f"sentinel-{self.round}.test"
        tags = [*self.peer.route_tags(host), *self.sentinel_tags]
        put_json(self.consul.url, "/v1/agent/service/register",
                 {"ID": "sentinel", "Name": "sentinel", "Address": "127.0.0.1", "Port": self.ups[0].port, "Tags": tags,
                  "Check": {"TTL": "60m", "Status": "passing"}})
        for program in (self.peer, self.weir):
            wait_for(lambda p=program: p.ask(cases.ask(host + "/"))["status"] == 200, 30, f"{program.name} sees {host}")


def comparable(answer, one):
    out = dict(answer)
    if one.get("any_upstream"):
        out.pop("upstream", None)
        out.pop("host", None)  # which may be the upstream's address
    return out


def differences(stage, case):
    """Lines that tell where the two differ."""
    out = []
    for one in case["asks"]:
        theirs = comparable(stage.peer.ask(one), one)
        ours = comparable(stage.weir.ask(one), one)
        if theirs != ours:
            more = {key: value for key, value in one.items() if key not in ("host", "path")} or ""
            out.append(f"{one['host']}{one['path']} {more}\n      {stage.peer.name}: {theirs}\n      weir: {ours}")
    if stage.peer.name != "traefik":
        return out
    # Weir makes a service of every name, to be referred to: only what Traefik has is compared.
    theirs, disabled = stage.peer.routes()
    ours = stage.weir.routes()
    for name in sorted((theirs.keys() | ours.keys()) - disabled):
        one, other = theirs.get(name), ours.get(name)
        if one and other and case["translated"]:
            one, other = ({**router, "rule": ""} for router in (one, other))
        if one != other:
            out.append(f"router {name}\n      traefik: {theirs.get(name)}\n      weir: {ours.get(name)}")
    servers, own = stage.peer.servers(), stage.weir.servers()
    for name, urls in servers.items():
        if urls != own.get(name):
            out.append(f"service {name}\n      traefik: {urls}\n      weir: {own.get(name)}")
    return out


def judge(stage, case):
    stage.set(case)
    end = time.monotonic() + SETTLE_S
    found = differences(stage, case)
    # The two are not equally quick: a difference counts when it stays. One reading more where there is none.
    while found and time.monotonic() < end:
        time.sleep(0.1)
        found = differences(stage, case)
    if not found:
        time.sleep(0.15)
        found = differences(stage, case)
    return found


def run_group(arguments, peer_of, options, all_cases, folder):
    t = Test(folder)
    failed = 0
    try:
        stage = Stage(t, peer_of, options)
        for case in all_cases:
            if arguments.word not in case["name"]:
                continue
            try:
                found = judge(stage, case)
            except (AssertionError, OSError) as error:
                found = [f"{type(error).__name__}: {error}"]
            if bool(found) == bool(case["differs"]):
                print(f"{'differs on purpose' if found else 'same'}: {case['name']}", flush=True)
                continue
            failed += 1
            print(f"DIFFERENT: {case['name']}", flush=True)
            for line in found or ["it differs no longer"]:
                print("   ", line, flush=True)
            for one in case["services"] if "random" in case["name"] else []:
                print("   ", one["id"], one["checks"] or one["status"], *one["tags"], sep="\n      ", flush=True)
            if case["kv"]:
                print("   ", case["kv"], flush=True)
    finally:
        t.finish()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traefik", metavar="FILE", help="the binary; without it Traefik's cases do not run")
    parser.add_argument("--fabio", metavar="FILE", help="the same of fabio")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="so many random cases more")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("word", nargs="?", default="", help="only cases with this word in their name")
    arguments = parser.parse_args()
    if not arguments.traefik and not arguments.fabio:
        parser.error("neither --traefik nor --fabio: there is nothing to compare with")
    folder = tempfile.mkdtemp(prefix="weir-differential-")
    print(f"logs are in {folder}; --seed {arguments.seed}")
    failed, number = 0, 0
    for binary, peer, groups, make in (
            (arguments.traefik, Traefik, [*cases.GROUPS, *user_cases.GROUPS],
             (random_cases.traefik, random_cases.traefik_wide)),
            (arguments.fabio, Fabio, [*fabio_cases.GROUPS, *fabio_user_cases.GROUPS],
             (random_cases.fabio, random_cases.fabio_wide))):
        if not binary:
            continue
        groups = [*groups, ({}, [one for kind in make for one in kind(arguments.random, arguments.seed)])]
        for options, all_cases in groups:
            number += 1
            failed += run_group(arguments, lambda t, consul, o, b=binary, p=peer: p(t, consul, b, o), options,
                                all_cases, os.path.join(folder, str(number)))
    print(f"{failed} different")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
