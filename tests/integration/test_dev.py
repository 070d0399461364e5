"""weir dev: everything in one process, and what becomes of its tasks."""

import os
import signal

from harness.processes import run_weir
from harness.test import takes
from harness.wait import wait_for

JOB = """
job "lasting" {{
  group "g" {{
    task "t" {{
      driver       = "raw_exec"
      kill_timeout = "{patience}"
      config {{
        command = "/bin/sh"
        args    = ["-c", "{first} echo $$ > {pid}; sleep 1000 & wait"]
      }}
    }}
  }}
}}
"""


def start(t, *arguments, env=None):
    addresses = [part for name in ("entrypoint", "admin", "registry", "dns", "scheduler")
                 for part in (f"--{name}", "127.0.0.1:0")]
    return t.weir("dev", *addresses, *arguments, env=env)


def run_job(t, dev, name, patience="5s", first=""):
    """The process of its task, which has a child."""
    path = t.path(name)
    job = t.write(f"{name}.nomad", JOB.format(pid=path, patience=patience, first=first))
    ended, out, error = run_weir("job", "run", job, env={"NOMAD_ADDR": f"http://{dev.ready['scheduler']}"})
    assert ended == 0, out + error
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the task runs")
    with open(path, encoding="ascii") as file:
        return int(file.read())


def group_of(pid):
    """Those of its process group that run."""
    found = []
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{one}/stat", encoding="ascii", errors="replace") as file:
                state, _, group = file.read().rsplit(") ", 1)[1].split()[:3]
        except OSError:
            continue
        if int(group) == pid and state != "Z":
            found.append(int(one))
    return found


def supervisors_in(folder):
    found = []
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{one}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
        except OSError:
            continue
        if "task-supervisor" in words and folder in words:
            found.append(int(one))
    return found


@takes(90)
def test_temporary_folder(t):
    """without --data-dir the tasks end with it, and its folder goes"""
    folder = t.path("tmp", "")
    dev = start(t, env={"TMPDIR": folder})
    pid = run_job(t, dev, "short")
    assert len(group_of(pid)) == 2 and supervisors_in(folder)
    dev.stop(30)
    assert not group_of(pid), "the task and its child"
    wait_for(lambda: not supervisors_in(folder), 10, "the supervisor has ended")
    assert os.listdir(folder) == []


@takes(90)
def test_second_signal(t):
    """a second signal ends the tasks too: those that take their time to end are killed"""
    folder = t.path("tmp", "")
    dev = start(t, env={"TMPDIR": folder})
    pid = run_job(t, dev, "stubborn", patience="30s", first="trap '' INT TERM;")
    dev.signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in dev.log(), 10, "the first signal has come")
    assert len(group_of(pid)) == 2
    assert dev.stop(20) == 0
    assert not group_of(pid) and not supervisors_in(folder) and os.listdir(folder) == []


@takes(90)
def test_data_folder(t):
    """with --data-dir the tasks live on, for whoever comes next with that folder"""
    dev = start(t, "--data-dir", t.path("data", ""))
    pid = run_job(t, dev, "long")
    try:
        dev.stop(30)
        assert len(group_of(pid)) == 2
    finally:
        os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: not supervisors_in(t.folder), 10, "the supervisor has ended")


def test_addresses(t):
    """its edge may have no admin API and a name for its entry point, as weir edge takes it"""
    dev = t.weir("dev", "--entrypoint", "shop=127.0.0.1:0", "--admin", "", "--registry", "127.0.0.1:0", "--dns", "",
                 "--scheduler", "127.0.0.1:0")
    assert list(dev.ready["entrypoints"]) == ["shop"] and "admin" not in dev.ready and "dns" not in dev.ready, dev.ready
    assert dev.stop() == 0
