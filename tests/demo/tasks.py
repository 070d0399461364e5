"""The processes below a demo's data folder that are nobody's children: tasks and their supervisors outlive the agents
by design, so they are found by what names them."""

import os
import signal

from harness.wait import wait_for


class Task:
    """A running task's main process, as its environment describes it."""

    def __init__(self, pid, environment):
        self.pid, self.job = pid, environment.get("NOMAD_JOB_NAME", "")
        self.alloc, self.address = environment.get("NOMAD_ALLOC_ID", ""), environment.get("NOMAD_ADDR_http", "")


def read_words(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read().decode("utf-8", "replace").split("\0")


def is_zombie(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "Z"


def has_ended(pid):
    """Also while it waits for its parent to take note: its files and connections are closed by then."""
    try:
        return is_zombie(pid)
    except OSError:
        return True


def processes():
    """(pid, arguments, environment) of all we may look at."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) == os.getpid() or has_ended(pid):
                continue
            environment = dict(entry.partition("=")[::2] for entry in read_words(pid, "environ"))
            yield int(pid), read_words(pid, "cmdline"), environment
        except OSError:
            continue


def tasks(data_dir):
    """Every running task of the allocations below `data_dir`."""
    inside = data_dir + os.sep
    return [Task(pid, environment) for pid, words, environment in processes()
            if environment.get("NOMAD_ALLOC_DIR", "").startswith(inside) and "task-supervisor" not in words[1:2]]


def leftovers(data_dir):
    """Pids of everything that a demo with this data folder has started: tasks, supervisors, and servers and agents
    whose demo was killed."""
    inside, found = data_dir + os.sep, []
    for pid, words, environment in processes():
        ours = words[1:2] and words[1] in ("task-supervisor", "registry", "scheduler", "agent")
        if environment.get("NOMAD_ALLOC_DIR", "").startswith(inside) or \
                (ours and any(word.startswith(inside) for word in words[2:])):
            found.append(pid)
    return found


def kill_leftovers(data_dir, deadline_s=10):
    """SIGKILL to all of them, until none is left. Returns how many there were at first."""
    first = leftovers(data_dir)

    def none_left():
        for pid in leftovers(data_dir):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not leftovers(data_dir)
    wait_for(none_left, deadline_s, f"nothing runs below {data_dir}")
    return len(first)
