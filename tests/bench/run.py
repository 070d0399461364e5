#!/usr/bin/env python3
"""scripts/bench [W1 W2 ... soak] [--peers a,b] [--quick] [--json FILE] [--report FILE.html] [--soak-minutes N]

Measures Weir, a floor (a relay that parses nothing) and other proxies with the same work, in the same blocks. Without
workloads: all but soak. --peers none: only the floor. docs/bench.md says how and why.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "integration")]

import machine  # noqa: E402  (the path first)
from measure import Pace, Wrong  # noqa: E402
from more_peers import Caddy, Envoy, H2o, Nghttpx, Traefik  # noqa: E402
from peers import HAProxy, Nginx, WeirEdge  # noqa: E402
import attacks  # noqa: E402
import changes  # noqa: E402
import latency  # noqa: E402
import parts  # noqa: E402
import report  # noqa: E402
import tls_traffic  # noqa: E402
import traffic  # noqa: E402

PEERS = {peer.name: peer for peer in (Nginx(), HAProxy(), H2o(), Nghttpx(), Caddy(), Traefik(), Envoy())}
WORKLOADS = {
    "W1": traffic.w1, "W2": traffic.w2, "W3": tls_traffic.w3, "W4": tls_traffic.w4, "W5": traffic.w5,
    "W6": tls_traffic.w6, "W7": traffic.w7, "W8": traffic.w8, "W9": traffic.w9, "W10": parts.w10,
    "W10tls": parts.w10_tls, "W11": latency.w11, "W12": changes.w12, "W13": changes.w13, "W14": traffic.w14,
    "W15": parts.w15, "W16": parts.w16, "attacks": attacks.attacks, "soak": changes.soak,
}
NOT_BY_DEFAULT = {"soak"}


class Bench:
    """What a workload needs to know of this run."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.pace = Pace.of(arguments.quick)
        if arguments.blocks:
            self.pace.blocks = arguments.blocks
        self.top = folder

    def folder(self, name):
        path = os.path.join(self.top, name.replace(" ", "-"))
        os.makedirs(path, exist_ok=True)
        return path

    def peers(self, *names):
        """Those that were asked for; of `names` only, where given."""
        return [PEERS[name] for name in self.arguments.peers if not names or name in names]

    def say(self, text):
        print(text, file=sys.stderr, flush=True)


def versions(names):
    found = {"weir": WeirEdge().version()}
    for name in names:
        try:
            found[name] = PEERS[name].version()
        except (FileNotFoundError, OSError) as error:
            found[name] = f"not there: {error}"
    return found


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n\n")[1])
    parser.add_argument("workloads", nargs="*", metavar="W1", help=", ".join(WORKLOADS))
    parser.add_argument("--peers", default="nginx,haproxy", help="of " + ",".join(PEERS) + "; all; none")
    parser.add_argument("--quick", action="store_true", help="short slices")
    parser.add_argument("--blocks", type=int, help="how many blocks instead of the usual number")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--report", metavar="FILE.html")
    parser.add_argument("--picture", metavar="FILE.svg", help="the picture of the first workload alone")
    parser.add_argument("--soak-minutes", type=float, default=30)
    arguments = parser.parse_args()
    arguments.peers = {"all": list(PEERS), "none": []}.get(arguments.peers, arguments.peers.split(","))
    for name in arguments.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload {name}: there are {', '.join(WORKLOADS)}")
    for name in arguments.peers:
        if name not in PEERS:
            parser.error(f"no peer {name}: there are {', '.join(PEERS)}")
    arguments.workloads = arguments.workloads or [name for name in WORKLOADS if name not in NOT_BY_DEFAULT]
    return arguments


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that everything is put back
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    results, failed = [], False
    with machine.cubic_congestion_control() as congestion:
        about = {"machine": machine.describe(congestion, machine.ask_for_precedence()),
                 "versions": versions(arguments.peers),
                 "command": "scripts/bench " + " ".join(sys.argv[1:]), "quick": arguments.quick,
                 "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M")}
        print(json.dumps(about, indent=1), flush=True)
        bench = Bench(arguments, folder)
        for name in arguments.workloads:
            bench.say(f"==> {name}: {WORKLOADS[name].__doc__}")
            try:
                found = WORKLOADS[name](bench)
            except (Wrong, AssertionError, OSError) as error:
                print(f"{name} failed: {error}", flush=True)
                failed = True
                continue
            results += found
            for result in found:
                print(result.as_text(), flush=True)
    report.write_reports(arguments, about, results)
    if failed:
        print(f"logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
