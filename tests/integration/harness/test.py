"""What every test function gets: a folder, and starters whose processes and servers end with the test."""

import os
import shutil
import signal
import time

from . import processes
from .http import get, put_json
from .wait import wait_for


def takes(seconds):
    """Marks a test that may take longer than the runner's usual limit."""
    def mark(function):
        function.seconds_max = seconds
        return function
    return mark


class Test:
    """One running test. What it starts is ended in the opposite order, whatever happens."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.endings, self.processes, self.counts = [], [], {}

    # anything

    def ends(self, thing):
        """Calls thing.stop() at the end; returns it."""
        self.endings.append(thing.stop)
        return thing

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text):
        """A whole file at once, as an editor or a deployment does: a new file, then a rename."""
        path = self.path(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def track(self, process):
        self.processes.append(process)
        return process

    def name(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}-{self.counts[kind]}"

    def start(self, command, name=None, env=None):
        """Some other program."""
        log = self.path(self.name(name or os.path.basename(command[0])) + ".log")
        return self.track(processes.Process(command, log, env))

    # ours

    def weir(self, subcommand, *arguments, wait=True, env=None):
        weir = self.track(processes.Weir(subcommand, list(arguments), self.folder, self.name(subcommand), env))
        return weir.wait_ready() if wait else weir

    def edge(self, *arguments, config="", routes=None, consul=None, admin="127.0.0.1:0", web="127.0.0.1:0", wait=True):
        """`config` is TOML for what has no flag of its own; `routes` is the text of one routes file, or a folder.

        One worker, if nothing else is asked for: each takes a new table at a turn of its own, so that what one answer
        has shown need not hold for the next, on another connection. That they all take it is proxy_test's and TSan's.
        """
        options = ["--entrypoint", f"web={web}", "--admin", admin]
        if "--workers" not in arguments and "workers" not in config:
            options += ["--workers", "1"]
        config_path = self.write(self.name("weir") + ".toml", config) if config else None
        if config_path:
            options = ["--config", config_path, *options]
        if consul:
            options += ["--consul", consul]
        if routes is not None:
            folder = routes if os.path.isdir(routes) else os.path.dirname(self.write("routes/test.toml", routes))
            options += ["--routes", folder]
        return self.weir("edge", *options, *arguments, wait=wait)

    def registry(self, *arguments, data_dir=None, http="127.0.0.1:0", wait=True):
        return self.weir("registry", "--http", http, "--dns", "127.0.0.1:0",
                         "--data-dir", data_dir or self.path(self.name("registry-data"), ""), *arguments, wait=wait)

    def scheduler(self, *arguments, data_dir=None, http="127.0.0.1:0", wait=True):
        return self.weir("scheduler", "--http", http,
                         "--data-dir", data_dir or self.path(self.name("scheduler-data"), ""), *arguments, wait=wait)

    def agent(self, scheduler, registry, name, address, *arguments, data_dir=None, wait=True):
        return self.weir("agent", "--scheduler", scheduler.url, "--consul", registry.url, "--node-name", name,
                         "--address", address, "--http", f"{address}:0",
                         "--data-dir", data_dir or self.path(f"agent-{name}-data", ""), *arguments, wait=wait)

    # peers

    def consul(self, wait=True, connect=False):
        consul = self.track(processes.Consul(self.path(self.name("consul"), ""), connect=connect))
        return consul.wait_ready() if wait else consul

    def consul_again(self, stopped, keep_data=True):
        """Starts a Consul that has ended, at the same ports."""
        if not keep_data:
            shutil.rmtree(os.path.join(stopped.folder, "data"))
        return self.track(processes.Consul(stopped.folder, stopped.ports)).wait_ready()

    # the end

    def finish(self):
        """Ends everything; returns what the processes wrote that no process should."""
        for ending in reversed(self.endings):
            ending()
        for process in reversed(self.processes):
            process.signal(signal.SIGTERM)
        end = time.monotonic() + processes.STOP_SECONDS_MAX
        faults = []
        for process in self.processes:
            while process.running() and time.monotonic() < end:
                time.sleep(0.01)
            if process.running():
                faults.append(f"{process.words()} did not end within {processes.STOP_SECONDS_MAX} s after SIGTERM")
                process.kill()
            faults += [f"{process.words()}: {line}" for line in process.faults()]
        return faults

    def logs(self, lines_max=60):
        parts = []
        for process in self.processes:
            tail = process.log().splitlines()[-lines_max:]
            parts.append(f"--- {process.log_path} (code {process.child.poll()})\n" + "\n".join(tail))
        return "\n".join(parts)


# What many tests say in the same words.

def route_to(host, *urls, name="test"):
    """The text of a routes file: requests of `host` go to `urls`."""
    return route(f'host = "{host}"', *urls, name=name)


def route(match, *urls, name="test"):
    """The same for any match: `match` is 'rule = "..."' or another line of a [[route]]."""
    servers = ", ".join(f'"{url}"' for url in urls)
    return f'[[route]]\nname = "{name}"\n{match}\nservice = "{name}"\n\n[services.{name}]\nservers = [{servers}]\n\n'


def register(catalog_url, id, name, port, tags=(), check=None, address="127.0.0.1"):
    """Through the agent's API, as services do."""
    service = {"ID": id, "Name": name, "Address": address, "Port": port, "Tags": list(tags)}
    if check:
        service["Check"] = check
    put_json(catalog_url, "/v1/agent/service/register", service)


def deregister(catalog_url, id):
    put_json(catalog_url, f"/v1/agent/service/deregister/{id}")


def host_tag(name, host):
    """The tag that routes `host` to a service."""
    return f"weir.http.routers.{name}.rule=Host(`{host}`)"


def wait_status(address, host, status, deadline_s=10, target="/"):
    """Until `host` answers with `status`; returns that response."""
    seen = []

    def answered():
        response = get(address, target, host)
        seen[:] = [response]
        return response if response.status == status else None
    return wait_for(answered, deadline_s, f"{host}{target} answers {status}")


def names_seen(address, host, requests=20):
    """Which upstreams (by X-Name) answer a number of requests."""
    return {get(address, "/", host).header("x-name") for _ in range(requests)}
