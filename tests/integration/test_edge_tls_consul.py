"""TLS with a Consul beside it: certificates of Connect, and ticket keys that edges share."""

import base64
import json
import os
import subprocess

from harness import upstreams
from harness.http import Connection, get, request
from harness.test import route, takes, wait_status
from harness.tls import Authority, TlsUpstream, openssl
from harness.wait import wait_for

MESH = """
[providers.consul]
addresses = ["{url}"]
connect_service = "edge"

[tls]
file = "{file}"
"""


def put_json(consul, path, value):
    answer = request(consul.url, "PUT", path, body=json.dumps(value))
    assert answer.status == 200, answer


def mesh_files(t, consul, service, file):
    """The leaf of a service and the roots, as files: (certificate, key), roots."""
    leaf = get(consul.url, f"/v1/agent/connect/ca/leaf/{service}").json()
    roots = get(consul.url, "/v1/agent/connect/ca/roots").json()["Roots"]
    active = "".join(root["RootCert"] + "\n" for root in roots if root["Active"])
    pair = t.write(f"{file}.pem", leaf["CertPEM"]), t.write(f"{file}.key", leaf["PrivateKeyPEM"])
    return pair, t.write(f"{file}-roots.pem", active)


def start_mesh(t, consul, *services, url):
    """An edge whose hosts <service>.test go to `url` as that service of the mesh."""
    tls_file = "".join(f'[serversTransports.{name}]\nconnectService = "{name}"\n' for name in services)
    routes = "".join(route(f'host = "{name}.test"', url, name=name) + f'servers_transport = "{name}"\n\n'
                     for name in services)
    return t.edge(config=MESH.format(url=consul.url, file=t.write("tls.toml", tls_file)), routes=routes)


@takes(150)
def test_connect(t):
    """Connect's leaf is shown, its roots are trusted, the peer's name is checked; a new root costs no request"""
    consul = t.consul(connect=True)
    pair, roots = mesh_files(t, consul, "web", "web")
    upstream = t.ends(TlsUpstream(pair, client_ca=roots))
    edge = start_mesh(t, consul, "web", "db", "late", url=upstream.url)
    wait_status(edge.entry_point(), "web.test", 200)
    assert get(edge.entry_point(), "/", "db.test").status == 502, edge.log()[-2000:]
    assert all(uri.endswith("/ns/default/dc/dc1/svc/edge") for uri in upstream.peer_uris), upstream.peer_uris
    before = edge.api("/api/tls")["mesh"]
    assert before["uri"] == upstream.peer_uris[0] and "problem" not in edge.api("/api/tls"), edge.api("/api/tls")
    assert f'sans="{before["uri"]}"' in get(edge.admin, "/metrics").text()

    with Connection(edge.entry_point(), host="web.test") as client:
        assert client.get("/").status == 200
        _, key = openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout")
        put_json(consul, "/v1/connect/ca/configuration",
                 {"Provider": "consul", "Config": {"PrivateKey": key, "RootCert": "", "RotationPeriod": "2160h"}})
        # Consul spreads the new leaves over half a minute.
        wait_for(lambda: client.get("/").status == 200 and edge.api("/api/tls")["mesh"]["serial"] != before["serial"],
                 90, "a leaf of the new root")
        assert client.get("/").status == 200
    # The agent keeps web's old leaf until somebody waits for a new one; nobody has asked for this one yet.
    new_pair, new_roots = mesh_files(t, consul, "late", "late")
    fresh = t.ends(TlsUpstream(new_pair, client_ca=new_roots))
    t.write("routes/test.toml", route('host = "late.test"', fresh.url, name="late") + 'servers_transport = "late"\n')
    wait_for(lambda: get(edge.entry_point(), "/", "late.test").status == 200 and fresh.requests, 20,
             "an upstream that knows the new root only")


def put_sidecar(consul, name, port, sidecar_port, *tags):
    """A service on `port` whose proxy, which has its tags too, is on `sidecar_port`."""
    tags = [f"traefik.http.routers.{name}.rule=Host(`{name}.test`)", *tags]
    put_json(consul, "/v1/agent/service/register",
             {"ID": f"{name}-1", "Name": name, "Address": "127.0.0.1", "Port": port, "Tags": tags,
              "Connect": {"SidecarService": {"Port": sidecar_port, "Address": "127.0.0.1", "Tags": tags}}})


@takes(60)
def test_connect_by_tag(t):
    """consulcatalog.connect=true: the service's proxy is spoken to, as who it must be; without the tag the service"""
    consul = t.consul(connect=True)
    pair, roots = mesh_files(t, consul, "web", "web")
    proxy = t.ends(TlsUpstream(pair, client_ca=roots, name="proxy"))
    plain = t.ends(upstreams.Upstream(name="plain"))
    ports = [int(one.address.rsplit(":", 1)[1]) for one in (plain, proxy)]
    connect = "traefik.consulcatalog.connect=true"
    port = "traefik.http.services.web.loadbalancer.server.port=1"  # the service's: its proxy is elsewhere
    put_sidecar(consul, "web", *ports, connect, port)
    put_sidecar(consul, "db", *ports, connect)  # whoever answers there proves to be web
    edge = t.edge(config=MESH.format(url=consul.url, file=t.write("tls.toml", "")))
    seen = wait_status(edge.entry_point(), "web.test", 200, deadline_s=30)
    assert seen.header("x-name") == "proxy" and not plain.requests, seen
    assert all(uri.endswith("/svc/edge") for uri in proxy.peer_uris) and proxy.peer_uris, proxy.peer_uris
    wait_status(edge.entry_point(), "db.test", 502)
    assert not plain.requests
    put_sidecar(consul, "web", *ports)
    wait_for(lambda: get(edge.entry_point(), "/", "web.test").header("x-name") == "plain", 20, "the service itself")
    put_sidecar(consul, "web", *ports, connect)
    wait_for(lambda: get(edge.entry_point(), "/", "web.test").header("x-name") == "proxy", 20, "its proxy again")
    request(consul.url, "PUT", "/v1/agent/service/deregister/web-1-sidecar-proxy")
    wait_status(edge.entry_point(), "web.test", 503, deadline_s=20)


def test_no_connect(t):
    """without Connect the transport is not there, and says so; the rest of the edge serves"""
    registry = t.registry()
    plain = t.ends(upstreams.Upstream())
    edge = start_mesh(t, registry, "web", url="https://127.0.0.1:9")
    t.write("routes/more.toml", route('host = "plain.test"', plain.url, name="plain"))
    wait_status(edge.entry_point(), "plain.test", 200)
    assert get(edge.entry_point(), "/", "web.test").status == 502
    assert "connect_service" in edge.api("/api/tls")["problem"], edge.api("/api/tls")


def ticket_keys(count=1):
    return "".join(base64.b64encode(os.urandom(80)).decode() + "\n" for _ in range(count))


def put_keys(consul, text):
    answer = request(consul.url, "PUT", "/v1/kv/weir/ticket-keys", body=text)
    assert answer.status == 200, answer


def resumes(address, session):
    """Whether a session from a file is resumed there."""
    _, text = openssl("s_client", "-connect", address, "-servername", "app.test", "-tls1_3", "-sess_in", session,
                      stdin=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", check=False)
    return "Reused, TLSv1.3" in text


def take_session(address, file):
    command = ["openssl", "s_client", "-connect", address, "-servername", "app.test", "-tls1_3", "-ign_eof",
               "-sess_out", file]
    subprocess.run(command, input=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=20,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return file


def test_ticket_keys(t):
    """edges with the same key of Consul's store resume each other's sessions; keys rotate, bad ones change nothing"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("site", "app.test")
    tls_file = t.write("tls.toml", f'[[tls.certificates]]\ncertFile = "{pair[0]}"\nkeyFile = "{pair[1]}"\n')
    consul = t.consul()
    config = '[entrypoints.secure]\naddress = "127.0.0.1:0"\ntls = true\n' \
             f'[providers.consulkv]\naddresses = ["{consul.url}"]\nwait_s = 2\n' \
             f'[tls]\nfile = "{tls_file}"\nticket_key_consul_key = "weir/ticket-keys"\n'
    old = ticket_keys()
    put_keys(consul, old)
    edges = [t.edge(config=config) for _ in range(2)]
    first, second = (edge.entry_point("secure") for edge in edges)

    def loaded(times):
        return all(edge.log().count("session ticket keys changed") == times for edge in edges)

    wait_for(lambda: loaded(1), 10, "both edges have the keys")
    session = take_session(first, t.path("session.pem"))
    assert resumes(second, session)
    put_keys(consul, ticket_keys() + old)
    wait_for(lambda: loaded(2), 10, "both edges have the new keys")
    assert resumes(second, session)
    assert resumes(second, take_session(first, t.path("session-2.pem")))

    put_keys(consul, "no key\n")
    wait_for(lambda: all("expected 80 bytes" in edge.log() for edge in edges), 10, "the bad keys are refused")
    request(consul.url, "DELETE", "/v1/kv/weir/ticket-keys")
    wait_for(lambda: all("there is no such key" in edge.log() for edge in edges), 10, "the key is gone")
    assert resumes(second, session) and loaded(2)
    put_keys(consul, ticket_keys())
    wait_for(lambda: loaded(3), 10, "both edges have the third keys")
    assert not resumes(second, session)


def test_bad_options(t):
    """ticket keys from two places, or from a store that nobody names, are said at the start"""
    file = t.write("tickets", ticket_keys())
    for more in (f'ticket_key_file = "{file}"\nticket_key_consul_key = "y"\n', 'ticket_key_consul_key = "y"\n'):
        edge = t.edge(config="[tls]\n" + more, wait=False)
        assert edge.wait(20, "it ends") != 0
        text = edge.log()
        assert "tls.ticket_key_consul_key" in text, text
