"""What the numbers depend on: CPUs, the kernel, its congestion control, who else is running."""

import contextlib
import os
import platform
import re
import signal
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"
# The proxy has a CPU of its own; client and upstream share another.
PROXY_CPU = min(os.sched_getaffinity(0))
LOAD_CPU = max(os.sched_getaffinity(0))
NICENESS = -15
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


@contextlib.contextmanager
def cubic_congestion_control():
    """cubic for everybody while we measure, where it may be set: BBR paces with timers, which costs what no proxy does.
    What was set before comes back."""
    before = read(CONGESTION)
    try:
        with open(CONGESTION, "w", encoding="ascii") as file:
            file.write("cubic")
    except OSError:
        pass
    try:
        yield read(CONGESTION)
    finally:
        if read(CONGESTION) != before:
            with open(CONGESTION, "w", encoding="ascii") as file:
                file.write(before)


def ask_for_precedence():
    """Before other programs of the machine, where we may: everything that the bench starts inherits it."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    # Where the scheduler groups by session, niceness counts within a session only, and the session has its own.
    with contextlib.suppress(OSError):
        if os.getpid() != os.getpgrp():
            os.setsid()
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(NICENESS))
    return os.getpriority(os.PRIO_PROCESS, 0)


def pinned(cpu, command):
    return ["taskset", "-c", str(cpu), *map(str, command)]


def busy_seconds():
    """(seconds that all CPUs have worked, seconds the hypervisor has taken)."""
    user, nice, system, _, _, irq, softirq, steal = [int(n) for n in read("/proc/stat").split("\n")[0].split()[1:9]]
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND, steal / TICKS_PER_SECOND


def cpu_ns(pid):
    """Of one process, all its threads."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return sum(int(read(f"/proc/{pid}/task/{task}/schedstat").split()[0]) for task in tasks)
    except OSError:
        return 0


def cpu_seconds(pid):
    return cpu_ns(pid) / 1e9


def memory_bytes(pid):
    """The process's part of all that it maps (PSS): of several that share pages each has a share."""
    return smaps_bytes(pid, "Pss")


def own_memory_bytes(pid):
    """What is no file's: unlike PSS it does not move when others come or go that map the same libraries."""
    return smaps_bytes(pid, "Anonymous")


def smaps_bytes(pid, name):
    return 1024 * int(re.search(rf"^{name}:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M).group(1))


def tree(pid):
    """The process and all below it."""
    pids = [pid]
    for parent in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                pids += map(int, read(f"/proc/{parent}/task/{task}/children").split())
    return pids


def end(process):
    """kill -9 for the process and all below it: nginx's workers outlive a master that is killed."""
    for pid in tree(process.pid)[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()


def describe(congestion, niceness):
    model = re.search(r"model name\s*:\s*(.+)", read("/proc/cpuinfo"))
    system = re.search(r'PRETTY_NAME="(.+)"', read("/etc/os-release"))
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cpus": os.cpu_count(),
        "proxy_cpu": PROXY_CPU,
        "load_cpu": LOAD_CPU,
        "kernel": platform.release(),
        "system": system.group(1) if system else "",
        "congestion_control": congestion,
        "niceness": niceness,
        "commit": commit.stdout.strip(),
    }
