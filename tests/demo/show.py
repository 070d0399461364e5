"""scripts/demo: the cluster in the foreground, with what to open and to try on one screen."""

import os
import shlex
import shutil
import signal
import threading
import time

from demo.cluster import JOBS
from harness import processes
from harness.http import get
from harness.wait import wait_for

# A part that died, by whatever hand, is started again after this: long enough to see that the edges serve without it.
RESTART_AFTER_S = 5

TEXT = r"""
Weir is up: a registry, a scheduler and {nodes} nodes, each with an edge in front; frontend, backend and fib as jobs.

Open    http://frontend.localhost:{http}/     edge -> frontend (by its host name) -> backend (found in the registry)
        http://{host}:{http}/fib?n=30          edge -> fib (by its path); also at {others}
        http://{host}:{admin}/api/routers      the admin API of an edge; / lists the rest
        http://{registry}/v1/catalog/services   the registry: Consul's API
Ask     {weir} route list{admin_flag}
        {weir} route explain{admin_flag} http://frontend.localhost/
        {weir} job status{nomad_flag}
        {weir} service list{consul_flag}
Scale   {weir} job run{nomad_flag} -var instances=5 \
          -var demo_binary={demo} {backend}
Kill    kill -9 {victim}     an instance of backend; it is started again in its allocation
        kill -9 {registry_pid}     the registry; it is started again after {restart} s, and the edges serve on
Route   edit {routes}/example.toml: a new host answers at once;
        an error keeps the old routes, and http://{host}:{admin}/api/rejected has file, line and column
Logs    {logs}; {weir} alloc logs{nomad_flag} ALLOCATION

Ctrl-C stops everything."""


def say(text):
    print(text, flush=True)


class Show:
    def __init__(self, cluster, keep_data):
        self.cluster, self.keep_data = cluster, keep_data
        self.stopping = threading.Event()

    def run(self):
        """The exit code. Ends at Ctrl-C or SIGTERM; a second one does not wait for anything."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_signal)
        try:
            self.deploy()
            say(self.text())
            self.stay()
            code = 0
        except Stopped:
            code = 0
        except (OSError, ValueError, AssertionError, LookupError) as error:
            say(f"{self.cluster.log_tails()}\n\nerror: {type(error).__name__}: {error}")
            code, self.keep_data = 1, True  # the logs are what is needed now
        self.close()
        return code

    def on_signal(self, *_):
        if self.stopping.is_set():
            raise Stopped()
        self.stopping.set()
        # While it starts there is nothing to wait for.
        if not self.staying:
            raise Stopped()

    staying = False

    def deploy(self):
        cluster, settings = self.cluster, self.cluster.settings
        say(f"==> starting a registry, a scheduler, {len(settings.hosts)} agents; data and logs: {settings.data_dir}")
        example = os.path.join(settings.routes_dir, "example.toml")
        if not os.path.exists(example):
            shutil.copyfile(os.path.join(processes.ROOT, "conf", "routes.d", "example.toml"), example)
        cluster.start()
        for job in ("edge", "backend", "fib", "frontend"):
            say(f"==> weir job run {job}.nomad")
            cluster.run_job(job)
        for edge in settings.edges:
            wait_for(lambda e=edge: '"service": "backend"' in get(e, "/", "frontend.localhost").text() and
                     get(e, "/fib?n=30").status == 200, 30, f"the edge at {edge} answers")

    def text(self):
        settings = self.cluster.settings

        def flag(name, value, default):
            """Only where the address is not the client's default."""
            return "" if value == default else f" {name} http://{value}"
        return TEXT.format(
            nodes=len(settings.hosts), host=settings.hosts[0], others=" and ".join(settings.edges[1:]),
            http=settings.http_port, admin=settings.admin_port, registry=settings.registry,
            admin_flag=flag("--admin", settings.admins[0], "127.0.0.1:8081"),
            nomad_flag=flag("--address", settings.scheduler, "127.0.0.1:4646"),
            consul_flag=flag("--http-addr", settings.registry, "127.0.0.1:8500"),
            weir=self.short(processes.weir_binary()), demo=shlex.quote(processes.demo_binary()),
            backend=self.short(os.path.join(JOBS, "backend.nomad")),
            victim=self.cluster.tasks("backend")[0].pid, registry_pid=self.cluster.parts["registry"].pid,
            restart=RESTART_AFTER_S, routes=self.short(settings.routes_dir), logs=self.short(self.cluster.logs))

    def short(self, path):
        """From where the user stands, where that is shorter; as a word of a command."""
        return shlex.quote(min(os.path.relpath(path), path, key=len))

    def stay(self):
        self.staying = True
        ended = {}  # name -> when it may be started again
        while not self.stopping.wait(0.2):
            for name, part in self.cluster.parts.items():
                if name not in ended and not part.running():
                    ended[name] = time.monotonic() + RESTART_AFTER_S
                    say(f"{name} has ended (code {part.child.returncode}); it is started again in {RESTART_AFTER_S} s")
            for name in [name for name, due in ended.items() if time.monotonic() >= due]:
                del ended[name]
                self.start_again(name)

    def start_again(self, name):
        try:
            part = self.cluster.start_again(name)
            say(f"{name} runs again (pid {part.pid})")
        except AssertionError as error:
            say(f"{name} does not start: {error}")

    def close(self):
        """Jobs first: tasks outlive their agents by design."""
        say("\n==> stopping the jobs, then everything else (Ctrl-C again: at once)" if self.staying else "")
        try:
            if self.staying:
                self.cluster.stop_jobs()
                self.cluster.stop_parts()
        except (Stopped, OSError, ValueError, AssertionError, LookupError) as error:
            say("at once" if isinstance(error, Stopped) else f"not in order: {type(error).__name__}: {error}")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.cluster.close()
        if not self.keep_data:
            self.cluster.remove_data()
        say("==> nothing runs any more" + (f"; data and logs stay in {self.cluster.settings.data_dir}"
                                            if self.keep_data else ""))


class Stopped(Exception):
    """The user wants it to end now."""
