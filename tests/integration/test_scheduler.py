"""The scheduler with real agents and real tasks: deploy, scale, kill, survive, stop in order."""

import json
import os
import signal
import time

from harness import processes
from harness.http import get, request
from harness.test import takes
from harness.wait import stays_true, wait_for

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "service.py")

JOB = """
job "{name}" {{
  datacenters = ["dc1"]
  type        = "{type}"

  group "g" {{
    {count}
    shutdown_delay = "{delay}"

    restart {{
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }}

    network {{
      port "http" {{}}
    }}

    service {{
      name = "{name}"
      port = "http"
      tags = ["alloc-${{NOMAD_ALLOC_INDEX}}", "plain"]

      check {{
        type     = "http"
        path     = "/health"
        interval = "1s"
        timeout  = "1s"
      }}
    }}

    task "srv" {{
      driver = "raw_exec"

      config {{
        command = "/usr/bin/python3"
        args    = ["{program}"]
      }}

      env {{
        GREETING = "hello from ${{NOMAD_JOB_NAME}}"
        LINGER_S = "{linger}"
      }}

      resources {{
        cpu    = {cpu}
        memory = 32
      }}

      kill_signal  = "SIGTERM"
      kill_timeout = "{kill_timeout}"
    }}
  }}
}}
"""


class Cluster:
    """Registry, scheduler and agents on 127.0.0.2 and up."""

    def __init__(self, t, agents=2):
        self.t = t
        self.registry = t.registry()
        self.scheduler = t.scheduler()
        self.agents = [t.agent(self.scheduler, self.registry, f"n{i + 1}", f"127.0.0.{i + 2}") for i in range(agents)]
        self.env = {"NOMAD_ADDR": self.scheduler.url, "CONSUL_HTTP_ADDR": self.registry.url}
        wait_for(lambda: [n["Status"] for n in self.api("/v1/nodes")] == ["ready"] * agents, 15, "all nodes are ready")

    def api(self, target):
        response = get(self.scheduler.url, target)
        assert response.status == 200, f"GET {target}: {response}"
        return response.json()

    def weir(self, *arguments, code=0, deadline_s=60):
        """A client subcommand; returns what it printed."""
        ended, out, err = processes.run_weir(*arguments, env=self.env, deadline_s=deadline_s)
        assert ended == code, f"weir {' '.join(map(str, arguments))} ended with {ended}:\n{out}\n{err}"
        return out + err

    def job_file(self, name="web", count=1, type="service", delay="0s", linger=0, cpu=50, kill_timeout="5s"):
        text = JOB.format(name=name, count=f"count = {count}" if type == "service" else "", type=type, delay=delay,
                          program=PROGRAM, linger=linger, cpu=cpu, kill_timeout=kill_timeout)
        return self.t.write(f"{name}.nomad", text)

    def run(self, name="web", **options):
        return self.weir("job", "run", self.job_file(name, **options))

    def allocs(self, name="web", status="running"):
        """Those in a client status; running ones only as long as they shall run."""
        stubs = [a for a in self.api(f"/v1/job/{name}/allocations") if a["ClientStatus"] == status]
        return [a for a in stubs if status != "running" or a["DesiredStatus"] == "run"]

    def rows(self, name="web", passing=True):
        target = f"/v1/health/service/{name}" + ("?passing" if passing else "")
        return get(self.registry.url, target).json()

    def wait_count(self, count, name="web", deadline_s=30):
        wait_for(lambda: len(self.allocs(name)) == count and len(self.rows(name)) == count, deadline_s,
                 f"{count} allocations of {name} run and are healthy")
        return self.allocs(name)

    def address(self, row):
        return f"{row['Service']['Address']}:{row['Service']['Port']}"

    def env_of(self, row):
        return get(self.address(row), "/env").json()


def test_deploy(t):
    """a job that is run is placed, started and registered; its tasks have their environment and write their logs"""
    cluster = Cluster(t)
    cluster.run(count=2)
    allocs = cluster.wait_count(2)
    assert {a["NodeName"] for a in allocs} == {"n1", "n2"}, "two allocations go to two nodes"
    for row in cluster.rows():
        env = cluster.env_of(row)
        assert env["NOMAD_ALLOC_ID"] in {a["ID"] for a in allocs}
        assert env["NOMAD_JOB_NAME"] == "web" and env["NOMAD_TASK_NAME"] == "srv" and env["NOMAD_GROUP_NAME"] == "g"
        assert env["NOMAD_ADDR_http"] == cluster.address(row) and env["NOMAD_PORT_http"] == str(row["Service"]["Port"])
        assert env["GREETING"] == "hello from web"
        assert row["Service"]["ID"].startswith("_nomad-task-" + env["NOMAD_ALLOC_ID"]), row["Service"]["ID"]
        assert "plain" in row["Service"]["Tags"] and row["Service"]["Meta"]["external-source"] == "nomad"
        assert "started hello from web" in cluster.weir("alloc", "logs", env["NOMAD_ALLOC_ID"])
        assert "standard error" in cluster.weir("alloc", "logs", "-stderr", env["NOMAD_ALLOC_ID"])
    assert "running" in cluster.weir("job", "status", "web")
    assert "n1" in cluster.weir("node", "status") and "web" in cluster.weir("service", "list")
    assert "running" in cluster.weir("alloc", "status", allocs[0]["ID"])


PRINTING = """
job "printing" {
  group "g" {
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "printf 'one\\\\ntwo\\\\nthree\\\\nunfinished'; exec sleep 1000"]
      }
    }
  }
}
"""


def test_last_lines(t):
    """alloc logs -tail -n N prints N lines, also with -f; an unfinished last line is one"""
    cluster = Cluster(t, agents=1)
    cluster.weir("job", "run", t.write("printing.nomad", PRINTING))
    alloc, = wait_for(lambda: cluster.allocs("printing"), 20, "it runs")
    wait_for(lambda: "unfinished" in cluster.weir("alloc", "logs", alloc["ID"]), 20, "all is printed")
    for count, wanted in ((1, "unfinished"), (2, "three\nunfinished"), (9, "one\ntwo\nthree\nunfinished")):
        assert cluster.weir("alloc", "logs", "-tail", "-n", count, alloc["ID"]) == wanted
        command = [processes.weir_binary(), "alloc", "logs", "-f", "-tail", "-n", str(count), alloc["ID"]]
        following = t.start(command, "follow", env=cluster.env)
        seen = lambda: following.log().split("\n", 1)[1]
        wait_for(lambda: seen().endswith("unfinished"), 20, "the end of the log")
        assert seen() == wanted, seen()


STAGED = """
job "staged" {
  type = "batch"
  group "g" {
    task "main" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "cd ../alloc; echo main >> order; until test -e beside -a -e after; do sleep 0.01; done"]
      }
    }
    task "init" {
      driver = "raw_exec"
      lifecycle {
        hook = "prestart"
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "echo init >> $NOMAD_ALLOC_DIR/order"]
      }
    }
    task "beside" {
      driver = "raw_exec"
      lifecycle {
        hook    = "prestart"
        sidecar = true
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "touch $NOMAD_ALLOC_DIR/beside; exec sleep 1000"]
      }
    }
    task "after" {
      driver = "raw_exec"
      lifecycle {
        hook = "poststart"
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "touch $NOMAD_ALLOC_DIR/after"]
      }
    }
    task "clean" {
      driver = "raw_exec"
      lifecycle {
        hook = "poststop"
      }
      config {
        command = "/bin/sh"
        args    = ["-c", "echo clean >> $NOMAD_ALLOC_DIR/order"]
      }
    }
  }
}
"""


def test_lifecycle(t):
    """tasks that prepare, accompany and clean up run when their hooks say, and the sidecar ends with the main task"""
    cluster = Cluster(t, agents=1)
    cluster.weir("job", "run", t.write("staged.nomad", STAGED))
    alloc, = wait_for(lambda: cluster.allocs("staged", "complete"), 30, "it is complete")
    order = get(cluster.scheduler.url, f"/v1/client/fs/cat/{alloc['ID']}?path=alloc/order")
    assert order.text() == "init\nmain\nclean\n", order.text()
    assert {name: state["Failed"] for name, state in alloc["TaskStates"].items()} == dict.fromkeys(
        ("main", "init", "beside", "after", "clean"), False)


def test_api_job(t):
    """a job in Nomad's JSON runs too; submitting it again changes nothing"""
    cluster = Cluster(t, agents=1)
    job = {"Job": {"ID": "web", "Name": "web", "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": "g", "Count": 1, "Networks": [{"DynamicPorts": [{"Label": "http"}]}],
        "Services": [{"Name": "web", "PortLabel": "http", "Provider": "consul"}],
        "Tasks": [{"Name": "srv", "Driver": "raw_exec", "Config": {"command": "/usr/bin/python3", "args": [PROGRAM]},
                   "Resources": {"CPU": 50, "MemoryMB": 32}}]}]}}
    for _ in range(2):
        response = request(cluster.scheduler.url, "PUT", "/v1/jobs", body=json.dumps(job))
        assert response.status == 200 and response.json()["EvalID"], response
        alloc, = cluster.wait_count(1)
    assert cluster.api("/v1/job/web")["Version"] == 0
    assert alloc["ID"] == cluster.wait_count(1)[0]["ID"]


def test_scale(t):
    """a higher and a lower count are followed; the allocations that stay are not touched"""
    cluster = Cluster(t)
    cluster.run(count=1)
    first = cluster.wait_count(1)[0]["ID"]
    cluster.run(count=4)
    allocs = cluster.wait_count(4)
    assert first in {a["ID"] for a in allocs}
    ports = [(row["Service"]["Address"], row["Service"]["Port"]) for row in cluster.rows()]
    assert len(set(ports)) == 4, ports
    cluster.run(count=2)
    cluster.wait_count(2)
    cluster.run(count=0)
    cluster.wait_count(0)
    assert cluster.rows(passing=False) == [], "nothing stays registered"


def test_stop_by_beginning(t):
    """a job is stopped by the beginning of its id only where that is said"""
    cluster = Cluster(t, agents=1)
    cluster.run("web-shop")
    cluster.wait_count(1, "web-shop")
    assert '-yes stops "web-shop"' in cluster.weir("job", "stop", "-purge", "web", code=1)
    assert cluster.api("/v1/job/web-shop")["Stop"] is False
    cluster.weir("job", "stop", "-purge", "-yes", "web")
    assert get(cluster.scheduler.url, "/v1/job/web-shop").status == 404


def test_plan(t):
    """plan says what would change by its exit code and changes nothing"""
    cluster = Cluster(t, agents=1)
    path = cluster.job_file(count=2)
    cluster.weir("job", "plan", path, code=1)
    assert get(cluster.scheduler.url, "/v1/job/web").status == 404
    cluster.run(count=2)
    cluster.wait_count(2)
    cluster.weir("job", "plan", path, code=0)


def test_bad_job(t):
    """a bad job file is refused with file, line and column; a bad job with its reason"""
    cluster = Cluster(t, agents=1)
    broken = t.write("broken.nomad", 'job "x" {\n  datacenters = ["dc1"\n}\n')
    assert "broken.nomad:" in cluster.weir("job", "run", broken, code=1)
    empty = t.write("empty.nomad", 'job "x" {\n  datacenters = ["dc1"]\n}\n')
    assert "group" in cluster.weir("job", "run", empty, code=1)


def test_task_dies(t):
    """a task that dies is started again in the same allocation, and is not registered as healthy meanwhile"""
    cluster = Cluster(t, agents=1)
    cluster.run()
    alloc = cluster.wait_count(1)[0]
    before = cluster.env_of(cluster.rows()[0])["PID"]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: [cluster.env_of(row)["PID"] for row in cluster.rows()] not in ([], [before]), 20,
             "another process serves")
    after = cluster.wait_count(1)[0]
    assert after["ID"] == alloc["ID"] and after["TaskStates"]["srv"]["Restarts"] == 1, after["TaskStates"]


def agent_again(cluster, number=0):
    """Starts an agent that has ended, with its data."""
    name, address = f"n{number + 1}", f"127.0.0.{number + 2}"
    return cluster.t.agent(cluster.scheduler, cluster.registry, name, address)


def survives_agent(t, end):
    cluster = Cluster(t, agents=1)
    cluster.run(count=2)
    allocs = {a["ID"] for a in cluster.wait_count(2)}
    rows = cluster.rows()
    pids = {cluster.address(row): cluster.env_of(row)["PID"] for row in rows}
    end(cluster.agents[0])
    stays_true(lambda: all(get(address, "/").status == 200 for address in pids), 2, "the tasks serve without the agent")
    agent_again(cluster)
    stays_true(lambda: len(cluster.rows()) == 2, 4, "they stay registered and healthy")
    assert {a["ID"] for a in cluster.wait_count(2)} == allocs
    assert {cluster.address(row): cluster.env_of(row)["PID"] for row in cluster.rows()} == pids, "the same processes"
    # It is in charge of them again: it can stop them.
    cluster.weir("job", "stop", "web")
    cluster.wait_count(0)
    for pid in pids.values():
        wait_for(lambda p=pid: not os.path.exists(f"/proc/{p}"), 10, "the process has ended")


def test_agent_killed(t):
    """tasks survive kill -9 of their agent, and the next agent takes them over"""
    survives_agent(t, lambda agent: agent.kill())


def test_agent_stopped(t):
    """tasks survive SIGTERM of their agent too"""
    def stop(agent):
        assert agent.stop() == 0
    survives_agent(t, stop)


def test_task_dies_without_agent(t):
    """a task that died while its agent was away is started again when it is back"""
    cluster = Cluster(t, agents=1)
    cluster.run()
    cluster.wait_count(1)
    pid = cluster.env_of(cluster.rows()[0])["PID"]
    cluster.agents[0].kill()
    os.kill(pid, signal.SIGKILL)
    agent_again(cluster)
    wait_for(lambda: [cluster.env_of(row)["PID"] for row in cluster.rows()] not in ([], [pid]), 30,
             "another process serves")


def test_scheduler_killed(t):
    """kill -9 of the scheduler loses nothing: jobs, allocations and nodes are there again, and tasks did not notice"""
    cluster = Cluster(t)
    cluster.run(count=2)
    allocs = {a["ID"] for a in cluster.wait_count(2)}
    pids = {cluster.env_of(row)["PID"] for row in cluster.rows()}
    cluster.scheduler.kill()
    stays_true(lambda: len(cluster.rows()) == 2, 1, "the tasks stay registered")
    data_dir, http = t.path("scheduler-data-1", ""), cluster.scheduler.http
    cluster.scheduler = t.scheduler(data_dir=data_dir, http=http)
    wait_for(lambda: [n["Status"] for n in cluster.api("/v1/nodes")] == ["ready"] * 2, 30, "the nodes are back")
    assert {a["ID"] for a in cluster.wait_count(2)} == allocs
    assert {cluster.env_of(row)["PID"] for row in cluster.rows()} == pids
    cluster.run(count=3)
    cluster.wait_count(3)


@takes(150)
def test_node_lost(t):
    """the allocations of a node that is gone are placed on another"""
    cluster = Cluster(t)
    cluster.run(count=2)
    allocs = cluster.wait_count(2)
    lost = next(a for a in allocs if a["NodeName"] == "n2")
    row = next(r for r in cluster.rows() if lost["ID"] in r["Service"]["ID"])
    pid = cluster.env_of(row)["PID"]
    cluster.agents[1].kill()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: sorted(n["Status"] for n in cluster.api("/v1/nodes")) == ["down", "ready"], 60, "the node is down")
    wait_for(lambda: len(cluster.allocs()) == 2 and {a["NodeName"] for a in cluster.allocs()} == {"n1"}, 60,
             "both allocations run on the node that is left")
    wait_for(lambda: len(cluster.rows()) == 2, 20, "and are healthy")


def test_system_job(t):
    """a system job runs once on each node, also on one that comes later"""
    cluster = Cluster(t)
    cluster.run(type="system")
    assert {a["NodeName"] for a in cluster.wait_count(2)} == {"n1", "n2"}
    t.agent(cluster.scheduler, cluster.registry, "n3", "127.0.0.4")
    assert {a["NodeName"] for a in cluster.wait_count(3)} == {"n1", "n2", "n3"}


def test_no_room(t):
    """what does not fit waits, is explained, and is placed when there is room"""
    cluster = Cluster(t, agents=1)
    node = cluster.api("/v1/node/" + cluster.api("/v1/nodes")[0]["ID"])
    total = node["NodeResources"]["Cpu"]["CpuShares"]
    share = int(total * 0.6)
    cluster.run("one", cpu=share)
    cluster.wait_count(1, "one")
    cluster.weir("job", "run", cluster.job_file("two", cpu=share), code=2)
    assert cluster.allocs("two") == []
    evals = cluster.api("/v1/job/two/evaluations")
    assert any(e["Status"] == "blocked" for e in evals), evals
    cluster.weir("job", "stop", "one")
    cluster.wait_count(1, "two")


def test_stop_order(t):
    """a stop takes the service out of the registry first, waits the delay, then signals, and kills only at the limit"""
    cluster = Cluster(t, agents=1)
    cluster.run(delay="6s", linger=1, kill_timeout="30s")
    cluster.wait_count(1)
    env = cluster.env_of(cluster.rows()[0])
    address = cluster.address(cluster.rows()[0])
    stopped = time.time()
    cluster.weir("job", "stop", "-detach", "web")
    wait_for(lambda: cluster.rows(passing=False) == [], 10, "the service is out of the registry")
    assert not os.path.exists(os.path.join(env["NOMAD_ALLOC_DIR"], "signalled")), "signalled before the delay"
    assert get(address, "/").status == 200, "it serves on during the delay"
    marker = os.path.join(env["NOMAD_ALLOC_DIR"], "signalled")
    wait_for(lambda: os.path.exists(marker) and os.path.getsize(marker), 20, "it is signalled")
    with open(marker, encoding="ascii") as file:
        signalled = float(file.read())
    assert signalled - stopped >= 6, f"signalled {signalled - stopped:.2f} s after the stop, not 6 s after it was gone"
    wait_for(lambda: not os.path.exists(f"/proc/{env['PID']}"), 20, "it ends by itself")
    stub = wait_for(lambda: cluster.allocs(status="complete"), 10, "the allocation is complete")[0]
    events = {e["Type"]: e["Details"] for e in stub["TaskStates"]["srv"]["Events"]}
    assert "Killing" in events and "Killed" in events, events
    ended = events["Terminated"]
    assert (ended["exit_code"], ended["signal"]) == ("0", "0"), f"it may finish after the signal: {ended}"


def test_kill_timeout(t):
    """a task that ignores its signal is killed at the limit"""
    cluster = Cluster(t, agents=1)
    cluster.run(linger=600, kill_timeout="2s")
    cluster.wait_count(1)
    pid = cluster.env_of(cluster.rows()[0])["PID"]
    stopped = time.monotonic()
    cluster.weir("job", "stop", "-purge", "-detach", "web")
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 30, "it is killed")
    assert time.monotonic() - stopped >= 2, "it was killed before its time"
    wait_for(lambda: get(cluster.scheduler.url, "/v1/job/web").status == 404, 10, "the job is purged")


def test_registry_away(t):
    """tasks start and run while the registry is down, and are registered when it is back"""
    cluster = Cluster(t, agents=1)
    cluster.run(count=1)
    cluster.wait_count(1)
    cluster.registry.kill()
    cluster.weir("job", "run", "-detach", cluster.job_file(count=2))
    wait_for(lambda: len(cluster.allocs()) == 2, 30, "the second allocation runs")
    cluster.registry = t.registry(data_dir=t.path("registry-data-1", ""), http=cluster.registry.http)
    cluster.wait_count(2, deadline_s=60)
