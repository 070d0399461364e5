"""The demo's small cluster: a registry, a scheduler and three agents as real processes, and the four jobs."""

import os
import shutil
import subprocess

from demo import ports
from demo.tasks import kill_leftovers, leftovers, tasks
from harness import processes
from harness.http import get, request
from harness.wait import wait_for

JOBS = os.path.join(processes.ROOT, "conf", "jobs")
START_SECONDS_MAX = 30
# The edge's kill_timeout, and the time to notice.
STOP_JOBS_SECONDS_MAX = 25


class CannotStart(Exception):
    """Something the user can do something about; said without a stack."""


class Settings:
    """Where everything listens and is kept."""

    def __init__(self, data_dir, hosts, registry, scheduler, http_port, admin_port, dns):
        self.data_dir, self.hosts = os.path.abspath(data_dir), hosts
        self.registry, self.scheduler, self.dns = registry, scheduler, dns
        self.http_port, self.admin_port = http_port, admin_port
        self.routes_dir = os.path.join(self.data_dir, "routes")

    @property
    def edges(self):
        return [f"{host}:{self.http_port}" for host in self.hosts]

    @property
    def admins(self):
        return [f"{host}:{self.admin_port}" for host in self.hosts]

    def check_ports(self):
        wanted = [(self.registry, "the registry"), (self.scheduler, "the scheduler"), (self.dns, "the registry's DNS")]
        wanted += [(address, "an edge") for address in self.edges]
        wanted += [(address, "the admin API of an edge") for address in self.admins]
        for address, what in wanted:
            host, port = address.rsplit(":", 1)
            if not ports.is_free(host, int(port)):
                raise CannotStart(f"{address} is taken by {ports.owner(host, int(port))}, but {what} shall listen "
                                  "there; end that, or see scripts/demo --help for other ports")


class Cluster:
    """Everything that runs. close() ends all of it, whatever state it is in."""

    def __init__(self, settings):
        self.settings = settings
        self.logs = os.path.join(settings.data_dir, "logs")
        self.parts = {}  # name -> Process
        self.commands = {}  # name -> how it is started
        self.env = {"NOMAD_ADDR": f"http://{settings.scheduler}", "CONSUL_HTTP_ADDR": f"http://{settings.registry}",
                    "NOMAD_TOKEN": "", "CONSUL_HTTP_TOKEN": ""}

    # parts

    def prepare(self):
        """Whether it can start at all; ends what an earlier demo with this data folder left when it was killed."""
        for program in (processes.weir_binary(), processes.demo_binary()):
            if not os.access(program, os.X_OK):
                raise CannotStart(f"{program} is missing; scripts/build makes it")
        kill_leftovers(self.settings.data_dir)
        self.settings.check_ports()
        os.makedirs(self.logs, exist_ok=True)
        os.makedirs(self.settings.routes_dir, exist_ok=True)

    def start(self):
        settings = self.settings
        self.start_part("registry", "registry", "--http", settings.registry, "--dns", settings.dns,
                        "--data-dir", self.folder("registry"))
        self.start_part("scheduler", "scheduler", "--http", settings.scheduler,
                        "--data-dir", self.folder("scheduler"))
        for number, host in enumerate(settings.hosts, 1):
            # Small and the same everywhere, so that the jobs fit on every machine and spread over the nodes.
            self.start_part(f"node-{number}", "agent", "--node-name", f"node-{number}", "--address", host,
                            "--http", f"{host}:0", "--scheduler", f"http://{settings.scheduler}",
                            "--consul", f"http://{settings.registry}", "--cpu-mhz", "2000", "--memory-mb", "2048",
                            "--data-dir", self.folder(f"node-{number}"))
        wait_for(lambda: [n["Status"] for n in self.scheduler_api("/v1/nodes")] == ["ready"] * len(settings.hosts),
                 START_SECONDS_MAX, "all nodes are ready")

    def folder(self, name):
        return os.path.join(self.settings.data_dir, name)

    def start_part(self, name, subcommand, *arguments):
        self.commands[name] = (subcommand, *arguments)
        return self.start_again(name)

    def start_again(self, name):
        """Starts a part with the command it was started with; the one before has ended."""
        subcommand, *arguments = self.commands[name]
        part = processes.Weir(subcommand, arguments, self.logs, name, self.env)
        self.parts[name] = part
        return part.wait_ready(START_SECONDS_MAX)

    # what it says

    def scheduler_api(self, target):
        response = get(self.settings.scheduler, target)
        assert response.status == 200, f"GET {target}: {response}"
        return response.json()

    def registry_api(self, target):
        response = get(self.settings.registry, target)
        assert response.status == 200, f"GET {target}: {response}"
        return response.json()

    def admin(self, number, target):
        response = get(self.settings.admins[number], target)
        assert response.status == 200, f"GET {target} of edge {number + 1}: {response}"
        return response.json()

    def allocations(self, job):
        """Those that run and shall."""
        return [alloc for alloc in self.scheduler_api(f"/v1/job/{job}/allocations")
                if alloc["ClientStatus"] == "running" and alloc["DesiredStatus"] == "run"]

    def passing(self, service):
        """The addresses of its healthy instances, as the registry knows them."""
        rows = self.registry_api(f"/v1/health/service/{service}?passing=1")
        return {f"{row['Service']['Address']}:{row['Service']['Port']}" for row in rows}

    def live_endpoints(self, number, service):
        """The addresses of its endpoints that an edge would choose from."""
        for entry in self.admin(number, "/api/services"):
            if entry["name"] == f"{service}@consul":
                return {endpoint["url"].split("://")[-1] for endpoint in entry["endpoints"] if endpoint["live"]}
        return set()

    def tasks(self, job):
        return [task for task in tasks(self.settings.data_dir) if task.job == job]

    # jobs

    def job_command(self, name, **variables):
        """The words of `weir job run` for one of the four jobs."""
        settings = self.settings
        known = {"edge": {"weir_binary": processes.weir_binary(), "consul_addr": f"http://{settings.registry}",
                          "http_port": settings.http_port, "admin_port": settings.admin_port,
                          "routes_dir": settings.routes_dir},
                 "frontend": {"demo_binary": processes.demo_binary(), "consul_addr": f"http://{settings.registry}"},
                 "backend": {"demo_binary": processes.demo_binary()},
                 "fib": {"demo_binary": processes.demo_binary()}}[name]
        words = ["job", "run"]
        for variable, value in {**known, **variables}.items():
            words += ["-var", f"{variable}={value}"]
        return [*words, os.path.join(JOBS, f"{name}.nomad")]

    def weir(self, *arguments, deadline_s=60):
        """A client subcommand; what it printed."""
        try:
            code, out, err = processes.run_weir(*arguments, env=self.env, deadline_s=deadline_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"weir {' '.join(map(str, arguments))}: no end within {deadline_s} s; it printed:\n"
                                 f"{(error.stdout or b'').decode()}") from None
        assert code == 0, f"weir {' '.join(map(str, arguments))} ended with {code}:\n{out}\n{err}"
        return out

    def run_job(self, name, **variables):
        return self.weir(*self.job_command(name, **variables))

    # the end

    def stop_jobs(self):
        for job in self.scheduler_api("/v1/jobs"):
            request(self.settings.scheduler, "DELETE", f"/v1/job/{job['ID']}?purge=true")
        wait_for(lambda: not tasks(self.settings.data_dir), STOP_JOBS_SECONDS_MAX, "every task has ended")

    def stop_parts(self):
        """In the order in which nothing misses what it needs; what each part wrote that it should not have."""
        faults = []
        for name, part in reversed(self.parts.items()):
            if not part.running():
                continue
            try:
                code = part.stop()
                if code != 0:
                    faults.append(f"{name} ended with code {code}")
            except AssertionError as error:
                faults.append(str(error))
                part.kill()
        return faults

    def close(self):
        """Ends whatever still runs, at once. Afterwards nothing that was started here is left."""
        for part in self.parts.values():
            if part.running():
                part.kill()
        return kill_leftovers(self.settings.data_dir)

    def left(self):
        return leftovers(self.settings.data_dir)

    def remove_data(self):
        shutil.rmtree(self.settings.data_dir, ignore_errors=True)

    # when it failed

    def log_tails(self, lines_max=30):
        parts = []
        for path in sorted(self.log_files()):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
            if lines:
                parts.append(f"--- {path}\n" + "\n".join(lines[-lines_max:]))
        return "\n".join(parts)

    def log_files(self):
        for folder, _, names in os.walk(self.settings.data_dir):
            for name in names:
                if folder == self.logs and name.endswith(".log") or os.path.basename(folder) == "logs" and \
                        name.rsplit(".", 1)[0].endswith((".stdout", ".stderr")):
                    yield os.path.join(folder, name)
