"""What the edge tells of its TLS: in its log, in access lines, and in a file for Wireshark."""

import json
import os
import re
import ssl
import subprocess

from harness import processes, upstreams
from harness.test import route_to
from harness.tls import Authority, tls_get
from harness.wait import wait_for
from test_edge_tls import ENTRY, HOST, certificate, lines_of, secure_edge


def test_expiry_is_told(t):
    """what ends within tls.expiry_warning_days is warned of in the log, what ends later is not"""
    ca = Authority(t.path("pki", ""))
    ends = {"soon": 5, "later": 20, "far": 25}
    pairs = {name: ca.issue(name, f"{name}.test", days=days) for name, days in ends.items()}
    tls_file = "".join(certificate(pair) for pair in pairs.values())

    def told(more):
        edge = t.edge(config=ENTRY + f'[tls]\nfile = "{t.write("tls.toml", tls_file)}"\n{more}')
        return [line for line in edge.log().splitlines() if "a certificate expires soon" in line]
    line, = told("")
    assert " warn" in line.lower() and f"file={pairs['soon'][0]}" in line and "CN=soon" in line, line
    assert re.search(r"days_left=[45]\b", line), line
    assert len(told("expiry_warning_days = 22\n")) == 2
    assert not told("expiry_warning_days = 2\n")


def test_keylog(t):
    """tls.debug_keylog_file gets the secrets of client connections, as the client itself knows them; it is said in the
    log, and without it nothing is written"""
    ca = Authority(t.path("pki", ""))
    pair = ca.issue("site", HOST)
    path = t.path("edge.keys")

    def visit(name, *versions, config=""):
        """What clients of these versions know of their connections."""
        tls_file = t.write("tls.toml", certificate(pair))
        edge = t.edge(config=ENTRY + f'[tls]\nfile = "{tls_file}"\n{config}', routes="")
        for version in versions:
            context = ca.context()
            context.minimum_version = context.maximum_version = version
            context.keylog_filename = t.path(name)
            assert tls_get(edge.entry_point("secure"), HOST, context).status == 404
        return edge, {line for line in lines_of(t.path(name)) if not line.startswith("#")}
    versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    before = set(os.listdir(t.folder))
    quiet, _ = visit("quiet.keys", *versions)
    assert "secrets" not in quiet.log() and not os.path.exists(path)
    new = {name for name in set(os.listdir(t.folder)) - before if "keys" in name}
    assert new == {"quiet.keys"}, new
    edge, known = visit("client.keys", *versions, config=f'debug_keylog_file = "{path}"\n')
    assert "the secrets of TLS connections are written to a file" in edge.log(), edge.log()
    assert {line.split()[0] for line in known} >= {"CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0"}, known
    assert set(lines_of(path)) == known, (lines_of(path), known)
    assert os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode)


def test_unlike_traefik(t):
    """Traefik's keys that do nothing here are told in the log and by `weir config check`; spiffe is refused"""
    ca = Authority(t.path("pki", ""))
    ignored = '[tls.options.default]\npreferServerCipherSuites = true\n' \
              '[serversTransports.a]\nmaxIdleConnsPerHost = 7\n' \
              '[serversTransports.a.forwardingTimeouts]\ndialTimeout = "4s"\n'
    edge, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + ignored, "")
    assert tls_get(secure, HOST, ca.context()).status == 404

    def told():
        return [line for line in edge.log().splitlines() if "a key of the TLS file is ignored" in line]
    for line, key in zip(told(), ("preferServerCipherSuites", "maxIdleConnsPerHost", "forwardingTimeouts")):
        assert " warn" in line.lower() and f" {key}: " in line, line
    # Read again, with another certificate; what has been told is not told again.
    ca.issue("site", HOST, subject="second")
    wait_for(lambda: edge.api("/api/tls")["reloads"] > 1, 10, "TLS is read anew")
    assert len(told()) == 3, told()

    def check(text):
        config = t.write("checked.toml", ENTRY + f'[tls]\nfile = "{t.write("other.toml", text)}"\n')
        done = subprocess.run([processes.weir_binary(), "config", "check", config], capture_output=True, text=True,
                              timeout=20, check=False)
        return done.returncode, done.stdout + done.stderr
    code, text = check(ignored)
    assert code == 0 and "key of the TLS file is ignored" in text and "maxIdleConnsPerHost: " in text, text
    code, text = check('[serversTransports.a.spiffe]\nids = ["spiffe://a/b"]\n')
    assert code == 1 and "peerCertURI" in text, text


def test_client_subject_in_the_access_log(t):
    """the access line of a request whose client has shown a certificate has its subject; nobody else's has one"""
    ca = Authority(t.path("pki", ""))
    upstream = t.ends(upstreams.Upstream())
    log = t.path("access.log")
    options = f'[tls.options.default.clientAuth]\ncaFiles = ["{ca.cert}"]\nclientAuthType = "VerifyClientCertIfGiven"\n'
    _, secure = secure_edge(t, certificate(ca.issue("site", HOST)) + options, route_to(HOST, upstream.url),
                            config=f'[access_log]\nformat = "json"\npath = "{log}"\n')
    for own in (ca.issue("me", "me.test", subject="app/O=Org, Inc"), None):
        assert tls_get(secure, HOST, ca.context(own)).status == 200
    lines = wait_for(lambda: len(lines_of(log)) == 2 and [json.loads(line) for line in lines_of(log)], 10, "the lines")
    assert lines[0]["TLSClientSubject"] == r"CN=app,O=Org\, Inc" and "TLSClientSubject" not in lines[1], lines
