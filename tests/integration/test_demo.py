"""What scripts/demo --check judges by: it sees what goes wrong, counts it where it belongs, leaves nothing running."""

import os
import subprocess
import sys
import time

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from demo import claim, ports, tasks, traffic  # noqa: E402  (the path first)
from demo.ledger import Ledger, Line  # noqa: E402
from demo.steps import Steps  # noqa: E402
from harness.processes import ROOT  # noqa: E402
from harness.upstreams import RefusingPort, Upstream, closing_when_idle, response  # noqa: E402
from harness.wait import wait_for  # noqa: E402


def ask(t, upstream, route, times=1):
    """What the load writes of `times` requests of one client."""
    path = t.path("asked.tsv")
    client = traffic.Client(upstream.address, route, 1, 0, None, None)
    for _ in range(times):
        traffic.Writer(path).write(client.ask())
    return Ledger(path).all()[-times:]


def answering(t, body, status=200):
    return t.ends(Upstream(answer=lambda _: response(status, body)))


def test_right_answers(t):
    """an answer of 200 with the right body is none that failed, and says who gave it"""
    backend = answering(t, '{"service": "backend", "allocation": "a", "address": "127.0.0.1:1"}')
    get, _, _, post = ask(t, backend, traffic.Backend(), 4)
    assert (get.failure, get.by, get.status, get.method) == ("", "127.0.0.1:1", 200, "GET"), get
    assert (post.failure, post.method) == ("", "POST") and backend.requests[3].body == b"a body", post


def test_wrong_answers(t):
    """every other answer is a failed request: another status, a wrong number, a page without a backend, half a page"""
    line, = ask(t, answering(t, "503 Service Unavailable\n", 503), traffic.Backend())
    assert line.status == 503 and line.failure, line
    line, = ask(t, answering(t, '{"n": 1, "fib": 12345678, "by": {"address": "x"}}'), traffic.Fib())
    assert line.status == 200 and "not fib" in line.failure, line
    page = '<!doctype html><script id="answer">{"frontend": {"service": "frontend"}, "backend": null}</script></html>'
    line, = ask(t, answering(t, page), traffic.Frontend())
    assert "no backend" in line.failure, line
    line, = ask(t, answering(t, page[:-10]), traffic.Frontend())
    assert "no whole page" in line.failure, line


def test_lost_connections(t):
    """a connection that is refused, or closed between two requests, is a failed request and not made again quietly"""
    line, = ask(t, t.ends(RefusingPort()), traffic.Backend())
    assert line.status is None and "Refused" in line.failure, line
    upstream = t.ends(closing_when_idle())
    upstream.answer_ok = lambda _: response(200, '{"service": "backend", "allocation": "a", "address": "x"}')
    first, second = ask(t, upstream, traffic.Backend(), 2)
    assert not first.failure and second.failure, (first, second)


def test_steps(t):
    """a failed request counts for the step during which it ended; what a rule names counts apart"""
    path = t.path("ledger.tsv")
    steps = Steps(Ledger(path))
    steps.rules.append(lambda line: "unsafe" if line.method == "POST" else None)
    writer = traffic.Writer(path)

    def note(method, failure):
        now = time.monotonic()
        writer.write(Line("backend", "edge", method, now, now, 502 if failure else 200, "", failure))
    with steps.step("one"):
        note("GET", "")
        note("POST", "status 502:\n\tbad")
    with steps.step("two"):
        note("GET", "status 502")
        writer.write(Line("websocket", "edge", "GET", time.monotonic(), time.monotonic(), None, "", "gone"))
    steps.count()
    one, two = steps.rows
    assert (one.requests, one.failures, list(one.apart)) == (2, [], ["unsafe"])
    assert two.requests == 1 and [line.failure for line in two.failures] == ["status 502"]
    assert "1 unsafe" in steps.table().splitlines()[2]


def test_leftovers(t):
    """tasks are found by their environment, whoever is their parent, and ended"""
    folder = t.path("data", "")[:-1]
    task = subprocess.Popen(["sleep", "600"], env={"NOMAD_ALLOC_DIR": f"{folder}/node-1/alloc/a/alloc",
                                                   "NOMAD_JOB_NAME": "fib", "NOMAD_ADDR_http": "127.0.0.1:1"})
    other = t.start(["sleep", "600"], env={"NOMAD_ALLOC_DIR": folder + "-other/alloc"})
    wait_for(lambda: tasks.tasks(folder), 5, "the task is found")
    found, = tasks.tasks(folder)
    assert (found.pid, found.job, found.address) == (task.pid, "fib", "127.0.0.1:1")
    assert tasks.kill_leftovers(folder) == 1 and task.wait(5) == -9
    assert other.running() and tasks.leftovers(folder) == []


def test_killed_demo(t):
    """what a demo that was killed has left running is ended by the next; what another one or the user needs stays"""
    def folder_of(name):
        folder = t.path(claim.PREFIX + name, "")[:-1]
        task = t.start(["sleep", "600"], env={"NOMAD_ALLOC_DIR": f"{folder}/node-1/alloc", "NOMAD_JOB_NAME": "fib"})
        wait_for(lambda: len(tasks.tasks(folder)) == 1, 5, "the task is found")
        return folder, task
    (killed, of_killed), (used, of_used), (kept, of_kept) = (folder_of(name) for name in ("killed", "used", "kept"))
    claim.Claim(killed).file.close()  # as a process that ends does
    in_use = claim.Claim(used)
    claim.Claim(kept).release()
    assert claim.end_abandoned(t.folder) == 1 and of_killed.wait(5, "it is ended") == -9
    assert not os.path.exists(killed) and os.path.exists(used) and os.path.exists(kept)
    assert of_used.running() and of_kept.running()
    in_use.release()
    assert claim.end_abandoned(t.folder) == 0 and of_used.running()


def test_taken_port(t):
    """a port that is taken is said with who has it, before anything is started"""
    upstream = t.ends(Upstream())
    assert not ports.is_free(upstream.host, upstream.port)
    data_dir = t.path("demo", "")
    result = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "demo", "run.py"), "--data-dir", data_dir,
                             "--registry-port", str(upstream.port)], capture_output=True, text=True, check=False)
    assert result.returncode == 1, result
    assert f"{upstream.address} is taken by" in result.stderr and f"(pid {os.getpid()})" in result.stderr, result.stderr
    assert os.listdir(data_dir) == [], "nothing was started"
