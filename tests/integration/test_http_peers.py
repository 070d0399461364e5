"""HTTP/1.1 as nginx and HAProxy read it: where one of them differs, the case's file says who is right and why."""

import concurrent.futures
import glob
import os
import socket

from harness.conformance import Origin, read_cases, refuses
from harness.processes import PEERS, free_ports
from harness.test import takes
from harness.wait import wait_for

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend web
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin}
"""
AT_ONCE = 8


def start(t, name, template, command):
    """The port of a peer in front of an origin of its own."""
    origin = t.ends(Origin())
    (port,) = free_ports(1)
    path = t.write(f"{name}.conf", template.format(folder=t.folder, port=port, origin=origin.port))
    (program,) = glob.glob(os.path.join(PEERS, name, "usr", "sbin", name)) or [None]
    assert program, f"{name} is missing: run scripts/setup --tests"
    env = {"LD_LIBRARY_PATH": ":".join(glob.glob(os.path.join(PEERS, name, "usr", "lib", "*-linux-gnu")))}
    t.start([program, *command, path], env=env)

    def listens():
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listens, 15, f"{name} listens")
    return port


def compare(name, port):
    """Every case that the request alone decides."""
    cases = [case for case in read_cases() if case.client_only and 404 not in case.statuses]
    assert len(cases) > 100
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = list(pool.map(lambda case: refuses(port, case), cases))
    faults = []
    for case, verdict in zip(cases, verdicts):
        words = {True: "refuses", False: "takes", None: "waits for more of"}[verdict]
        ours = "refused" if case.refused else "taken"
        # One that waits and we refuse at once: neither lets anything pass.
        differs = verdict != case.refused and not (verdict is None and case.refused)
        if differs and name not in case.peers:
            faults.append(f"{case.place}: {name} {words} what is {ours} here, "
                          f"and the case does not say why: {case.name}")
    assert not faults, "\n".join(faults)


@takes(180)
def test_nginx(t):
    """nginx agrees with the cases, or they say why not"""
    compare("nginx", start(t, "nginx", NGINX, ["-e", "stderr", "-p", "/", "-c"]))


@takes(180)
def test_haproxy(t):
    """HAProxy agrees with the cases, or they say why not"""
    compare("haproxy", start(t, "haproxy", HAPROXY, ["-db", "-f"]))
