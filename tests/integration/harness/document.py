"""Examples of a document: blocks of tags, keys and files, and tables of requests with what answers them."""

import os
import re

from harness import processes
from harness.http import get, request
from harness.test import register
from harness.wait import wait_for


def section_of(name, heading):
    with open(os.path.join(processes.ROOT, "docs", name), encoding="utf-8") as file:
        return next(part for part in file.read().split("\n## ") if part.startswith(heading))


def read(name, heading):
    """(blocks, table) of one section of a document: blocks are (words of the first line, text); the table is (host,
    path, status, path seen by the upstream or None)."""
    section = section_of(name, heading)
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
    """Registers the tags, sets the keys and starts an edge with the files of that kind, weir.toml among them."""
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
            config = t.write("weir.toml", re.sub(r'address = "(?:0\.0\.0\.0)?:\d+"', 'address = "127.0.0.1:0"', text))
        else:
            t.write(words[2], text)
    assert config, kind
    return t.weir("edge", "--config", config, "--admin", "127.0.0.1:0")
