#!/usr/bin/env python3
"""Builds and runs every test: scripts/check, the unit test programs under the sanitizers, the integration tests,
the gates of speed (tests/bench/gates.py).

Called by scripts/test, which installs what is needed first. Each program's output goes to build/test-logs; what fails
is printed with its reason. The last line, alone, is "N passed, N failed" (", N skipped" may follow).
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
PROGRAMS_AT_ONCE = 2
UNIT_PROGRAM_SECONDS_MAX = 600
INTEGRATION_FILE_SECONDS_MAX = 900
FAILURE_LINES_SHOWN_MAX = 120

SANITIZER_ENV = {
    "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Tally:
    """What has passed, failed and been skipped so far. Thread-safe."""

    def __init__(self, filters, skips):
        self.filters, self.skips = filters, skips
        self.passed, self.failed, self.skipped = 0, [], []
        self.lock = threading.Lock()

    def wanted(self, name):
        return not self.filters or any(f in name for f in self.filters)

    def skip(self, name):
        """Whether `name` is not to be run; counts it."""
        if not any(s in name for s in self.skips):
            return False
        with self.lock:
            self.skipped.append(name)
            print(f"skip {name} (WEIR_SKIP)", flush=True)
        return True

    def passes(self, name, seconds=None):
        with self.lock:
            self.passed += 1
            if seconds is not None:
                print(f"ok {name} ({seconds:.1f} s)", flush=True)

    def fails(self, name, reason):
        lines = reason.strip().splitlines()
        if len(lines) > FAILURE_LINES_SHOWN_MAX:
            lines = ["..."] + lines[-FAILURE_LINES_SHOWN_MAX:]
        with self.lock:
            self.failed.append(name)
            print("not ok " + name, flush=True)
            for line in lines:
                print("    " + line, flush=True)


def log_path(name):
    os.makedirs(LOGS, exist_ok=True)
    return os.path.join(LOGS, re.sub(r"[^\w.-]", "-", name) + ".log")


def run(command, name, seconds_max, env=None):
    """Returns (exit code or None when it took too long, what it printed). The log keeps both."""
    path = log_path(name)
    with open(path, "wb") as log:
        try:
            code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                  env={**os.environ, **SANITIZER_ENV, **(env or {})}, timeout=seconds_max).returncode
        except subprocess.TimeoutExpired:
            code = None
            log.write(f"\nstopped after {seconds_max} s\n".encode())
    with open(path, encoding="utf-8", errors="replace") as log:
        return code, log.read()


def failure_text(case):
    """What Catch2's XML says about a failed case, as lines."""
    lines = []
    for node in case.iter():
        place = f"{node.get('filename', '')}:{node.get('line', '')}: "
        if node.tag == "Section":
            lines.append(f"  section: {node.get('name')}")
        elif node.tag == "Expression" and node.get("success") == "false":
            original, expanded = node.findtext("Original", "").strip(), node.findtext("Expanded", "").strip()
            lines.append(f"{place}{node.get('type')}( {original} ), with {expanded}")
        elif node.tag in ("Failure", "Exception", "FatalErrorCondition", "Info", "Warning"):
            lines.append(f"{place if node.get('line') else ''}{node.tag}: {(node.text or '').strip()}")
    return "\n".join(lines)


def read_cases(xml_path):
    """(finished cases, the case it was in last or None, whether it came to its end); the XML may end anywhere."""
    parser = ElementTree.XMLPullParser(["start", "end"])
    try:
        with open(xml_path, encoding="utf-8", errors="replace") as file:
            parser.feed(file.read())
    except (OSError, ElementTree.ParseError):
        pass
    finished, running, complete = [], None, False
    try:
        for event, node in parser.read_events():
            complete = event == "end" and node.tag in ("Catch", "Catch2TestRun")
            if node.tag == "TestCase":
                running = node.get("name") if event == "start" else None
                if event == "end":
                    finished.append(node)
    except ElementTree.ParseError:
        pass
    return finished, running, complete


def run_catch(tally, name, command, env=None):
    """One Catch2 program: each of its cases counts."""
    xml_path = log_path(name)[:-len(".log")] + ".xml"
    if os.path.exists(xml_path):
        os.remove(xml_path)
    started = time.monotonic()
    code, output = run(command + ["-r", "xml", "-o", xml_path], name, UNIT_PROGRAM_SECONDS_MAX, env)
    finished, running, complete = read_cases(xml_path)
    good = 0
    for case in finished:
        case_name = f"{name}: {case.get('name')}"
        result = case.find("OverallResult")
        if result is not None and result.get("success") == "true":
            tally.passes(case_name)
            good += 1
        else:
            tally.fails(case_name, failure_text(case))
    if not complete or (code != 0 and good == len(finished)):
        how = f"took more than {UNIT_PROGRAM_SECONDS_MAX} s" if code is None else f"ended with code {code}"
        tally.fails(f"{name}: {running or 'the program itself'}", f"{' '.join(command)} {how}\n{output}")
    elif not finished:
        tally.fails(name, f"{' '.join(command)} ran no test case\n{output}")
    else:
        print(f"   {name}: {good} of {len(finished)} cases passed ({time.monotonic() - started:.1f} s)", flush=True)


def run_plain(tally, name, command, env=None):
    """A test program that counts as one test, by its exit code."""
    started = time.monotonic()
    code, output = run(command, name, UNIT_PROGRAM_SECONDS_MAX, env)
    if code == 0:
        tally.passes(name, time.monotonic() - started)
    else:
        how = f"took more than {UNIT_PROGRAM_SECONDS_MAX} s" if code is None else f"ended with code {code}"
        tally.fails(name, f"{' '.join(command)} {how}\n{output}")


def run_counted(tally, name, command, seconds_max, env=None):
    """A program that prints lines "ok NAME", "not ok NAME", "skip NAME" itself, the reason of a failure above it."""
    code, output = run(command, name, seconds_max, env)
    results, reason = 0, []
    for line in output.splitlines():
        match = re.match(r"(ok|not ok|skip) (.+)", line)
        if not match:
            reason.append(line)
            continue
        results += 1
        kind, test = match.groups()
        if kind == "ok":
            tally.passes(test)
            with tally.lock:
                print(line, flush=True)
        elif kind == "skip":
            with tally.lock:
                tally.skipped.append(test)
                print(line, flush=True)
        else:
            tally.fails(test, "\n".join(reason))
        reason = []
    if code is None or (code != 0 and "\nnot ok " not in "\n" + output) or (results == 0 and not tally.filters):
        how = f"took more than {seconds_max} s" if code is None else f"ended with code {code} and {results} results"
        tally.fails(name, f"{' '.join(command)} {how}\n" + "\n".join(reason))


def build(tally, name, *arguments):
    started = time.monotonic()
    code, output = run([os.path.join(ROOT, "scripts", "build"), *arguments], name, 3600)
    if code == 0:
        tally.passes(name, time.monotonic() - started)
        return True
    interesting = [line for line in output.splitlines() if re.search(r"error|FAILED|undefined reference|ERROR", line)]
    tally.fails(name, "\n".join(interesting[:80] or output.splitlines()))
    return False


def meson_tests(folder):
    """(name, command, suites, env) of every test() of the build."""
    listing = subprocess.run(["meson", "introspect", "--tests", folder], capture_output=True, text=True, check=True)
    for test in json.loads(listing.stdout):
        suites = [s.split(":")[-1] for s in test["suite"]]
        yield test["name"], test["cmd"], suites, test["env"]


def integration_files():
    folder = os.path.join(ROOT, "tests", "integration")
    return sorted(f for f in os.listdir(folder) if re.fullmatch(r"test_\w+\.py", f))


def programs_to_run(tally, folder, suite=None):
    """(name, job) of the test programs of a build; all, or those of one suite."""
    for name, command, suites, env in meson_tests(folder):
        if suite not in suites if suite else "tsan" in suites:  # those are built in build-tsan only
            continue
        label = name if not suite else f"{suite}-{name}"
        # A word of a case's name cannot be known before the program has run: so a filter that names no program runs
        # them all, and counts all their cases.
        if not tally.wanted(label) or tally.skip(label):
            continue
        runner = run_catch if name.startswith("unit-") else run_plain
        yield label, lambda r=runner, n=label, c=command, e=env: r(tally, n, c, e)


def jobs_of(tally):
    """Everything that runs after the builds, longest first."""
    jobs = []
    has_asan = build(tally, "build-asan", "--asan") if not tally.skip("build-asan") else False
    has_release = build(tally, "build-release") if not tally.skip("build-release") else False
    binary = os.environ.get("WEIR_BIN") or os.path.join(ROOT, "build-asan" if has_asan else "build", "weir")
    if os.environ.get("WEIR_BIN") or has_asan or has_release:
        for file in integration_files():
            # The runner inside applies the filters to its tests; a file is left out only when all filters name others.
            command = [sys.executable, "-u", os.path.join("tests", "integration", "run.py"), file, *tally.filters]
            env = {"WEIR_BIN": binary, "WEIR_SKIP": ",".join(tally.skips)}
            jobs.append((file, lambda f=file, c=command, e=env: run_counted(
                tally, f[:-len(".py")], c, INTEGRATION_FILE_SECONDS_MAX, e)))
    if has_release and tally.wanted("gates") and not tally.skip("gates"):
        if build(tally, "build-bench", "bench-programs"):
            gates = [sys.executable, os.path.join("tests", "bench", "gates.py")]
            env = {"WEIR_BIN": os.path.join(ROOT, "build", "weir")}  # what is counted is the release
            jobs.append(("gates", lambda: run_counted(tally, "gates", gates, 300, env)))
    if has_asan:
        folder = os.path.join(ROOT, "build-asan")
        jobs += programs_to_run(tally, folder)
        has_tsan = any("tsan" in suites for _, _, suites, _ in meson_tests(folder))
        if has_tsan and build(tally, "build-tsan", "--tsan", "tsan-tests"):
            jobs += programs_to_run(tally, os.path.join(ROOT, "build-tsan"), "tsan")
    if tally.wanted("check") and not tally.skip("check"):
        check = [os.path.join(ROOT, "scripts", "check")]
        jobs.append(("check", lambda: run_counted(tally, "check", check, 1200)))
    return jobs


def main():
    skips = [s for s in os.environ.get("WEIR_SKIP", "").split(",") if s]
    tally = Tally(sys.argv[1:], skips)
    with concurrent.futures.ThreadPoolExecutor(PROGRAMS_AT_ONCE) as pool:
        for name, future in [(name, pool.submit(job)) for name, job in jobs_of(tally)]:
            try:
                future.result()
            except Exception as error:  # a fault in the runner must be counted, not end the count
                tally.fails(name, f"{type(error).__name__}: {error}")
    for name in tally.failed:
        print(f"failed: {name}")
    if tally.passed + len(tally.failed) == 0:
        tally.failed.append("no test was selected")
        print("no test was selected")
    skipped = f", {len(tally.skipped)} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {len(tally.failed)} failed{skipped}")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
