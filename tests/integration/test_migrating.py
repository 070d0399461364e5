"""Every example of docs/migrating.md: tags, keys and files as they stand there, and the requests of its tables. nginx
runs what consul-template would have made of the template, and has to answer the same."""

import glob
import os
import re
import socket

from harness import processes, upstreams
from harness.http import get, request
from harness.processes import PEERS, free_ports
from harness.test import register
from harness.wait import wait_for

DOCUMENT = os.path.join(processes.ROOT, "docs", "migrating.md")
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{site}
}}
"""


def read(heading):
    """(blocks, table) of one section: blocks are (words of the first line, text); the table is (host, path, status,
    path seen by the upstream or None)."""
    with open(DOCUMENT, encoding="utf-8") as file:
        section = next(part for part in file.read().split("\n## ") if part.startswith(heading))
    blocks = [(words.split(), text) for words, text in re.findall(r"^```([^\n]+)\n(.*?)^```$", section, re.M | re.S)]
    rows = re.findall(r"^\| `([^/`]+)(/[^`]*)` \| (\d+)(?:, path `([^`]+)`)? \|$", section, re.M)
    assert blocks and rows, heading
    return blocks, [(host, path, int(status), seen or None) for host, path, status, seen in rows]


def ask_all(address, table, who):
    """Until every row of the table holds."""
    def answer(host, path):
        response = get(address, path, host)
        return response.status, response.json()["target"] if response.status == 200 else None
    for host, path, status, seen in table:
        wait_for(lambda h=host, p=path, a=(status, seen): answer(h, p) == a, 15,
                 f"{who} answers {host}{path} with {status} and {seen}")


def edge_of(t, kind, blocks, registry, up):
    """Registers the tags, sets the keys and starts an edge with the files of that kind."""
    ours = [(words, text) for words, text in blocks if words[1] == kind]

    def local(text):
        return text.replace("http://127.0.0.1:8500", registry.url).replace("127.0.0.1:9000", f"127.0.0.1:{up.port}")
    config = None
    for words, text in ours:
        text = local(text)
        if words[0] == "tags":
            check = {"TTL": "10m", "Status": "passing"}
            register(registry.url, words[2], words[2], up.port, text.split("\n")[:-1], check)
        elif words[0] in ("key", "keys"):
            pairs = [(words[2], text)] if words[0] == "key" else [line.split(None, 1) for line in text.split("\n")[:-1]]
            for key, value in pairs:
                assert request(registry.url, "PUT", f"/v1/kv/{key}", body=value).status == 200
        elif words[2] == "weir.toml":
            config = t.write("weir.toml", re.sub(r'address = "0.0.0.0:\d+"', 'address = "127.0.0.1:0"', text))
        else:
            t.write(words[2], text)
    assert config, kind
    return t.weir("edge", "--config", config, "--admin", "127.0.0.1:0")


def migrates(t, heading, kind):
    blocks, table = read(heading)
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
