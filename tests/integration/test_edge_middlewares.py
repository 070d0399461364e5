"""Middlewares as tags, commands and routes files give them, through the edge to an upstream and back."""

import base64
import os

from harness import upstreams
from harness.http import get
from harness.test import deregister, register, wait_status
from harness.wait import wait_for

JANE = "jane:$2y$04$CCCCCCCCCCCCCCCCCCCCC.YbzMjza7WrHk/.g3wy54b3O5tkq1XrS"  # the password is the name
JOHN = "john:$apr1$Zb3xq/.7$o4RwVWirdQ66dTfff.rwo1"  # "a"
M = "traefik.http.middlewares."


def as_user(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def router(name, *middlewares):
    return [f"traefik.http.routers.{name}.rule=Host(`{name}.test`)",
            f"traefik.http.routers.{name}.middlewares={','.join(middlewares)}"]


def test_traefik_tags(t):
    """basicAuth, chain, ipAllowList and the ones with expressions, tagged as for Traefik"""
    consul = t.consul()
    edge = t.edge(consul=consul.url)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))
    register(consul.url, "one", "one", up.port, [
        *router("guarded", "guard"), f"{M}guard.basicauth.users={JANE},{JOHN}",
        f"{M}guard.basicauth.removeHeader=true", f"{M}guard.basicauth.headerField=X-User",
        *router("chained", "all"), f"{M}all.chain.middlewares=inside,version,name",
        f"{M}inside.ipallowlist.sourcerange=127.0.0.0/8", f"{M}version.stripprefixregex.regex=^/v[0-9]+",
        f"{M}name.replacepathregex.regex=^/by/([a-z]+)$", f"{M}name.replacepathregex.replacement=/found/$1",
        *router("outside", "elsewhere"), f"{M}elsewhere.ipallowlist.sourcerange=192.0.2.0/24",
        *router("moved", "move"), f"{M}move.redirectregex.regex=^http://moved.test/(.*)",
        f"{M}move.redirectregex.replacement=https://new.test/${{1}}",
    ])
    refused = wait_status(web, "guarded.test", 401)
    assert refused.header("www-authenticate") == 'Basic realm="traefik"'
    assert not up.requests
    for user, password in (("jane", "jane"), ("john", "a")):
        assert get(web, "/", "guarded.test", as_user(user, password)).status == 200
        assert up.requests[-1].header("x-user") == user
        assert up.requests[-1].header("authorization") is None
    assert get(web, "/", "guarded.test", as_user("jane", "a")).status == 401

    assert get(web, "/v12/by/name?q", "chained.test").status == 200
    assert up.requests[-1].target == "/found/name?q"
    assert up.requests[-1].header("x-forwarded-prefix") == "/v12"
    assert up.requests[-1].header("x-replaced-path") == "/by/name"
    assert get(web, "/", "outside.test").status == 403
    moved = get(web, "/x?y=1", "moved.test")
    assert (moved.status, moved.header("location")) == (302, "https://new.test/x?y=1"), moved


def test_fabio_auth(t):
    """fabio's auth= asks a middleware of the routes files: 503 while there is none, never openly; users come and go"""
    consul = t.consul()
    users = t.write("users", JANE + "\n")
    folder = os.path.dirname(t.write("routes/empty.toml", ""))
    edge = t.edge(consul=consul.url, routes=folder)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))
    register(consul.url, "one", "one", up.port, ["urlprefix-f.test/ auth=staff"], {"TTL": "10m", "Status": "passing"})
    wait_status(web, "f.test", 503)
    wait_for(lambda: "staff@file does not exist" in str(edge.api("/api/rejected")), 10, "the reason is told")
    t.write("routes/staff.toml", f'[middlewares.staff]\ntype = "basicAuth"\nusersFile = "{users}"\nrealm = "staff"\n')
    assert wait_status(web, "f.test", 401).header("www-authenticate") == 'Basic realm="staff"'
    assert get(web, "/", "f.test", as_user("jane", "jane")).status == 200
    assert not get(web, "/", "f.test", as_user("john", "a")).status == 200
    t.write("users", JOHN + "\n")
    wait_for(lambda: get(web, "/", "f.test", as_user("john", "a")).status == 200, 20, "a new user comes in")
    assert len(up.requests) == 2
    deregister(consul.url, "one")
