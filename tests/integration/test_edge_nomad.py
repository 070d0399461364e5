"""Routes from Nomad's native services. Its server is scripted, by the documented wire format; no package brings a real
one."""

import os

from harness import upstreams
from harness.http import get
from harness.lying_catalog import LyingNomad
from harness.test import host_tag, names_seen, wait_status
from harness.wait import stays_true, wait_for

NOMAD = """
[providers.nomad]
addresses = ["{url}"]
wait_s = 2
{more}

[safety]
hold_ms = {hold_ms}
"""
HOST = "web.test"


def start(t, nomad, more="", *arguments, hold_ms=60_000):
    return t.edge(*arguments, config=NOMAD.format(url=nomad.url, more=more, hold_ms=hold_ms))


def add(t, nomad, name, service="web", tags=None):
    up = t.ends(upstreams.Upstream(name=name))
    nomad.register(name, service, up.port, [host_tag(service, f"{service}.test")] if tags is None else tags)
    return up


def test_services(t):
    """services come, change their tags and go; names end in @nomad"""
    nomad = t.ends(LyingNomad())
    edge = start(t, nomad, hold_ms=300)
    web = edge.entry_point()
    wait_status(edge.admin, "admin", 200, target="/ready")
    one = add(t, nomad, "one")
    assert wait_status(web, HOST, 200).header("x-name") == "one"
    add(t, nomad, "two")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 10, "both instances answer")
    assert [each["name"] for each in edge.api("/api/routers")] == ["web@nomad"]
    nomad.register("one", "web", one.port, [host_tag("web", "moved.test")])
    nomad.deregister("two")
    wait_status(web, "moved.test", 200)
    wait_status(web, HOST, 404)
    nomad.deregister("one")
    wait_status(web, "moved.test", 503)  # its service is gone: a tombstone
    assert 'weir_provider_age_seconds{provider="nomad"}' in get(edge.admin, "/metrics").text()


def test_grammars(t):
    """Traefik's tags with blanks around them, fabio's and canaries are read as from Consul"""
    nomad = t.ends(LyingNomad())
    edge = start(t, nomad)
    web = edge.entry_point()
    add(t, nomad, "plain", "plain", [])
    add(t, nomad, "tagged", "tagged", ["traefik.enable=true", " traefik.http.routers.t.rule = Host(`t.test`) "])
    add(t, nomad, "fabio", "fabio", ["urlprefix-f.test/"])
    add(t, nomad, "canary", "tagged", ["traefik.enable=true", "traefik.nomad.canary=true",
                                       "traefik.http.routers.c.rule=Host(`c.test`)"])
    wait_status(web, "t.test", 200)
    wait_status(web, "f.test", 200)
    assert wait_status(web, "c.test", 200).header("x-name") == "canary"
    assert names_seen(web, "t.test") == {"tagged"}, "a canary gets no requests of the others'"
    assert get(web, "/", "plain.test").status == 404


def survives(t, kind):
    nomad = t.ends(LyingNomad())
    add(t, nomad, "one")
    edge = start(t, nomad)
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    mark = nomad.now()
    nomad.lie(kind)
    wait_for(lambda: len(nomad.queries_since(mark)) >= 2, 20, f"it is asked again through {kind}")
    stays_true(lambda: get(web, "/", HOST).status == 200, 1, f"the route stays through {kind}")
    nomad.tell_truth()
    add(t, nomad, "two")
    wait_for(lambda: "two" in names_seen(web, HOST, 30), 30, f"changes arrive again after {kind}")


def test_error(t):
    """status 500"""
    survives(t, "500")


def test_html(t):
    """200 with a page that is no JSON"""
    survives(t, "html")


def test_cut(t):
    """a body that ends before its length"""
    survives(t, "cut")


def test_half_json(t):
    """a whole body of half a JSON text"""
    survives(t, "half-json")


def test_reset(t):
    """connections that are reset"""
    survives(t, "reset")


def test_no_index(t):
    """answers without X-Nomad-Index"""
    survives(t, "no-index")


def test_empty(t):
    """an empty list under a higher index is held, and said so"""
    nomad = t.ends(LyingNomad())
    add(t, nomad, "one")
    edge = start(t, nomad)
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    nomad.lie("empty")
    wait_for(lambda: "held" in get(edge.admin, "/ready").text(), 10, "it is held")
    assert get(web, "/", HOST).status == 200
    nomad.tell_truth()
    wait_for(lambda: "held" not in get(edge.admin, "/ready").text(), 10, "and let go when the truth is back")


def test_token_and_namespace(t):
    """X-Nomad-Token from a file that is rotated, and the namespace, go with every query"""
    nomad = t.ends(LyingNomad(namespace="team a"))
    nomad.token = "first"
    add(t, nomad, "one")
    token = t.write("token", "first\n")
    edge = start(t, nomad, f'token_file = "{token}"\nnamespace = "team a"')
    web = edge.entry_point()
    wait_status(web, HOST, 200)
    t.write("token", "second\n")
    nomad.token = "second"
    add(t, nomad, "two")
    wait_for(lambda: names_seen(web, HOST) == {"one", "two"}, 30, "the new token is taken")
    other = t.ends(LyingNomad())
    add(t, other, "elsewhere")
    mark = other.now()
    again = start(t, other, 'namespace = "none"')
    wait_status(again.admin, "admin", 200, target="/ready")
    assert other.queries_since(mark) and get(again.entry_point(), "/", HOST).status == 404


def test_start_without_nomad(t):
    """an edge that starts while Nomad is down serves the last good services from its disk"""
    nomad = t.ends(LyingNomad())
    add(t, nomad, "one")
    edge = start(t, nomad, "", "--data-dir", t.path("data", ""))
    wait_status(edge.entry_point(), HOST, 200)
    assert edge.stop() == 0
    nomad.lie("reset")
    again = start(t, nomad, "", "--data-dir", t.path("data", ""))
    wait_status(again.entry_point(), HOST, 200)
    assert "from disk" in get(again.admin, "/ready").text(), get(again.admin, "/ready")
    assert os.path.exists(t.path("data", "catalog-nomad.json"))
