"""Paired measurements: every peer once a block, in random order, so that what disturbs one disturbs its neighbours."""

import dataclasses
import json
import os
import random
import subprocess
import time

from figures import bootstrap, ratios
from harness.processes import Process, become_child
from harness.wait import wait_for
import machine
import peers

FOREIGN_SHARE_MAX = 0.02


class Wrong(Exception):
    """A peer answered wrongly or not at all: nothing of it may be compared."""


@dataclasses.dataclass
class Pace:
    """How long everything takes. Many short blocks beat few long ones where others use the machine."""
    blocks: int
    warm_s: float
    slice_s: float
    # A block in which others used more of the CPUs is measured again, as often as there are blocks.
    foreign_share_max: float = 1.0

    @staticmethod
    def of(quick):
        return Pace(24, 0.2, 0.5) if quick else Pace(14, 2.0, 5.0, FOREIGN_SHARE_MAX)


def start_upstream(folder, *flags, name="upstream"):
    """(process, its first port)"""
    command = [os.path.join(peers.PROGRAMS, "bench-upstream"), *flags]
    log = os.path.join(folder, f"{name}.log")
    if os.path.exists(log):
        os.remove(log)
    process = Process(machine.pinned(machine.LOAD_CPU, command), log)

    def port():
        lines = [line for line in process.log().splitlines() if line.startswith("port ")]
        return int(lines[0].split()[1]) if lines else 0
    return process, wait_for(port, 10, "the upstream's port")


def load_command(port, *flags, program="bench-load"):
    return machine.pinned(machine.LOAD_CPU, [os.path.join(peers.PROGRAMS, program), "--port", port, *flags])


def run_load(name, port, *flags, pids=(), program="bench-load"):
    """What the program counted, a dictionary a slice; Wrong when an answer was not right."""
    command = load_command(port, *flags, program=program)
    for pid in pids:
        command += ["--cpu-of", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=become_child, timeout=7200)
    if done.returncode != 0:
        raise Wrong(f"{name}: {done.stderr.strip() or f'{program} failed'}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Samples:
    """Of each peer one number a block, and what else was on the machine."""

    def __init__(self):
        self.values = {}
        self.slices = {}
        self.foreign = []
        self.steal = []
        self.repeats = 0

    def add(self, name, value, one_slice):
        self.values.setdefault(name, []).append(value)
        self.slices.setdefault(name, []).append(one_slice)


class Disturbance:
    """CPU time of others while we measured: everything that was used less what is ours, as a share of all CPUs."""

    def __init__(self, pids):
        self.pids = pids
        self.started = self.now()

    def now(self):
        busy, steal = machine.busy_seconds()
        own = os.times()
        ours = sum(machine.cpu_seconds(pid) for root in self.pids for pid in machine.tree(root))
        return busy - ours - sum(own[:4]), steal, time.monotonic()

    def share(self):
        foreign, steal, at = (now - then for now, then in zip(self.now(), self.started))
        return max(0.0, foreign / at / os.cpu_count()), steal / at / os.cpu_count()


def bench_load(one, pace, flags):
    """One slice of bench-load, its answers and the proxy's CPU time."""
    return run_load(one.name, one.port, "--warm", pace.warm_s, "--seconds", pace.slice_s, *flags, pids=[one.pid])[-1]


def compare(running, pace, cost, load_flags, upstream_pid, say=lambda text: None, load=bench_load):
    """Samples of `cost(slice)` for every started proxy, pace.blocks of each; `load` makes the traffic of a slice."""
    samples, repeats_left = Samples(), pace.blocks
    samples.values = {one.name: [] for one in running}  # in this order
    while len(samples.foreign) < pace.blocks:
        block, foreign, steal = measure_block(running, pace, load_flags, upstream_pid, load)
        values = ", ".join(f"{one.name} {cost(block[one.name]):.2f}" for one in running)
        say(f"block {len(samples.foreign) + 1} of {pace.blocks}: {values}; others {foreign:.0%} of the CPUs")
        if foreign > pace.foreign_share_max and repeats_left > 0:
            repeats_left -= 1
            say("measured again: others disturbed it")
            continue
        for name, one_slice in block.items():
            samples.add(name, cost(one_slice), one_slice)
        samples.foreign.append(foreign)
        samples.steal.append(steal)
    samples.repeats = pace.blocks - repeats_left
    return samples


def measure_block(running, pace, load_flags, upstream_pid, load):
    """({name: slice}, share of the CPUs that others used, share that the hypervisor took)"""
    block, disturbance = {}, Disturbance([upstream_pid, *(one.pid for one in running)])
    for one in random.sample(running, len(running)):
        flags = load_flags(one) if callable(load_flags) else load_flags
        block[one.name] = load(one, pace, flags)
        if block[one.name]["bytes"] == 0:
            raise Wrong(f"{one.name}: no answer at all")
    return block, *disturbance.share()


def ratio_row(samples, top, bottom):
    """(median, low, high) of top / bottom over the blocks."""
    return bootstrap(ratios(samples.values[top], samples.values[bottom]))
