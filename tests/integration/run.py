#!/usr/bin/env python3
"""tests/integration/run.py FILE... [WORD...]: runs the test_* functions of test_*.py files, one after the other.

A test's name is its file and its docstring's first line. WORDs select the tests whose name contains one of them.
Prints "ok NAME (s)", "not ok NAME" or "skip NAME"; why a test failed, and what its processes logged, stands above it.
WEIR_BIN names the weir to run, WEIR_SKIP=word,word what to skip.
"""

import ctypes
import importlib
import os
import re
import signal
import sys
import time
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)

from harness import processes  # noqa: E402  (the path first)
from harness.test import Test  # noqa: E402

TEST_SECONDS_MAX = 90
PR_SET_CHILD_SUBREAPER = 36


class TookTooLong(Exception):
    """The runner's limit for one test."""


def on_alarm(_signal, _frame):
    raise TookTooLong()


def descendants():
    """Pids below this process. Orphans come to us because we are the subreaper: also a task's supervisor, which
    outlives its agent on purpose."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="latin-1") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
    found, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def end_descendants():
    for _ in range(100):
        pids = descendants()
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.01)


def run_test(name, function, folder):
    """Why it failed, or None."""
    test = Test(folder)
    signal.alarm(getattr(function, "seconds_max", TEST_SECONDS_MAX))
    reason = None
    try:
        function(test)
    except TookTooLong:
        reason = f"took more than {getattr(function, 'seconds_max', TEST_SECONDS_MAX)} s\n{traceback.format_exc()}"
    except (Exception, SystemExit):
        reason = traceback.format_exc()
    finally:
        signal.alarm(0)
    try:
        faults = test.finish()
    except Exception:
        faults = ["the end of the test failed: " + traceback.format_exc()]
    if faults:
        reason = (reason or "") + "\n".join(faults)
    if reason:
        reason += "\n" + test.logs()
    end_descendants()
    return reason


def tests_of(file):
    module = importlib.import_module(file[:-len(".py")])
    for key, function in list(vars(module).items()):
        if key.startswith("test_") and callable(function) and function.__module__ == module.__name__:
            sentence = (function.__doc__ or key).strip().splitlines()[0]
            yield f"{module.__name__}: {sentence}", key, function


def main():
    files = [a for a in sys.argv[1:] if a.endswith(".py")]
    words = [a for a in sys.argv[1:] if not a.endswith(".py")]
    skips = [s for s in os.environ.get("WEIR_SKIP", "").split(",") if s]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    logs = os.path.join(processes.ROOT, "build", "test-logs")
    failed = 0
    try:
        for file in files or sorted(f for f in os.listdir(FOLDER) if re.fullmatch(r"test_\w+\.py", f)):
            for name, key, function in tests_of(os.path.basename(file)):
                if words and not any(w in name or w in key for w in words):
                    continue
                if any(s in name for s in skips):
                    print(f"skip {name}", flush=True)
                    continue
                started = time.monotonic()
                reason = run_test(name, function, os.path.join(logs, os.path.basename(file)[:-3], key))
                if reason:
                    failed += 1
                    print(reason)
                    print(f"not ok {name}", flush=True)
                else:
                    print(f"ok {name} ({time.monotonic() - started:.1f} s)", flush=True)
    finally:
        end_descendants()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
