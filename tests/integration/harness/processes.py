"""Real processes: started with a log file, waited for with a deadline, always ended."""

import ctypes
import json
import os
import re
import signal
import socket
import subprocess

from .http import get
from .wait import wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PEERS = os.path.join(ROOT, "build", "peers")
# With the sanitizers on a busy machine of two cores.
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 15
SANITIZER_REPORT = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|CHECK failed|ASSERT)")

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def weir_binary():
    return os.environ.get("WEIR_BIN") or os.path.join(ROOT, "build", "weir")


def demo_binary():
    return os.path.join(os.path.dirname(os.path.realpath(weir_binary())), "weir-demo")


def become_child():
    """Dies with us, but not by the same Ctrl-C: whoever started it ends it, in order."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)


def free_ports(count, address="127.0.0.1"):
    """Ports nobody has now; only for peers that cannot take port 0 and say which they got."""
    socks = []
    for _ in range(count):
        sock = socket.socket()
        sock.bind((address, 0))
        socks.append(sock)
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


class Process:
    """A child process and its log."""

    def __init__(self, command, log_path, env=None, cwd=None):
        self.command, self.log_path = [str(c) for c in command], log_path
        with open(log_path, "ab") as log:
            log.write(f"$ {' '.join(self.command)}\n".encode())
            log.flush()
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd,
                                          env={**os.environ, **(env or {})}, preexec_fn=become_child)
        self.pid = self.child.pid

    def words(self):
        """What it is, for messages: "weir edge"."""
        return " ".join([os.path.basename(self.command[0]), *self.command[1:2]])

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def wait(self, deadline_s, reason):
        try:
            return self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not within {deadline_s} s: {reason}; its log ends:\n{self.log()[-3000:]}") from None

    def stop(self, deadline_s=STOP_SECONDS_MAX):
        """SIGTERM and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline_s, f"{self.words()} ends after SIGTERM")

    def kill(self):
        """kill -9"""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def faults(self):
        """What a sanitizer or a failed CHECK wrote."""
        written = [line for line in self.log().splitlines() if not line.startswith("$ ")]
        return [line for line in written if SANITIZER_REPORT.search(line)]


class Weir(Process):
    """A long-running subcommand of weir; `ready` is what its ready file says."""

    def __init__(self, subcommand, arguments, folder, name, env=None):
        self.ready_path = os.path.join(folder, f"{name}.ready")
        if os.path.exists(self.ready_path):
            os.remove(self.ready_path)
        command = [weir_binary(), subcommand, *arguments, "--ready-file", self.ready_path]
        super().__init__(command, os.path.join(folder, f"{name}.log"), env)
        self.ready = {}

    def wait_ready(self, deadline_s=START_SECONDS_MAX):
        def ready():
            if not self.running():
                raise SystemError(f"it ended with code {self.child.returncode}")
            with open(self.ready_path, encoding="utf-8") as file:
                return json.load(file)
        try:
            self.ready = wait_for(ready, deadline_s, "the ready file of " + " ".join(self.command[1:]))
        except (AssertionError, SystemError) as error:
            raise AssertionError(f"{' '.join(self.command)}: {error}; its log ends:\n{self.log()[-3000:]}") from None
        return self

    def entry_point(self, name="web"):
        return self.ready["entrypoints"][name]

    @property
    def admin(self):
        return self.ready["admin"]

    @property
    def http(self):
        return self.ready["http"]

    @property
    def url(self):
        return "http://" + self.http

    def api(self, target):
        """A GET of the admin API, as JSON."""
        response = get(self.admin, target)
        assert response.status == 200, f"GET {target}: {response}"
        return response.json()


def run_weir(*arguments, env=None, deadline_s=30):
    """A client subcommand: (exit code, standard output, standard error)."""
    command = [weir_binary(), *[str(a) for a in arguments]]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=deadline_s,
                            env={**os.environ, **(env or {})}, check=False)
    return result.returncode, result.stdout, result.stderr


class Consul(Process):
    """The real Consul 1.8.7 as one server that keeps its data in `folder`; starts again with the same folder, ports."""

    def __init__(self, folder, ports=None, name="consul", connect=False):
        program = os.path.join(PEERS, "consul", "usr", "bin", "consul")
        assert os.path.exists(program), "the real Consul is missing: run scripts/setup --tests"
        self.folder, self.ports = folder, ports or free_ports(5)
        http, server, lan, wan, dns = self.ports
        os.makedirs(folder, exist_ok=True)
        config = {
            "server": True, "bootstrap": True, "data_dir": os.path.join(folder, "data"), "node_name": "n1",
            "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "disable_update_check": True,
            "disable_host_node_id": True, "performance": {"raft_multiplier": 1}, "leave_on_terminate": False,
            "skip_leave_on_interrupt": True,
            "connect": {"enabled": connect},
            "ports": {"http": http, "server": server, "serf_lan": lan, "serf_wan": wan, "dns": dns, "grpc": -1}}
        config_path = os.path.join(folder, "consul.json")
        with open(config_path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.url = f"http://127.0.0.1:{http}"
        super().__init__([program, "agent", "-config-file", config_path], os.path.join(folder, f"{name}.log"))

    def wait_ready(self, deadline_s=30):
        """Until it has a leader and has registered itself."""
        def ready():
            assert self.running(), "Consul ended: " + self.log()[-2000:]
            return get(self.url, "/v1/status/leader").json() and \
                get(self.url, "/v1/health/service/consul?passing").json()
        wait_for(ready, deadline_s, "Consul has a leader and knows itself")
        return self
