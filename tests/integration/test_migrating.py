"""Every example of docs/migrating.md: tags, keys and files as they stand there, and the requests of its tables. nginx
runs what consul-template would have made of the template, and has to answer the same."""

import glob
import os
import re
import socket

from harness import upstreams
from harness.document import ask_all, edge_of, read
from harness.processes import PEERS, free_ports
from harness.wait import wait_for

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{site}
}}
"""


def migrates(t, heading, kind):
    blocks, table = read("migrating.md", heading)
    registry = t.registry()
    up = t.ends(upstreams.Upstream(name="up"))
    edge = edge_of(t, kind, blocks, registry, up)
    ask_all(edge.entry_point(), table, "Weir")
    assert edge.api("/api/rejected") == [], edge.api("/api/rejected")
    return blocks, table, up


def test_traefik(t):
    """from Traefik: tags, keys and a file"""
    migrates(t, "From Traefik", "traefik")


def test_fabio(t):
    """from fabio: tags and commands"""
    migrates(t, "From fabio", "fabio")


def test_nginx(t):
    """from nginx with consul-template: nginx before, Weir after"""
    blocks, table, up = migrates(t, "From nginx", "nginx")
    template, = [text for words, text in blocks if words[-1] == "site.ctmpl"]
    port, = free_ports(1)
    server = f"  server 127.0.0.1:{up.port};\n"
    site = re.sub(r'{{ range service "shop" }}.*?{{ end }}', server, template, flags=re.S)
    site = site.replace("listen 80", f"listen 127.0.0.1:{port}").replace("127.0.0.1:9000", f"127.0.0.1:{up.port}")
    path = t.write("nginx.conf", NGINX.format(folder=t.folder, site=site))
    program = os.path.join(PEERS, "nginx", "usr", "sbin", "nginx")
    assert os.path.exists(program), "nginx is missing: run scripts/setup --tests"
    t.start([program, "-e", "stderr", "-p", "/", "-c", path],
            env={"LD_LIBRARY_PATH": ":".join(glob.glob(os.path.join(PEERS, "nginx", "usr", "lib", "*-linux-gnu")))})

    def listens():
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listens, 15, "nginx listens")
    ask_all(f"127.0.0.1:{port}", table, "nginx")
