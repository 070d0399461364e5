"""Every example of docs/routing.md: the matchers and what they hold for, tags and commands and what answers then."""

import re
import shlex

from harness import upstreams
from harness.document import ask_all, edge_of, read, section_of
from harness.processes import run_weir

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
