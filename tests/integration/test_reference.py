"""The examples of docs/routing.md: the matchers and what they hold for, tags and commands and what answers then; and
those of docs/providers.md."""

import os
import re
import shlex

from harness import processes, upstreams
from harness.document import ask_all, edge_of, read, section_of
from harness.http import get, request
from harness.processes import run_weir
from harness.wait import wait_for

RULE = """
[[route]]
name = "one"
rule = '{rule}'
service = "static"

[services.static]
servers = ["http://127.0.0.1:9"]
"""
CONFIG = """
[entrypoints.web]
address = "0.0.0.0:8080"

[providers.consul]
addresses = ["http://127.0.0.1:8500"]

[providers.consulkv]
addresses = ["http://127.0.0.1:8500"]
root_key = ""
fabio_prefix = "fabio/config"
"""


def test_rules(t):
    """each matcher holds for its example, and not for the one beside it"""
    section = section_of("routing.md", "Rules")
    rows = re.findall(r"^\| ``(.+?)`` \| .* \| `([^`]+)` \| `([^`]+)` \|$", section, re.M)
    assert len(rows) == section.count("\n| ``") and len(rows) >= 14, len(rows)
    for number, (rule, holds, fails) in enumerate(rows):
        path = t.write(f"rule-{number}/routes.toml", RULE.format(rule=rule.replace("\\|", "|")))
        for question, expected in ((holds, 0), (fails, 1)):
            code, out, err = run_weir("route", "explain", "--routes", path.rsplit("/", 1)[0], *shlex.split(question))
            assert code == expected, (rule, question, out + err)


def answers(t, heading, kind):
    blocks, table = read("routing.md", heading)
    blocks.append((["toml", kind, "weir.toml"], CONFIG))
    edge = edge_of(t, kind, blocks, t.registry(), t.ends(upstreams.Upstream(name="up")))
    ask_all(edge.entry_point(), table, "Weir")
    assert edge.api("/api/rejected") == [], edge.api("/api/rejected")


def test_traefik(t):
    """Traefik's tags and our short form"""
    answers(t, "Traefik's tags", "traefik")


def test_fabio(t):
    """fabio's tags and commands"""
    answers(t, "fabio's tags", "fabio")


def toml_examples(name):
    """The indented blocks of a document that are parts of a weir.toml."""
    with open(os.path.join(processes.ROOT, "docs", name), encoding="utf-8") as file:
        blocks = re.findall(r"(?:^    .*\n)+", file.read(), re.M)
    return [re.sub("^    ", "", block, flags=re.M) for block in blocks if block.startswith("    [")]


def test_configurations(t):
    """every piece of a configuration in docs/providers.md and docs/observability.md is one without an error"""
    for name, count in (("providers.md", 5), ("observability.md", 1)):
        examples = toml_examples(name)
        assert len(examples) >= count, (name, examples)
        for number, text in enumerate(examples):
            path = t.write(f"{number}-{name}.toml", re.sub("/(?:var/log|etc)/weir/", t.path("", ""), text))
            code, out, err = run_weir("config", "check", path)
            assert code == 0, (text, out + err)


def test_consul_kv(t):
    """the keys of docs/providers.md are a route to both servers, its second one twice as often, without the prefix"""
    ends = [t.ends(upstreams.Upstream(name=name)) for name in ("one", "two")]
    registry = t.registry()
    rows = re.findall(r"^    (traefik/\S+) +(\S.*)$", section_of("providers.md", "Consul's key-value store"), re.M)
    assert len(rows) >= 8, rows
    for key, value in rows:
        value = value.replace("10.0.0.1:8080", ends[0].address).replace("10.0.0.2:8080", ends[1].address)
        assert request(registry.url, "PUT", f"/v1/kv/{key}", body=value).status == 200
    text, = [text for text in toml_examples("providers.md") if "[providers.consulkv]" in text]
    edge = t.edge(config=text.replace("http://127.0.0.1:8500", registry.url))
    wait_for(lambda: edge.api("/api/routers"), 15, "the route is there")
    answers = [get(edge.entry_point(), "/shop/x", "web.example.com") for _ in range(6)]
    assert [answer.json()["target"] for answer in answers] == ["/x"] * 6, answers
    assert sorted(answer.json()["name"] for answer in answers) == ["one"] * 2 + ["two"] * 4, answers
    assert edge.api("/api/rejected") == [], edge.api("/api/rejected")


def test_register(t):
    """the edge of docs/providers.md is in Consul under its name, and no more once it has ended"""
    registry = t.registry()
    text, = [text for text in toml_examples("providers.md") if "register_address" in text]
    text = text.replace("[providers.consul]\n", f'[providers.consul]\naddresses = ["{registry.url}"]\n')
    edge = t.edge(config=text)

    def instances():
        return [(one["ServiceAddress"], one["ServicePort"]) for one in
                get(registry.url, "/v1/catalog/service/edge").json()]
    wait_for(lambda: instances() == [("10.0.0.5", 80)], 15, "the edge is registered")
    edge.stop()
    assert instances() == [], instances()
