"""Transports towards https upstreams when TLS is read anew: who keeps its connections, and what one bad item costs."""

import signal

from harness.http import get
from harness.test import register, route, route_to, wait_status
from harness.tls import Authority, TlsConnection, TlsUpstream, tls_get
from harness.wait import wait_for
from test_edge_tls import certificate, lines_of, refused, secure_edge

HOST = "app.test"


def routes_of(**servers):
    return "".join(route(f'host = "{name}.test"', upstream.url, name=name) + f'servers_transport = "{name}"\n\n'
                   for name, upstream in servers.items())


def transport(name, ca_file):
    return f'[serversTransports.{name}]\nrootCAs = ["{ca_file}"]\n'


def status(edge, name):
    return get(edge.entry_point(), "/", f"{name}.test").status


def wait_subject(secure, context, name):
    def shown():
        with TlsConnection(secure, HOST, context) as client:
            return client.subject()
    wait_for(lambda: shown() == name, 10, f"the certificate {name} is shown")


def test_unchanged_keeps_connections(t):
    """a transport that changes gets new connections; those of the others, and their sessions, outlive it and a new
    certificate of the edge"""
    ca, other = Authority(t.path("pki", "")), Authority(t.path("other", ""))
    kept, changed = (t.ends(TlsUpstream(ca.issue(name, "127.0.0.1"))) for name in ("kept", "changed"))
    own = certificate(ca.issue("site", HOST, subject="first"))
    t.write("trusted.pem", open(ca.cert, encoding="ascii").read())
    tls_file = own + transport("kept", ca.cert) + transport("changed", t.path("trusted.pem"))
    edge, secure = secure_edge(t, tls_file, routes_of(kept=kept, changed=changed), arguments=("--workers", "1"))

    def reloads():
        return edge.api("/api/tls")["reloads"]

    def reload(change):
        before = reloads()
        change()
        edge.signal(signal.SIGHUP)
        wait_for(lambda: reloads() > before, 10, "TLS is read anew")
    for _ in range(3):
        assert status(edge, "kept") == 200 and status(edge, "changed") == 200
    assert kept.connections == 1 and changed.connections == 1, (kept.connections, changed.connections)
    # A worker takes what it was given a moment after the edge says so.
    both = open(ca.cert, encoding="ascii").read() + open(other.cert, encoding="ascii").read()
    reload(lambda: t.write("trusted.pem", both))
    wait_for(lambda: status(edge, "changed") == 200 and changed.connections == 2, 10, "a new connection")
    for _ in range(3):
        assert status(edge, "kept") == 200 and status(edge, "changed") == 200
    assert kept.connections == 1 and changed.connections == 2, (kept.connections, changed.connections)
    reload(lambda: ca.issue("site", HOST, subject="second"))
    wait_subject(secure, ca.context(), "second")
    assert status(edge, "kept") == 200 and status(edge, "changed") == 200
    assert kept.connections == 1 and changed.connections == 2, (kept.connections, changed.connections)
    # Who is no longer trusted gets no further request on a connection that was made before.
    reload(lambda: t.write("trusted.pem", open(other.cert, encoding="ascii").read()))
    wait_for(lambda: status(edge, "changed") == 502, 10, "it is not asked any more")
    assert status(edge, "kept") == 200 and kept.connections == 1, kept.connections


def test_transport_nobody_defines(t):
    """a transport that a tag names and the TLS file lacks: 502, and who looks is told why, until it is there"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "127.0.0.1")))
    tls_file = certificate(ca.issue("site", HOST, subject="first"))
    edge, _ = secure_edge(t, tls_file, routes_of(internal=upstream))

    def problems():
        return edge.api("/api/tls").get("serversTransportProblems", {})
    assert status(edge, "internal") == 502
    wait_for(lambda: "internal@file asks for" in problems().get("internal", ""), 10, "it is told who asks for what")
    assert "serversTransport internal" in edge.log(), edge.log()
    assert "weir_tls_problems 1" in get(edge.admin, "/metrics").text()
    told = edge.api("/api/tls")
    assert (told["reloads"], told["reloadFailures"]) == (1, 0), "nothing was read anew for it, and nothing failed"
    t.write("tls.toml", tls_file + transport("internal", ca.cert))
    wait_for(lambda: status(edge, "internal") == 200 and not problems(), 10, "it is there")


def test_one_bad_transport(t):
    """a CA file that is missing or no CA stops its own transport only, which says why; one that was good goes on"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "127.0.0.1")))
    for name in ("good", "later"):
        t.write(f"{name}.pem", open(ca.cert, encoding="ascii").read())
    t.write("broken.pem", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    names = ("good", "later", "broken", "missing")
    tls_file = certificate(ca.issue("site", HOST, subject="first")) + \
        "".join(transport(name, t.path(f"{name}.pem")) for name in names)
    edge, secure = secure_edge(t, tls_file, routes_of(**{name: upstream for name in names}) +
                               route_to(HOST, upstream.url.replace("https", "http"), name="plain"))

    def problems():
        return edge.api("/api/tls").get("serversTransportProblems", {})
    assert [status(edge, name) for name in names] == [200, 200, 502, 502]
    assert set(problems()) == {"broken", "missing"} and "broken.pem" in problems()["broken"], problems()
    assert "missing.pem" in edge.log() and "broken.pem" in edge.log(), edge.log()
    # What was good goes on as it was, and the edge's own certificate is changed with the same reading.
    t.write("later.pem", "nonsense")
    ca.issue("site", HOST, subject="second")
    edge.signal(signal.SIGHUP)
    wait_for(lambda: "later" in problems(), 10, "the problem is told")
    wait_subject(secure, ca.context(), "second")
    assert [status(edge, name) for name in names] == [200, 200, 502, 502]
    for name in ("later", "broken", "missing"):
        t.write(f"{name}.pem", open(ca.cert, encoding="ascii").read())
    edge.signal(signal.SIGHUP)
    wait_for(lambda: not problems(), 10, "all is well")
    wait_for(lambda: [status(edge, name) for name in names] == [200] * 4, 10, "all are asked")


def test_client_ca_that_breaks(t):
    """TLS options whose CA file breaks go on as they were: who was let in is, who was not is not, and others change"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "127.0.0.1")))
    mine = ca.issue("client", "client.test")
    clients = t.write("clients.pem", open(ca.cert, encoding="ascii").read())
    tls_file = certificate(ca.issue("site", HOST, subject="first")) + transport("default", ca.cert) + \
        f'[tls.options.mutual.clientAuth]\ncaFiles = ["{clients}"]\n'
    routes = route(f'host = "{HOST}"\ntls = true\ntls_options = "mutual"', upstream.url)
    edge, secure = secure_edge(t, tls_file, routes)

    def check():
        assert tls_get(secure, HOST, ca.context(mine)).status == 200
        assert "alert" in refused(lambda: tls_get(secure, HOST, ca.context())).lower()
    check()
    t.write("clients.pem", "nonsense")
    ca.issue("site", HOST, subject="second")
    edge.signal(signal.SIGHUP)
    wait_for(lambda: "clients.pem" in edge.api("/api/tls").get("problem", ""), 10, "the problem is told")
    wait_subject(secure, ca.context(mine), "second")
    check()


def test_new_options_that_cannot_be_read(t):
    """new TLS options whose CA file is missing stop nothing but themselves: nobody is let in by them, and certificates
    and transports of the same reading are used"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "127.0.0.1")))
    own = certificate(ca.issue("site", HOST, subject="first"))
    mutual = f'host = "{HOST}"\ntls = true\ntls_options = "mutual"'
    edge, secure = secure_edge(t, own, routes_of(later=upstream) + route(mutual, upstream.url) +
                               'servers_transport = "later"\n')
    assert status(edge, "later") == 502
    ca.issue("site", HOST, subject="second")
    clients = t.path("clients.pem")
    t.write("tls.toml", own + transport("later", ca.cert) +
            f'[tls.options.mutual.clientAuth]\ncaFiles = ["{clients}"]\n')
    edge.signal(signal.SIGHUP)
    wait_for(lambda: status(edge, "later") == 200, 10, "the transport is used")
    wait_subject(secure, ca.context(), "second")
    assert "clients.pem" in edge.api("/api/tls")["problem"], edge.api("/api/tls")
    assert tls_get(secure, HOST, ca.context()).status == 421
    t.write("clients.pem", open(ca.cert, encoding="ascii").read())
    edge.signal(signal.SIGHUP)
    wait_for(lambda: "problem" not in edge.api("/api/tls"), 10, "all is well")
    mine = ca.issue("client", "client.test")
    wait_for(lambda: tls_get(secure, HOST, ca.context(mine)).status == 200, 10, "the right ones are let in")


def test_refused_certificates_are_told(t):
    """why an upstream's certificate is refused is a warning, once for each endpoint and reason; access lines say so"""
    ca = Authority(t.path("pki", ""))
    wrong = t.ends(TlsUpstream(ca.issue("wrong", "other.test")))
    strange = t.ends(TlsUpstream(Authority(t.path("other", "")).issue("strange", "127.0.0.1")))
    path = t.path("access.log")
    edge, _ = secure_edge(t, certificate(ca.issue("site", HOST)) + transport("wrong", ca.cert) +
                          transport("strange", ca.cert), routes_of(wrong=wrong, strange=strange),
                          config=f'[access_log]\nformat = "json"\npath = "{path}"\n', arguments=("--workers", "1"))
    for _ in range(3):
        assert status(edge, "wrong") == 502 and status(edge, "strange") == 502
    said = [line for line in edge.log().splitlines() if "no TLS connection to an endpoint" in line]
    assert len(said) == 2 and all("WARN" in line.upper() for line in said), said
    assert str(wrong.port) in said[0] and "IP address mismatch" in said[0], said
    assert str(strange.port) in said[1] and "unable to get local issuer certificate" in said[1], said
    lines = wait_for(lambda: len(lines_of(path)) >= 6 and lines_of(path), 10, "the access lines")
    assert all('"Error":"upstream_tls"' in line for line in lines), lines


def test_fabio_host_names_who_is_asked_for(t):
    """fabio's host= is asked for by SNI and checked in an https endpoint's certificate; host=dst asks for nobody"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "up.test")))
    consul = t.consul()
    edge, _ = secure_edge(t, transport("default", ca.cert), "", consul=consul.url)
    expected = {"Up.test": 200, "other.test": 502, "other.test tlsskipverify=true": 200, "dst": 502}
    tags = [f"urlprefix-{number}.test/ proto=https host={host}" for number, host in enumerate(expected)]
    port = int(upstream.address.rsplit(":", 1)[1])
    register(consul.url, "up", "up", port, tags, {"TTL": "10m", "Status": "passing"})
    wait_status(edge.entry_point(), "0.test", 200)
    assert [status(edge, number) for number in range(len(expected))] == list(expected.values()), edge.log()[-2000:]
    assert set(upstream.names) == {"up.test", "other.test", None}, upstream.names
