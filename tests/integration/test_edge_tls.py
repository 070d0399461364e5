"""TLS of the edge: who gets which certificate, who is let in, upstreams, reloads, and clients that do not go on."""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess

from harness import upstreams
from harness.http import Connection, get, request, split_address
from harness.test import host_tag, register, route, route_to, takes, wait_status
from harness.tls import Authority, TlsConnection, TlsUpstream, openssl, tls_get
from harness.wait import wait_for

HOST = "app.test"
ENTRY = '[entrypoints.secure]\naddress = "127.0.0.1:0"\ntls = true\n'


def certificate(pair, **more):
    lines = [f'{key} = "{value}"' for key, value in {"certFile": pair[0], "keyFile": pair[1], **more}.items()]
    return "[[tls.certificates]]\n" + "\n".join(lines) + "\n"


def default_is(base):
    return f'[tls.stores.default.defaultCertificate]\ncertFile = "{base}.pem"\nkeyFile = "{base}.key"\n'


def secure_edge(t, tls_file, routes, config="", arguments=(), **options):
    """An edge with a TLS entry point "secure" beside "web"; (edge, address)."""
    path = t.write("tls.toml", tls_file)
    edge = t.edge(*arguments, config=ENTRY + config + f'\n[tls]\nfile = "{path}"\n', routes=routes, **options)
    return edge, edge.entry_point("secure")


def lines_of(path):
    """Its whole lines."""
    with open(path, encoding="utf-8") as file:
        return [line for line in file if line.endswith("\n")]


def refused(action):
    """Why a handshake, or the first read behind it, was refused."""
    try:
        result = action()
    except (ssl.SSLError, ConnectionError, OSError) as error:
        return str(error)
    raise AssertionError(f"was let in: {result}")


def test_tls_request(t):
    """a request over TLS reaches the upstream, which hears that it was https, as does the access log; curl agrees"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    log = t.path("access.log")
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)), route_to(HOST, upstream.url),
                            config=f'[access_log]\nformat = "json"\npath = "{log}"\n')
    response = tls_get(secure, HOST, ca.context())
    assert response.status == 200, response
    assert upstream.requests[-1].all("x-forwarded-proto") == ["https"], upstream.requests[-1].headers
    port = secure.rsplit(":", 1)[1]
    curl = subprocess.run(["curl", "-sS", "--cacert", ca.cert, "--resolve", f"{HOST}:{port}:127.0.0.1", "-w",
                           "%{http_code} %{ssl_verify_result}", "-o", os.devnull, f"https://{HOST}:{port}/"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert curl.stdout == "200 0", curl
    line = wait_for(lambda: next((json.loads(line) for line in lines_of(log)), None), 10, "the line of a request")
    assert (line["RequestScheme"], line["TLSVersion"], line["entryPointName"]) == ("https", "1.3", "secure"), line
    assert line["TLSCipher"].startswith("TLS_"), line


def test_large_bodies(t):
    """bodies of many records arrive whole, both ways"""
    ca = Authority(t.path("pki", ""))
    body = os.urandom(3_000_000)
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(200, r.body)))
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)), route_to(HOST, upstream.url))
    with TlsConnection(secure, HOST, ca.context(), timeout_s=60) as connection:
        for _ in range(2):
            assert connection.request("POST", "/", body=body).body == body


def test_certificate_by_name(t):
    """exact name, then wildcard, then the default certificate"""
    ca = Authority(t.path("pki", ""))
    files = certificate(ca.issue("exact", HOST)) + certificate(ca.issue("wild", "*.shop.test")) + \
        default_is(ca.issue("rest", "x.test")[0].removesuffix(".pem"))
    edge, secure = secure_edge(t, files, "")
    context = ca.context()
    context.check_hostname = False
    for host, subject in ((HOST, "exact"), ("a.shop.test", "wild"), ("a.b.shop.test", "rest"), ("other.test", "rest")):
        with TlsConnection(secure, host, context) as connection:
            assert connection.subject() == subject, (host, connection.subject())
    listed = {c["file"].rsplit("/", 1)[1]: c for c in edge.api("/api/tls")["certificates"]}
    assert listed["wild.pem"]["names"] == ["*.shop.test"] and listed["rest.pem"]["default"], listed
    metrics = get(edge.admin, "/metrics").text()
    assert "weir_tls_certs_not_after{" in metrics, metrics
    assert 'weir_tls_handshakes_total{side="client",resumed="false"} 4' in metrics, metrics


def test_certificate_metrics(t):
    """a certificate that is also the default one has one series, with its common name and all names"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("site", HOST, "b.test", "*.a.test", subject="the site")
    edge, _ = secure_edge(t, certificate(pair) + default_is(pair[0].removesuffix(".pem")), "")
    assert len(edge.api("/api/tls")["certificates"]) == 2
    series = [line for line in get(edge.admin, "/metrics").text().splitlines()
              if line.startswith("weir_tls_certs_not_after{")]
    names = ",".join(sorted(["*.a.test", HOST, "b.test"]))
    assert len(series) == 1 and f'{{cn="the site",file="{pair[0]}",sans="{names}",serial="' in series[0], series


def test_reload(t):
    """a new certificate serves new connections, the old ones go on; a bad one is refused and the last good stays"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    pair = ca.issue("site", HOST, subject="first")
    edge, secure = secure_edge(t, certificate(pair), route_to(HOST, upstream.url))

    def shown():
        with TlsConnection(secure, HOST, ca.context()) as connection:
            return connection.subject()

    with TlsConnection(secure, HOST, ca.context()) as old:
        assert old.get("/").status == 200 and shown() == "first"
        ca.issue("site", HOST, subject="second")
        wait_for(lambda: shown() == "second", 10, "the new certificate serves")
        assert old.get("/").status == 200 and old.subject() == "first"

        t.write("pki/site.pem", "-----BEGIN CERTIFICATE-----\nbroken\n")
        problem = wait_for(lambda: edge.api("/api/tls")["certificates"][1].get("problem"), 10, "the problem is told")
        assert "site.pem" in problem, problem
        assert shown() == "second"
        assert "weir_tls_problems 1" in get(edge.admin, "/metrics").text()

        t.write("tls.toml", "[tls]\ncertificates = 7\n")
        wait_for(lambda: "expected" in edge.api("/api/tls").get("problem", ""), 10, "the broken TLS file is told")
        assert shown() == "second"
        third = ca.issue("site", HOST, subject="third")
        t.write("tls.toml", certificate(third))
        edge.signal(signal.SIGHUP)
        wait_for(lambda: shown() == "third" and "problem" not in edge.api("/api/tls"), 10, "all is well again")
        assert old.get("/").status == 200

        links = [t.path(f"links/site.{end}") for end in ("pem", "key")]
        for target, link in zip(third, links):
            os.symlink(target, link)
        t.write("tls.toml", certificate(links))
        wait_for(lambda: edge.api("/api/tls")["certificates"][1]["file"] == links[0], 10, "the links are read")
        ca.issue("site", HOST, subject="fourth")
        wait_for(lambda: shown() == "fourth", 10, "what a link leads to is watched")


def test_read_once(t):
    """a reload reads the TLS file once: what is written to it meanwhile is taken for nothing that was published"""
    ca = Authority(t.path("pki", ""))
    text = certificate(ca.issue("site", HOST))
    edge, _ = secure_edge(t, text, "")
    trace = t.path("trace")
    watcher = subprocess.Popen(["strace", "-f", "-e", "trace=openat", "-o", trace, "-p", str(edge.child.pid)],
                               stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in watcher.stderr.readline()
        reloads = edge.api("/api/tls")["reloads"]
        t.write("tls.toml", text + '[tls.options.modern]\nminVersion = "VersionTLS13"\n')
        wait_for(lambda: edge.api("/api/tls")["reloads"] > reloads, 10, "the change is taken")
    finally:
        watcher.send_signal(signal.SIGINT)
        watcher.communicate()
    opened = [line for line in lines_of(trace) if "tls.toml" in line]
    assert len(opened) == 1, opened


def test_client_certificates(t):
    """a router's TLS options ask for a certificate; Host does not lead around them"""
    ca, strangers = Authority(t.path("pki", "")), Authority(t.path("strangers", ""))
    upstream = t.ends(upstreams.Upstream())
    tls_file = certificate(ca.issue("site", HOST, "inner.test")) + \
        f'[tls.options.mutual.clientAuth]\ncaFiles = ["{ca.cert}"]\nclientAuthType = "RequireAndVerifyClientCert"\n'
    routes = route_to(HOST, upstream.url, name="open") + \
        route('host = "inner.test"\ntls_options = "mutual"', upstream.url, name="inner")
    _, secure = secure_edge(t, tls_file, routes)
    mine, stranger = ca.issue("me", "me.test"), strangers.issue("other", "other.test")
    assert tls_get(secure, HOST, ca.context()).status == 200
    assert tls_get(secure, "inner.test", ca.context(mine)).status == 200
    assert "certificate required" in refused(lambda: tls_get(secure, "inner.test", ca.context())).lower()
    assert "alert" in refused(lambda: tls_get(secure, "inner.test", ca.context(stranger))).lower()
    # Connected for the open host, then asking for the inner one.
    assert tls_get(secure, HOST, ca.context(), asked_host="inner.test").status == 421
    assert tls_get(secure, "inner.test", ca.context(mine), asked_host=HOST).status == 421


def test_sessions_of_other_options(t):
    """a session made under one mode of client authentication is resumed under no other, whoever asks"""
    ca = Authority(t.path("pki", ""))
    modes = ("RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
    hosts = {mode: f"{mode.lower()}.test" for mode in modes}
    upstream = t.ends(upstreams.Upstream())
    tls_file, routes = certificate(ca.issue("site", HOST, *hosts.values())), route_to(HOST, upstream.url, name="open")
    for mode, host in hosts.items():
        tls_file += f'[tls.options.{mode}.clientAuth]\ncaFiles = ["{ca.cert}"]\nclientAuthType = "{mode}"\n'
        routes += route(f'host = "{host}"\ntls_options = "{mode}"', upstream.url, name=mode)
    _, secure = secure_edge(t, tls_file, routes)

    def visit(host, context, session=None):
        with socket.create_connection(split_address(secure), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host, session=session) as sock:
                sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert sock.recv(100).startswith(b"HTTP/1.1 200 "), host
                return sock.session, sock.session_reused

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for own in (None, ca.issue("me", "me.test")):
            context = ca.context(own)
            context.minimum_version = context.maximum_version = version
            for made_at in (HOST, *hosts.values()):
                if own is None and "require" in made_at:
                    refused(lambda host=made_at: visit(host, context))
                    continue
                session, _ = visit(made_at, context)
                assert visit(made_at, context, session)[1], f"{made_at} resumes its own"
                for other in {HOST, *hosts.values()} - {made_at}:
                    if own is None and "require" in other:
                        refused(lambda host=other, old=session: visit(host, context, old))
                    else:
                        assert not visit(other, context, session)[1], f"{made_at} at {other}"


def base64_of(path):
    """A PEM file without its delimiters."""
    with open(path, encoding="ascii") as file:
        return "".join(line for line in file.read().split("\n") if "-----" not in line)


def check_passed_on(t, ca, edge, secure, upstream, host):
    """passTLSClientCert with pem, subject.commonName and sans, on `host`; our client sends the CA along."""
    mine = ca.issue("me", "me.test")
    claims = [("X-Forwarded-Tls-Client-Cert", "claimed"), ("x-forwarded_tls-client-cert-info", "claimed")]
    wait_status(edge.entry_point(), host, 200)
    assert tls_get(secure, host, ca.context(), headers=claims).status == 200
    names = [name.lower().replace("_", "-") for name, _ in upstream.requests[-1].headers]
    assert not [name for name in names if "client-cert" in name], upstream.requests[-1].headers
    assert tls_get(secure, host, ca.context(mine), headers=claims).status == 200
    seen = upstream.requests[-1]
    assert seen.all("x-forwarded-tls-client-cert") == [f"{base64_of(mine[0])},{base64_of(ca.cert)}"], seen.headers
    assert seen.all("x-forwarded-tls-client-cert-info") == \
        ["Subject%3D%22CN%3Dme%22%3BSAN%3D%22me.test%22%2CSubject%3D%22CN%3Dca%22"], seen.headers
    assert not [name for name, value in seen.headers if value == "claimed"], seen.headers


def test_client_certificate_passed_on(t):
    """passTLSClientCert tells the upstream who the client is, from a routes file and from tags; nobody can claim it"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    tls_file = certificate(ca.issue("site", HOST, "tags.test", "keys.test")) + \
        f'[tls.options.default.clientAuth]\ncaFiles = ["{ca.cert}"]\nclientAuthType = "VerifyClientCertIfGiven"\n'
    routes = route(f'host = "{HOST}"\nmiddlewares = ["who"]', upstream.url) + \
        "[middlewares.who.passTLSClientCert]\npem = true\n" \
        "[middlewares.who.passTLSClientCert.info]\nsans = true\nsubject = { commonName = true }\n"
    catalog = t.consul()
    options = "traefik.http.middlewares.who.passTLSClientCert."
    register(catalog.url, "tags", "tags", upstream.port,
             [host_tag("tags", "tags.test"), "traefik.http.routers.tags.middlewares=who", options + "pem=true",
              options + "info.sans=true", options + "info.subject.commonName=true"])
    for key, value in {"middlewares/who/passTLSClientCert/pem": "true",
                       "middlewares/who/passTLSClientCert/info/sans": "true",
                       "middlewares/who/passTLSClientCert/info/subject/commonName": "true",
                       "routers/keys/middlewares/0": "who", "routers/keys/service": "keys",
                       "routers/keys/rule": "Host(`keys.test`)",
                       "services/keys/loadBalancer/servers/0/url": upstream.url}.items():
        request(catalog.url, "PUT", f"/v1/kv/traefik/http/{key}", body=value)
    edge, secure = secure_edge(t, tls_file, routes, consul=catalog.url,
                               config=f'[providers.consulkv]\naddresses = ["{catalog.url}"]\n')
    for host in (HOST, "tags.test", "keys.test"):
        check_passed_on(t, ca, edge, secure, upstream, host)
    metrics = get(edge.admin, "/metrics").text()
    for kind, labels in (("entrypoint", ',entrypoint="secure"} 6'), ("router", ',router="tags@consul",service='),
                         ("service", ',service="keys@consulkv"} 2')):
        lines = [line for line in metrics.split("\n") if line.startswith(f"weir_{kind}_requests_tls_total")]
        assert any(line.startswith(f'weir_{kind}_requests_tls_total{{tls_version="1.3",tls_cipher="TLS_') and
                   labels in line for line in lines), lines


def test_routers_of_one_side(t):
    """a router with tls is not on plain entry points"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    routes = route(f'host = "{HOST}"\ntls = true', upstream.url)
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)), routes)
    assert tls_get(secure, HOST, ca.context()).status == 200
    assert get(edge.entry_point(), "/", HOST).status == 404


def test_redirect(t):
    """an entry point may send everybody to another: 301, or 308 where the method counts"""
    ca = Authority(t.path("pki", ""))
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)), route_to(HOST, "http://127.0.0.1:9"),
                               config='[entrypoints.web]\naddress = "127.0.0.1:0"\nredirect_to = "secure"\n')
    port = secure.rsplit(":", 1)[1]
    for method, status in (("GET", 301), ("HEAD", 308), ("POST", 308)):
        body = "x" if method == "POST" else None
        response = request(edge.entry_point(), method, "/a?b=c", host=f"{HOST}:80", body=body)
        assert response.status == status, response
        assert response.header("location") == f"https://{HOST}:{port}/a?b=c", response


def test_upstream_tls(t):
    """https endpoints: verified by default, by the CA and the name that a transport gives, or not at all by name"""
    ca, strangers = Authority(t.path("pki", "")), Authority(t.path("strangers", ""))
    upstream = t.ends(TlsUpstream(ca.issue("up", "up.test")))
    by_ip = t.ends(TlsUpstream(ca.issue("ip", "127.0.0.1")))
    transports = {"named": f'serverName = "up.test"\nrootCAs = ["{ca.cert}"]\n',
                  "wrong-name": f'serverName = "other.test"\nrootCAs = ["{ca.cert}"]\n',
                  "wrong-ca": f'serverName = "up.test"\nrootCAs = ["{strangers.cert}"]\n',
                  "blind": "insecureSkipVerify = true\n", "trusting": f'rootCAs = ["{ca.cert}"]\n'}
    tls_file = "".join(f"[serversTransports.{name}]\n{text}" for name, text in transports.items())
    expected = {"named": 200, "wrong-name": 502, "wrong-ca": 502, "blind": 200, "default": 502, "missing": 502}
    routes = "".join(route(f'host = "{name}.test"', upstream.url, name=name) + f'servers_transport = "{name}"\n\n'
                     for name in expected) + \
        route('host = "ip.test"', by_ip.url, name="ip") + 'servers_transport = "trusting"\n'
    edge, _ = secure_edge(t, tls_file, routes)
    for name, status in expected.items():
        response = get(edge.entry_point(), "/", f"{name}.test")
        assert response.status == status, (name, response, edge.log()[-2000:])
    assert get(edge.entry_point(), "/", "ip.test").status == 200
    assert "up.test" in upstream.names and by_ip.names == [None], (upstream.names, by_ip.names)


def test_upstream_sessions(t):
    """a client certificate is shown to an upstream that asks, and later connections resume its session"""
    ca = Authority(t.path("pki", ""))
    mine = ca.issue("edge", "edge.test")
    upstream = t.ends(TlsUpstream(ca.issue("up", "127.0.0.1"), client_ca=ca.cert))
    tls_file = f'[serversTransports.default]\nrootCAs = ["{ca.cert}"]\n' \
        f'[[serversTransports.default.certificates]]\ncertFile = "{mine[0]}"\nkeyFile = "{mine[1]}"\n'
    edge, _ = secure_edge(t, tls_file, route_to(HOST, upstream.url),
                          config="[limits]\nupstream_idle_per_endpoint_max = 0\n")
    for _ in range(8):
        assert get(edge.entry_point(), "/", HOST).status == 200
    assert upstream.connections == 8 and upstream.resumed >= 4, (upstream.connections, upstream.resumed)


def test_upstream_that_does_not_shake_hands(t):
    """an https endpoint that is silent, speaks plain HTTP or closes: 502 or 504, in time"""
    silent = t.ends(upstreams.Upstream(serve=lambda sock, reader: reader.to_end()))
    closing = t.ends(upstreams.Upstream(serve=lambda sock, reader: None))
    plain = t.ends(upstreams.Upstream(serve=lambda sock, reader: sock.sendall(upstreams.response(400))))
    routes = "".join(route_to(f"{name}.test", up.url.replace("http:", "https:"), name=name)
                     for name, up in (("silent", silent), ("closing", closing), ("plain", plain)))
    edge, _ = secure_edge(t, "", routes, config="[timeouts]\nconnect_ms = 500\n")
    for name, status in (("silent", 504), ("closing", 502), ("plain", 502)):
        assert get(edge.entry_point(), "/", f"{name}.test").status == status, name


def test_slow_handshakes(t):
    """clients that connect and stay silent, or stop within their hello, are let go in time and disturb nobody"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)), route_to(HOST, upstream.url),
                               config="[timeouts]\ntls_handshake_ms = 1500\n")
    slow = [Connection(secure, timeout_s=20) for _ in range(40)]
    for number, connection in enumerate(slow):
        connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[:number % 10])
    for _ in range(20):
        assert tls_get(secure, HOST, ca.context()).status == 200
    for connection in slow:
        assert connection.at_end()
    metrics = get(edge.admin, "/metrics").text()
    assert 'weir_open_connections{entrypoint="secure",protocol="TCP"} 0' in metrics, metrics
    with Connection(secure) as plain:
        plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.read_response().status == 400


def test_old_protocols_and_renegotiation(t):
    """TLS 1.1 is refused, and who asks for another handshake within a connection is not heard"""
    ca = Authority(t.path("pki", ""))
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)), "")
    code, text = openssl("s_client", "-connect", secure, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", check=False)
    assert code != 0 and "Cipher is (NONE)" in text, text
    code, text = openssl("s_client", "-connect", secure, "-tls1_2", "-servername", HOST, stdin=b"R\n", check=False)
    assert "RENEGOTIATING" in text and "no renegotiation" in text, text
    assert "Compression: NONE" in text and "Secure Renegotiation IS supported" in text, text


def test_tickets_shared(t):
    """a session of one edge is resumed by another that has the same ticket keys, and not by one that has not"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("site", HOST)
    keys = t.write("tickets", base64.b64encode(os.urandom(80)).decode() + "\n")
    shared = f'ticket_key_file = "{keys}"\n'
    session = t.path("session.pem")

    def edge_with(more):
        path = t.write("tls.toml", certificate(pair))
        return t.edge(config=ENTRY + f'[tls]\nfile = "{path}"\n' + more).entry_point("secure")

    def visit(address, *more):
        _, text = openssl("s_client", "-connect", address, "-servername", HOST, "-tls1_3", *more,
                          stdin=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", check=False)
        return "Reused, TLSv1.3" in text

    first, second, stranger = edge_with(shared), edge_with(shared), edge_with("")
    command = ["openssl", "s_client", "-connect", first, "-servername", HOST, "-tls1_3", "-ign_eof",
               "-sess_out", session]
    subprocess.run(command, input=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=20,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    assert visit(second, "-sess_in", session)
    assert not visit(stranger, "-sess_in", session)


def test_staple(t):
    """an OCSP response from a file is stapled for who asks"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("site", HOST)
    _, serial = openssl("x509", "-in", pair[0], "-noout", "-serial")
    index = t.write("index.txt", "V\t330101000000Z\t\t{}\tunknown\t/CN=site\n".format(serial.strip().split("=")[1]))
    response = t.path("site.ocsp")
    openssl("ocsp", "-index", index, "-CA", ca.cert, "-rsigner", ca.cert, "-rkey", ca.key, "-issuer", ca.cert,
            "-cert", pair[0], "-respout", response, "-ndays", 7)
    _, secure = secure_edge(t, certificate(pair, ocspFile=response), "")
    _, text = openssl("s_client", "-connect", secure, "-servername", HOST, "-status", check=False)
    assert "OCSP Response Status: successful" in text and "Cert Status: good" in text, text[:3000]


def test_bad_start(t):
    """an edge with a TLS file that cannot be read says every error and its place, and does not start"""
    path = t.write("tls.toml", '[tls.options.default]\nminVersion = "VersionSSL30"\ncolour = 1\n')
    edge = t.edge(config=ENTRY + f'[tls]\nfile = "{path}"\n', wait=False)
    assert edge.wait(20, "it ends") == 1
    assert "tls.toml:2:14" in edge.log() and "tls.toml:3:1" in edge.log(), edge.log()


def test_options_that_are_not_there(t):
    """an entry point, or the admin API, whose TLS options are not in the file does not serve by others instead"""
    path = t.write("tls.toml", "")
    for config, who in ((ENTRY + 'tls_options = "mutaul"\n', "entry point secure"),
                        ('[admin]\ntls = true\ntls_options = "mutaul"\n', "admin")):
        edge = t.edge(config=config + f'[tls]\nfile = "{path}"\n', wait=False)
        assert edge.wait(20, "it ends") == 1
        assert f"{who}: there are no TLS options mutaul" in edge.log(), edge.log()


def test_admin(t):
    """the admin API over TLS, for those with a certificate; another one is shown when its file changes"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("admin", HOST)
    path = t.write("tls.toml", certificate(pair) + f'[tls.options.mutual.clientAuth]\ncaFiles = ["{ca.cert}"]\n')
    edge = t.edge(config=f'[admin]\ntls = true\ntls_options = "mutual"\n[tls]\nfile = "{path}"\n', routes="")
    mine = ca.context(ca.issue("me", "me.test"))
    for target in ("/ping", "/api/tls", "/metrics"):
        assert tls_get(edge.admin, HOST, mine, target).status == 200
    mine.set_alpn_protocols(["h2", "http/1.1"])
    with TlsConnection(edge.admin, HOST, mine) as connection:
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
        assert connection.subject() == "admin" and connection.get("/ping").text() == "OK\n"
        assert "required" in refused(lambda: tls_get(edge.admin, HOST, ca.context(), "/ping")).lower()
        assert get(edge.admin, "/ping").status == 400, "plain HTTP"
        os.replace(ca.issue("second", HOST)[1], pair[1])
        os.replace(f"{ca.folder}/second.pem", pair[0])

        def shown():
            with TlsConnection(edge.admin, HOST, mine) as another:
                return another.subject()
        wait_for(lambda: shown() == "second", 10, "the new certificate")
        assert connection.get("/ping").status == 200, "the old connection goes on"


def test_catalog_over_tls(t):
    """a registry behind https: by its CA its services are routed; by another CA nothing is believed, and it says why"""
    ca, strangers = Authority(t.path("pki", "")), Authority(t.path("strangers", ""))
    upstream = t.ends(upstreams.Upstream())
    registry = t.registry()
    register(registry.url, "app-1", "app", upstream.port, [host_tag("app", HOST)])
    front, secure = secure_edge(t, certificate(ca.issue("registry", "127.0.0.1")) + default_is(t.path("pki/registry")),
                                route('rule = "PathPrefix(`/`)"', registry.url))
    assert front.running()
    trusting = t.edge(config=f'[providers.consul]\ntls_ca_file = "{ca.cert}"\n', consul=f"https://{secure}")
    wait_status(trusting.entry_point(), HOST, 200)
    mistrusting = t.edge(config=f'[providers.consul]\ntls_ca_file = "{strangers.cert}"\n', consul=f"https://{secure}",
                         wait=False)
    wait_for(lambda: "certificate" in mistrusting.log(), 20, "it says that it does not believe the registry")


def test_half_closed_and_cut(t):
    """a client that says the end of its half still gets its answer"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)), route_to(HOST, upstream.url))
    with TlsConnection(secure, HOST, ca.context()) as connection:
        connection.send_request("GET", "/")
        connection.sock.shutdown(socket.SHUT_WR)  # FIN without close_notify
        raw = socket.socket(fileno=os.dup(connection.sock.fileno()))
        raw.settimeout(10)
        assert raw.recv(65536), "nothing came back"
        raw.close()


@takes(900)
def test_testssl(t):
    """testssl.sh finds nothing above "low" """
    ca = Authority(t.path("pki", ""))
    pair, rsa = ca.issue("site", "localhost", days=80), ca.issue("rsa", "localhost", kind="rsa", days=80)
    _, secure = secure_edge(t, certificate(pair) + certificate(rsa) + default_is(pair[0].removesuffix(".pem")), "")
    found = t.path("testssl.json")
    with open(t.path("testssl.log"), "wb") as log:
        subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--add-ca", ca.cert, "--jsonfile",
                        found, "localhost:" + secure.rsplit(":", 1)[1]],
                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=880, check=False)
    with open(found, encoding="utf-8") as file:
        findings = json.load(file)
    # What a CA of one test cannot have, ways to revoke; and the headers of the answer, which are the service's own.
    not_ours = ("cert_revocation", "cert_crl", "cert_ocsp", "security_headers")
    bad = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")
           and not f["id"].startswith(not_ours)]
    assert len(findings) > 100 and not bad, bad


def test_signals(t):
    """SIGHUP says what it reads and what not, SIGUSR2 ends nothing; a file for secrets that cannot be opened is told"""
    ca = Authority(t.path("pki", ""))
    missing = t.path("missing") + "/keys.log"
    edge = t.edge(config=f'{ENTRY}\n[tls]\nfile = "{t.write("tls.toml", certificate(ca.issue("site", HOST)))}"\n'
                         f'debug_keylog_file = "{missing}"\n')
    assert f"cannot be written error=\"open {missing}: No such file" in edge.log(), edge.log()
    assert "are written to a file" not in edge.log()
    for number, words in ((signal.SIGUSR2, "SIGUSR2 means nothing here"), (signal.SIGHUP, "weir.toml is not")):
        edge.signal(number)
        wait_for(lambda: words in edge.log(), 10, f"the log says: {words}")
    assert edge.running()
