"""What the command line says when something is wrong: what it was, where it was, and a code that scripts can use."""

import os
import re
import subprocess

from harness import upstreams
from harness.processes import run_weir, weir_binary
from harness.test import takes
from harness.wait import wait_for


def fails(*arguments, code=1, env=None):
    """Standard error of a command that ends with this code."""
    ended, out, error = run_weir(*arguments, env=env)
    assert ended == code, f"weir {arguments}: code {ended}, not {code}\n{out}\n{error}"
    assert error.startswith("weir: "), error
    return error


def test_unknown_commands(t):
    """a word that is no command is named, and where to look; so is a flag that is none"""
    assert fails("nosuch", code=2) == 'weir: there is no command "nosuch"; see weir --help\n'
    assert fails("job", "nosuch", "-detach", code=2) == 'weir: there is no command "nosuch"; see weir job --help\n'
    ended, _, error = run_weir("node", "status", "--nosuch")
    assert ended == 2 and "--nosuch" in error, error


@takes(120)
def test_help(t):
    """every command has a help that ends with code 0 and says what each of its options is"""
    def commands(path):
        ended, out, error = run_weir(*path, "--help")
        assert ended == 0 and error == "" and f"Usage: weir{''.join(' ' + p for p in path)}" in out, (path, out, error)
        names = re.findall(r"^  ([a-z]+)  +\S", out.split("Subcommands:")[1], re.M) if "Subcommands:" in out else []
        return 1 + sum(commands([*path, name]) for name in names)
    assert commands([]) > 25


def test_taken_ports(t):
    """a port that is taken is named, with whose option it is; an edge does not share another edge's entry point"""
    taken = t.ends(upstreams.Upstream()).address
    data = t.path("data", "")
    assert fails("registry", "--http", taken, "--data-dir", data) == \
        f"weir: registry: listen on {taken}: Address already in use\n"
    assert f"listen on {taken}: Address already in use" in fails("scheduler", "--http", taken, "--data-dir", data)
    assert f"admin: listen on {taken}: Address" in fails("edge", "--entrypoint", "web=127.0.0.1:0", "--admin", taken)
    ports = ["--entrypoint", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dns", "127.0.0.1:0", "--scheduler",
             "127.0.0.1:0"]
    assert fails("dev", *ports, "--registry", taken).startswith("weir: dev: registry: listen on " + taken)
    web = t.edge().entry_point()
    assert fails("edge", "--entrypoint", f"web={web}", "--admin", "127.0.0.1:0") == \
        f"weir: edge: entry point web: listen on {web}: Address already in use\n"


def test_folders(t):
    """a data folder that another process uses, that cannot be made, or that holds something else, is named"""
    used = t.path("used", "")[:-1]
    registry = t.registry(data_dir=used)
    error = fails("registry", "--http", "127.0.0.1:0", "--dns", "127.0.0.1:0", "--data-dir", used)
    assert os.path.join(used, "registry.db") in error and "another registry uses this file" in error, error
    t.scheduler(data_dir=used)
    error = fails("scheduler", "--http", "127.0.0.1:0", "--data-dir", used)
    assert os.path.join(used, "scheduler.sqlite") in error and "another server uses this file" in error, error
    for command in ("registry", "scheduler", "agent", "edge"):
        assert "/proc/none" in fails(command, "--data-dir", "/proc/none"), command
    foreign = t.path("foreign", "scheduler.sqlite")
    with open(foreign, "w", encoding="utf-8") as file:
        file.write("x" * 5000)
    error = fails("scheduler", "--http", "127.0.0.1:0", "--data-dir", os.path.dirname(foreign))
    assert foreign in error and "file is not a database" in error, error


def test_folders_that_cannot_be_written(t):
    """registry and scheduler tell why nothing can be written in their data folder"""
    folder = t.path("closed", "")[:-1]
    os.chmod(folder, 0o500)
    # root may write everywhere as long as it has these capabilities.
    as_anybody = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for command in ("registry", "scheduler"):
        result = subprocess.run([*as_anybody, weir_binary(), command, "--http", "127.0.0.1:0", "--data-dir", folder],
                                capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode == 1, result
        assert result.stderr == f"weir: {command}: write in {folder}: Permission denied\n", result.stderr


def test_output_that_cannot_be_written(t):
    """a command whose output is lost ends with 1 and says so"""
    registry = t.registry()
    for command in (["--help"], ["version"], ["completion", "bash"], ["service", "list"]):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([weir_binary(), *command], stdout=full, stderr=subprocess.PIPE, text=True,
                                    timeout=30, check=False, env={**os.environ, "CONSUL_HTTP_ADDR": registry.url})
        assert result.returncode == 1, (command, result)
        assert result.stderr == "weir: standard output: No space left on device\n", (command, result)


def test_bad_config(t):
    """all errors of a configuration are told at once, each with file, line and column"""
    path = t.write("bad.toml", '[entrypoints.web]\naddress = 5\nnosuch = 1\n')
    for command in (("edge", "--config", path), ("config", "check", path)):
        lines = fails(*command).splitlines()
        assert [line.split(": ")[1] for line in lines] == [f"{path}:2:11", f"{path}:3:1"], lines
    assert "nosuch.toml: No such file" in fails("edge", "--config", t.path("nosuch.toml"))


def test_flags_given_empty(t):
    """a flag of the edge that is given empty wins over the configuration as any other does, and so does --set KEY="""
    taken = t.ends(upstreams.Upstream()).address
    config = f'[admin]\naddress = "{taken}"\n[providers.consul]\naddresses = ["http://127.0.0.1:1"]\n'
    edge = t.edge(config=config, admin="", consul=None)
    assert "admin" not in edge.ready and "listen" not in edge.log().replace("listening", ""), edge.log()
    edge = t.weir("edge", "--entrypoint", "web=127.0.0.1:0", "--config", t.write("taken.toml", config),
                  "--set", "admin.address=", "--consul", "")
    assert "admin" not in edge.ready and "no provider is switched on" in edge.log(), edge.log()
    assert fails("edge", "--set", "nosuch=") == "weir: --set: unknown option nosuch\n"
    assert "workers: expected a whole number" in fails("edge", "--workers", "")


def test_negative_size(t):
    """an agent does not offer less than nothing"""
    for flag in ("--cpu-mhz", "--memory-mb"):
        ended, _, error = run_weir("agent", "--data-dir", t.path("data", ""), flag, "-5")
        assert ended == 2 and flag in error, error


def test_entry_point_given_twice(t):
    """two addresses for one entry point are refused: one of them would be forgotten"""
    twice = fails("edge", "--entrypoint", "web=127.0.0.1:0", "--entrypoint", "web=127.0.0.1:1")
    assert twice == 'weir: --entrypoint: "web" is given twice; an entry point has one address\n', twice


def test_config_check_knows_the_start(t):
    """weir config check counts the files and folders that an edge does not start without, and makes none of them"""
    tls_file = t.write("tls.toml", "[tls]\nnosuch = 1\n")
    web = '[entrypoints.web]\naddress = "127.0.0.1:0"\n'
    file = t.write("file", "")
    missing = t.path("missing")
    for text, word in (
            (web + f'[tls]\nfile = "{missing}"', missing),
            (web + f'[tls]\nfile = "{tls_file}"', f"{tls_file}:2:1"),
            (web + 'tls = true\ntls_options = "nosuch"', "there are no TLS options nosuch"),
            (web + f'[tls]\nticket_key_file = "{missing}"', missing),
            (web + f'[answers]\ndirectory = "{missing}"', missing),
            (web + f'[access_log]\nformat = "json"\npath = "{missing}/access.log"', missing),
            (f'data_dir = "{file}/data"\n' + web, file)):
        path = t.write("checked.toml", text + "\n")
        for command in (("config", "check", path), ("config", "check", "--config", path), ("edge", "--config", path)):
            error = fails(*command)
            assert word in error and len(error.splitlines()) == 1, error
    data, log = t.path("data"), t.path("access.log")
    good = t.write("good.toml", f'data_dir = "{data}/x"\n{web}[access_log]\nformat = "json"\npath = "{log}"\n')
    code, out, error = run_weir("config", "check", "--config", good)
    assert code == 0 and out == f"{good}: 0 errors\n", out + error
    assert not os.path.exists(data) and not os.path.exists(log)


def test_config_check_tells_all(t):
    """weir config check tells every error at once: unknown keys, each catalog's default rule, and its constraints"""
    wrong = 'default_rule = "Host({{ .Name }})"\nconstraints = "Tag(`a`"\n'
    path = t.write("wrong.toml", f"nosuch = 1\n[providers.consul]\n{wrong}[providers.nomad]\n{wrong}")
    lines = fails("config", "check", path).splitlines()
    words = ("unknown key nosuch", "providers.consul: default rule", "providers.consul: constraints",
             "providers.nomad: default rule", "providers.nomad: constraints")
    assert len(lines) == len(words), lines
    for line, word in zip(lines, words):
        assert word in line, lines


def test_closed_standard_descriptors(t):
    """an edge whose standard descriptors are closed keeps its log out of what it opens itself, and ends in order"""
    ready = t.path("closed.ready")
    edge = t.start(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", weir_binary(), "edge", "--entrypoint",
                    "web=127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", ready], "closed")
    wait_for(lambda: os.path.exists(ready), 20, "the edge is ready")
    for number in range(3):
        assert os.readlink(f"/proc/{edge.pid}/fd/{number}") == "/dev/null"
    assert edge.stop() == 0


def test_too_few_descriptors(t):
    """a process that may open too few files says so"""
    # Too few for the first loop. With a few more UBSan, which looks at objects through a pipe, speaks up where none is.
    result = subprocess.run(["prlimit", "--nofile=8", weir_binary(), "edge", "--admin", "127.0.0.1:0", "--entrypoint",
                             "web=127.0.0.1:0"], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1, result
    assert result.stderr == "weir: an event loop cannot be made: Too many open files\n", result.stderr


def test_servers_that_are_not_there(t):
    """a command whose server does not answer says which it asked"""
    gone = t.ends(upstreams.RefusingPort()).address
    assert f"http://{gone}/v1/jobs" in fails("job", "status", env={"NOMAD_ADDR": f"http://{gone}"})
    assert f"http://{gone}/v1/catalog" in fails("service", "list", env={"CONSUL_HTTP_ADDR": gone})
    assert f"http://{gone}/api/routers" in fails("route", "list", "--admin", gone)


FAILING = """
job "failing" {
  group "g" {
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "t" {
      driver = "raw_exec"
      config {
        command = "/no/such/program"
      }
    }
  }
}
"""


@takes(60)
def test_failing_job(t):
    """weir job run ends with 1 and the cause when its tasks do not start; an error in a file is told with its place"""
    registry = t.registry()
    scheduler = t.scheduler()
    t.agent(scheduler, registry, "one", "127.0.0.2")
    address = {"NOMAD_ADDR": scheduler.url}
    ended, out, _ = run_weir("job", "run", t.write("failing.nomad", FAILING), env=address, deadline_s=50)
    assert ended == 1, out
    assert re.search(r'Allocation "\w{8}" is not healthy: task "t": Driver Failure: run /no/such/program: No such file',
                     out), out
    broken = t.write("broken.nomad", 'job "x" {\n  group "g" {\n    count = \n  }\n}\n')
    assert f"{broken}:3:" in fails("job", "run", broken, env=address)
    assert 'job(s) with prefix or id "none"' in fails("job", "status", "none", env=address)
    assert 'allocation(s) with prefix or id "none"' in fails("alloc", "logs", "none", env=address)


def test_standard_input(t):
    """a job file may come from standard input, and is then called -"""
    result = subprocess.run([weir_binary(), "job", "run", "-"], input="job {\n", capture_output=True, text=True,
                            timeout=20, check=False)
    assert result.returncode == 1 and "-:2:" in result.stderr, result.stderr
