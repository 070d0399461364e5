"""Middlewares as tags, commands and routes files give them, through the edge to an upstream and back."""

import base64
import hashlib
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import upstreams
from harness.http import get, request
from harness.test import deregister, register, wait_status
from harness.tls import Authority, TlsUpstream
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


def test_traefik_limits(t):
    """rateLimit, inFlightReq and buffering, counted over two workers, and not anew when the catalog changes"""
    consul = t.consul()
    edge = t.edge("--workers", "2", consul=consul.url)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))
    slow = t.ends(upstreams.Upstream(serve=lambda sock, reader: reader.more() and slow.released.wait(20)))
    register(consul.url, "one", "one", up.port, [
        *router("rated", "rate"), f"{M}rate.ratelimit.average=1", f"{M}rate.ratelimit.period=1h",
        f"{M}rate.ratelimit.burst=6",
        *router("small", "body"), f"{M}body.buffering.maxRequestBodyBytes=4",
    ])
    register(consul.url, "two", "two", slow.port, [*router("busy", "seats"), f"{M}seats.inflightreq.amount=2"])
    wait_status(web, "small.test", 200)
    edge.api("/ready")  # answered by way of both workers
    assert [get(web, "/", "rated.test").status for _ in range(6)] == [200] * 6
    refused = get(web, "/", "rated.test")
    assert refused.status == 429 and int(refused.header("retry-after")) > 3000, refused
    register(consul.url, "more", "more", up.port, router("more"))
    wait_status(web, "more.test", 200)
    edge.api("/ready")
    assert [get(web, "/", "rated.test").status for _ in range(4)] == [429] * 4

    assert request(web, "POST", "/", {}, b"1234", "small.test").status == 200
    assert request(web, "POST", "/", {}, b"12345", "small.test").status == 413

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(get, web, "/", "busy.test") for _ in range(2)]
        wait_for(lambda: slow.connections == 2, 20, "both are under way")
        assert [get(web, "/", "busy.test").status for _ in range(4)] == [429] * 4
        slow.released.set()
        assert {one.result().status for one in waiting} == {502}


def test_traefik_forward_auth(t):
    """forwardAuth asks for each request: its yes adds fields, its no is the answer, its death lets nobody in"""
    consul = t.consul()
    edge = t.edge(consul=consul.url)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))

    def judge(asked):
        if asked.header("cookie") == "session=good":
            return upstreams.response(headers=[("X-User", "jane")])
        return upstreams.response(302, "sign in", [("Location", "/login")], "Found")

    auth = t.ends(upstreams.Upstream(judge))
    register(consul.url, "one", "one", up.port, [
        *router("guarded", "ask"), f"{M}ask.forwardauth.address={auth.url}/check",
        f"{M}ask.forwardauth.authResponseHeaders=X-User", f"{M}ask.forwardauth.trustForwardHeader=true"])
    refused = wait_status(web, "guarded.test", 302)
    assert (refused.header("location"), refused.body) == (f"{auth.url}/login", b"sign in"), refused
    assert not up.requests
    for number in range(3):
        assert get(web, f"/{number}", "guarded.test", {"Cookie": "session=good", "X-User": "root"}).status == 200
        assert up.requests[-1].header("x-user") == "jane"
        assert auth.requests[-1].header("x-forwarded-uri") == f"/{number}"
    auth.stop()
    wait_for(lambda: get(web, "/", "guarded.test", {"Cookie": "session=good"}).status == 500, 20, "nobody comes in")
    assert len(up.requests) == 3


def test_forward_auth_over_tls(t):
    """forwardAuth's certificates are files that are watched: nobody comes in before they can be read, and a bad one
    later changes nothing"""
    ca = Authority(t.path("pki", ""))
    auth = t.ends(TlsUpstream(ca.issue("auth", "127.0.0.1"), client_ca=ca.cert))
    own = ca.issue("edge", "edge.test")
    trusted = t.path("trusted.pem")
    up = t.ends(upstreams.Upstream(name="up"))
    consul = t.consul()
    edge = t.edge(consul=consul.url)
    web = edge.entry_point()
    register(consul.url, "one", "one", up.port, [
        *router("guarded", "ask"), f"{M}ask.forwardauth.address={auth.url}/check",
        f"{M}ask.forwardauth.tls.ca={trusted}",
        f"{M}ask.forwardauth.tls.cert={own[0]}", f"{M}ask.forwardauth.tls.key={own[1]}"])
    wait_status(web, "guarded.test", 500)
    problems = edge.api("/api/tls")["serversTransportProblems"]
    assert [name for name in problems if name.endswith("@forwardAuth")] == list(problems), problems
    assert "trusted.pem" in str(problems) and not auth.requests
    with open(ca.cert, encoding="ascii") as file:
        t.write("trusted.pem", file.read())
    wait_status(web, "guarded.test", 200)
    assert auth.requests[-1].target == "/check"
    wait_for(lambda: not edge.api("/api/tls").get("serversTransportProblems"), 10, "nothing is wrong any more")
    t.write("trusted.pem", "-----BEGIN CERTIFICATE-----\nbroken\n")
    wait_for(lambda: "trusted.pem" in str(edge.api("/api/tls")), 10, "the broken file is told")
    assert get(web, "/", "guarded.test").status == 200


def test_forward_auth_that_goes_away(t):
    """a request that began before a forwardAuth with TLS was renamed asks its server still"""
    ca = Authority(t.path("pki", ""))
    may_answer, asked = threading.Event(), threading.Event()

    def slow(_):
        asked.set()
        may_answer.wait(20)
        return upstreams.response()
    first, auth = t.ends(upstreams.Upstream(slow)), t.ends(TlsUpstream(ca.issue("auth", "127.0.0.1")))
    t.endings.append(may_answer.set)
    up = t.ends(upstreams.Upstream(name="up"))
    consul = t.consul()
    edge = t.edge("--workers", "1", consul=consul.url)
    web = edge.entry_point()

    def put(name, *hosts):
        register(consul.url, "one", "one", up.port, [
            *(tag for host in hosts for tag in router(host, f"first,{name}")),
            f"{M}first.forwardauth.address={first.url}/",
            f"{M}{name}.forwardauth.address={auth.url}/", f"{M}{name}.forwardauth.tls.ca={ca.cert}"])
    put("ask", "guarded")
    wait_for(lambda: edge.api("/api/tls")["serversTransports"][-1].startswith("ask"), 20, "it is known")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(get, web, "/", "guarded.test")
        assert asked.wait(20)
        put("other", "guarded", "new")
        wait_for(lambda: "other" in edge.api("/api/tls")["serversTransports"][-1], 20, "the other one is known")
        may_answer.set()
        assert waiting.result(20).status == 200, edge.log()
    assert wait_status(web, "new.test", 200) and len(auth.requests) == 2


def test_traefik_digest_auth(t):
    """digestAuth lets curl --digest in, by a password that is right"""
    consul = t.consul()
    edge = t.edge(consul=consul.url)
    web = edge.entry_point()
    up = t.ends(upstreams.Upstream(name="up"))
    known = hashlib.md5(b"jane:traefik:secret").hexdigest()
    register(consul.url, "one", "one", up.port, [
        *router("digest", "guard"), f"{M}guard.digestauth.users=jane:traefik:{known}",
        f"{M}guard.digestauth.headerfield=X-User"])
    wait_status(web, "digest.test", 401)
    for password, statuses in (("secret", "200 200"), ("other", "401 401")):
        curl = subprocess.run(
            ["curl", "-sS", "--digest", "-u", f"jane:{password}", "-H", "Host: digest.test", "-o", "/dev/null",
             "-o", "/dev/null", "-w", "%{http_code} ", f"http://{web}/a?b=c", f"http://{web}/%20d"],
            capture_output=True, text=True, timeout=20, check=False)
        assert curl.stdout.strip() == statuses, curl
    assert [request.target for request in up.requests] == ["/a?b=c", "/%20d"]
    assert up.requests[-1].header("x-user") == "jane"


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
