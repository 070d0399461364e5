#!/usr/bin/env python3
"""What scripts/demo runs when everything is built; its options are listed by scripts/demo --help."""

import argparse
import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(sys.path[0], "integration"))

from demo import claim, ports  # noqa: E402  (the path first)
from demo.check import Check  # noqa: E402
from demo.cluster import CannotStart, Cluster, Settings  # noqa: E402
from demo.show import Show  # noqa: E402
from demo.tasks import kill_leftovers  # noqa: E402

NODES = 3


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="Builds Weir and runs all of it on this machine: a registry, a scheduler, "
        "three nodes with an edge each, and three services as jobs. Stays in the foreground; Ctrl-C stops everything.")
    parser.add_argument("--check", action="store_true",
                        help="do everything the demo is for by itself, under constant load, print a table and exit "
                        "with 0 only if all held; runs beside a demo, since it takes free ports and addresses")
    parser.add_argument("--data-dir", metavar="DIR", help="keep data and logs there (otherwise a temporary folder that "
                        "goes at the end, but for a check that failed)")
    parser.add_argument("--http-port", type=int, default=8080, metavar="PORT", help="of the edges (8080)")
    parser.add_argument("--admin-port", type=int, default=8081, metavar="PORT", help="of the edges' admin API (8081)")
    parser.add_argument("--registry-port", type=int, default=8500, metavar="PORT", help="of the registry (8500)")
    parser.add_argument("--dns-port", type=int, default=8600, metavar="PORT", help="of the registry's DNS (8600)")
    parser.add_argument("--scheduler-port", type=int, default=4646, metavar="PORT", help="of the scheduler (4646)")
    return parser.parse_args()


def demo_settings(options, data_dir):
    hosts = [f"127.0.0.{number}" for number in range(1, NODES + 1)]
    return Settings(data_dir, hosts, f"127.0.0.1:{options.registry_port}", f"127.0.0.1:{options.scheduler_port}",
                    options.http_port, options.admin_port, f"127.0.0.1:{options.dns_port}")


def check_settings(data_dir):
    """Nodes with addresses of their own: not even the dynamic ports of a demo, or of another check, are near."""
    network = f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
    hosts, taken = [f"{network}.{number}" for number in range(1, NODES + 1)], set()
    registry, dns, scheduler = (f"{hosts[0]}:{ports.free_port(hosts, taken)}" for _ in range(3))
    return Settings(data_dir, hosts, registry, scheduler, ports.free_port(hosts, taken), ports.free_port(hosts, taken),
                    dns)


def run_check(options):
    data_dir = options.data_dir or tempfile.mkdtemp(prefix=claim.PREFIX + "check-")
    cluster = Cluster(check_settings(data_dir))
    kill_leftovers(cluster.settings.data_dir)
    if os.path.isdir(data_dir) and os.listdir(data_dir):
        raise CannotStart(f"{data_dir} is not empty; the check starts from nothing")
    cluster.prepare()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop_check)
    held = Check(cluster).run()
    if held and not options.data_dir:
        cluster.remove_data()
    return 0 if held else 1


def run_demo(options):
    if options.data_dir:
        cluster = Cluster(demo_settings(options, options.data_dir))
        cluster.prepare()
        return Show(cluster, keep_data=True).run()
    ended = claim.end_abandoned()
    if ended:
        print(f"==> an earlier demo was killed: {ended} processes that it has left are ended", flush=True)
    cluster = Cluster(demo_settings(options, tempfile.mkdtemp(prefix=claim.PREFIX)))
    claimed = claim.Claim(cluster.settings.data_dir)
    try:
        cluster.prepare()
        return Show(cluster, keep_data=False).run()
    except CannotStart:
        cluster.remove_data()
        raise
    finally:
        claimed.release()


class Stopped(Exception):
    """By Ctrl-C or SIGTERM; the clean-up follows."""


def stop_check(*_):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped()


def main():
    options = parse()
    try:
        if options.check:
            return run_check(options)
        return run_demo(options)
    except CannotStart as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
