"""The proxies that are compared: how each is started so that all do the same work.

Each adds X-Forwarded-For, -Proto, -Host, -Port and X-Real-Ip to the request where it can, keeps connections on both
sides, has one worker, no log unless the scenario asks for one, and knows the hosts it serves.
"""

import dataclasses
import glob
import os
import re
import socket
import subprocess

from harness.processes import Process, Weir, free_ports, weir_binary
from harness.wait import wait_for
import machine

PEERS = os.path.join(machine.ROOT, "build", "peers")
PROGRAMS = os.path.join(machine.ROOT, "build", "tests", "bench")
START_SECONDS_MAX = 120  # 100,000 hosts
IDLE_UPSTREAMS = 512  # more than any workload has at once
HOSTS_A_FILE = 10_000  # of three routes each: 2.3 MB, where Weir reads 4 MiB


@dataclasses.dataclass
class Scenario:
    """What a proxy is to be set up for."""
    folder: str
    upstream_port: int
    hosts: int = 1
    large: bool = False        # bodies of megabytes: each peer's best way for them
    websocket: bool = False
    connections: int = 2000
    access_log: str = ""       # a path
    tls: object = None         # a Certificate: the entry point speaks TLS 1.3, HTTP/2 too
    upstream_scheme: str = "http"


@dataclasses.dataclass
class Certificate:
    """Paths: the chain, the key, and both in one file."""
    cert: str
    key: str
    both: str


@dataclasses.dataclass
class Running:
    """A started proxy."""
    name: str
    process: object
    port: int
    configuration: str

    @property
    def pid(self):
        return self.process.pid


def host_names(count):
    return [f"h{i:06}.bench.test" for i in range(count)]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def found(peer, *names):
    for name in names:
        for path in glob.glob(os.path.join(PEERS, name)):
            return path
    raise FileNotFoundError(f"{peer} is not there: scripts/setup --bench {peer} fetches it")


def listens(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def start_peer(scenario, name, port, configuration, command, env=None):
    """Started with its output in a log and on the proxy's CPU; returns when it accepts connections."""
    process = Process(machine.pinned(machine.PROXY_CPU, command), os.path.join(scenario.folder, f"{name}.log"), env)

    def ready():
        if not process.running():
            raise RuntimeError(f"{name} ended with code {process.child.returncode}:\n{process.log()[-2000:]}")
        return listens(port)
    wait_for(ready, START_SECONDS_MAX, f"{name} listens")
    return Running(name, process, port, configuration)


def version_line(command, pattern, env=None):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})})
    match = re.search(pattern, done.stdout + done.stderr)
    return match.group(1) if match else "?"


class Relay:
    """The floor: carries bytes, parses nothing."""

    def __init__(self, name="relay", *flags):
        self.name, self.flags = name, flags

    def version(self):
        return "tests/bench/programs/relay.cc"

    def start(self, scenario):
        log = os.path.join(scenario.folder, f"{self.name}.log")
        command = [os.path.join(PROGRAMS, "bench-relay"), scenario.upstream_port, *self.flags]
        process = Process(machine.pinned(machine.PROXY_CPU, command), log)
        port = wait_for(lambda: int(re.search(r"^port (\d+)", process.log(), re.M).group(1)) if "port " in process.log()
                        else 0, 10, "the relay's port")
        return Running(self.name, process, port, " ".join(map(str, self.flags)))


class WeirEdge:
    """Ours, in the build that scripts/build makes."""

    def __init__(self, name="weir", *settings, workers=1):
        self.name, self.settings, self.workers = name, settings, workers

    def version(self):
        return version_line([weir_binary(), "--version"], r"(\d\S*)")

    def start(self, scenario):
        folder = os.path.join(scenario.folder, self.name)
        os.makedirs(os.path.join(folder, "routes"), exist_ok=True)
        for number, text in enumerate(self.routes(scenario)):
            write(os.path.join(folder, "routes"), f"bench-{number:02}.toml", text)
        settings = [f"limits.connections_max={scenario.connections + 1000}",
                    f"limits.upstream_idle_per_endpoint_max={IDLE_UPSTREAMS}", "log.level=warn", *self.settings]
        if scenario.tls:
            settings += ["entrypoints.web.tls=true", f"tls.file={self.tls_file(folder, scenario.tls)}"]
        if scenario.access_log:
            settings += ["access_log.format=common", f"access_log.path={scenario.access_log}"]
        arguments = ["--entrypoint", "web=127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", str(self.workers),
                     "--routes", os.path.join(folder, "routes")]
        for setting in settings:
            arguments += ["--set", setting]
        edge = PinnedWeir("edge", arguments, folder, "weir")
        edge.wait_ready(START_SECONDS_MAX)
        return Running(self.name, edge, int(edge.ready["entrypoints"]["web"].rsplit(":", 1)[1]), " ".join(arguments))

    @staticmethod
    def tls_file(folder, tls):
        return write(folder, "tls.toml", f"""[[tls.certificates]]
certFile = "{tls.cert}"
keyFile = "{tls.key}"
[tls.options.default]
minVersion = "VersionTLS13"
""")

    @staticmethod
    def routes(scenario):
        """The texts of the routes files, each below what a file may have."""
        yield f'[services.bench]\nservers = ["{scenario.upstream_scheme}://127.0.0.1:{scenario.upstream_port}"]\n'
        hosts = host_names(scenario.hosts)
        if len(hosts) == 1:
            tls = "tls = true\n" if scenario.tls else ""
            yield f'[[route]]\nhost = "{hosts[0]}"\nservice = "bench"\n{tls}'
            return
        for first in range(0, len(hosts), HOSTS_A_FILE):
            yield "".join(f'[[route]]\nhost = "{host}"\npath_prefix = "/p{path}"\nservice = "bench"\n'
                          for host in hosts[first:first + HOSTS_A_FILE] for path in range(3))


class PinnedWeir(Weir):
    """On the proxy's CPU, as every peer."""

    def __init__(self, subcommand, arguments, folder, name, env=None, cpu=machine.PROXY_CPU):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu})  # inherited
        try:
            super().__init__(subcommand, arguments, folder, name, env)
        finally:
            os.sched_setaffinity(0, before)


class Nginx:
    name = "nginx"

    def binary(self):
        return found(self.name, "nginx/usr/sbin/nginx")

    def version(self):
        return version_line([self.binary(), "-v"], r"nginx/(\S+)")

    def start(self, scenario):
        port = free_ports(1)[0]
        folder = os.path.join(scenario.folder, "nginx")
        os.makedirs(folder, exist_ok=True)
        connection = '"upgrade"' if scenario.websocket else '""'
        upgrade = "proxy_set_header Upgrade $http_upgrade;" if scenario.websocket else ""
        large = ("proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 256k; "
                 "proxy_max_temp_file_size 0; proxy_request_buffering off; client_max_body_size 0;"
                 if scenario.large else "")
        tls = (f"ssl_certificate {scenario.tls.cert}; ssl_certificate_key {scenario.tls.key}; ssl_protocols TLSv1.3;"
               if scenario.tls else "")
        log = f"access_log {scenario.access_log};" if scenario.access_log else "access_log off;"
        if scenario.hosts == 1:
            match, guard = f"server_name {host_names(1)[0]};", ""
        else:  # the best way nginx has for very many hosts and paths with the same service
            match = "server_name _;"
            guard = 'if ($backend = "") { return 404; }'
            names = "".join(f"    {h} bench;\n"
                            for h in host_names(scenario.hosts))
            write(folder, "hosts.map", names)
        hosts_map = ("" if scenario.hosts == 1 else
                     f"map_hash_max_size 1048576; map_hash_bucket_size 128;\n"
                     f"  map $host $backend {{ default \"\"; include {folder}/hosts.map; }}")
        text = f"""worker_processes 1;
daemon off;
pid {folder}/pid;
error_log stderr error;
worker_rlimit_nofile 20000;
events {{ worker_connections 18000; }}
http {{
  {log}
  {hosts_map}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_timeout 600; keepalive_requests 1000000000;
  upstream bench {{
    server 127.0.0.1:{scenario.upstream_port};
    keepalive {IDLE_UPSTREAMS}; keepalive_requests 1000000000; keepalive_timeout 600;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096{' ssl http2' if scenario.tls else ''};
    {tls}
    {match}
    {large}
    location / {{
      {guard}
      proxy_pass http://bench;
      proxy_http_version 1.1;
      {upgrade}
      proxy_set_header Connection {connection};
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Real-Ip $remote_addr;
    }}
  }}
}}
"""
        path = write(folder, "nginx.conf", text)
        command = [self.binary(), "-p", folder, "-c", path, "-e", "stderr"]
        return start_peer(scenario, self.name, port, text, command)


class HAProxy:
    name = "haproxy"
    env = {"LD_LIBRARY_PATH": os.pathsep.join(glob.glob(os.path.join(PEERS, "haproxy/usr/lib/*-linux-gnu")))}

    def binary(self):
        return found(self.name, "haproxy/usr/sbin/haproxy")

    def version(self):
        return version_line([self.binary(), "-v"], r"version (\S+)", self.env)

    def start(self, scenario):
        port = free_ports(1)[0]
        if scenario.hosts == 1:
            match = f"use_backend bench if {{ hdr(host) -i {host_names(1)[0]} }}"
        else:
            hosts = write(scenario.folder, "haproxy.map", "".join(f"{h} bench\n" for h in host_names(scenario.hosts)))
            match = f"use_backend %[hdr(host),lower,map_str({hosts})]"
        splice = "option splice-auto" if scenario.large else ""
        tls = (f"ssl crt {scenario.tls.both} ssl-min-ver TLSv1.3 alpn h2,http/1.1" if scenario.tls else "")
        log = ""
        if scenario.access_log:
            log = "log stdout format raw local0\n  option httplog"
        text = f"""global
  nbthread 1
  maxconn {scenario.connections}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  timeout tunnel 600s
  http-reuse always
  {splice}
frontend web
  bind 127.0.0.1:{port} backlog 4096 {tls}
  {log}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Real-Ip %[src]
  {match}
backend bench
  server one 127.0.0.1:{scenario.upstream_port} pool-max-conn {IDLE_UPSTREAMS} pool-purge-delay 600s
"""
        path = write(scenario.folder, "haproxy.cfg", text)
        return start_peer(scenario, self.name, port, text, [self.binary(), "-db", "-f", path], self.env)
