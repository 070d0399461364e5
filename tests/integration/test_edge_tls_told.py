"""What the edge tells of its TLS: in its log, in access lines, and in a file for Wireshark."""

import json
import subprocess

from harness import processes, upstreams
from harness.test import route_to
from harness.tls import Authority, tls_get
from harness.wait import wait_for
from test_edge_tls import ENTRY, HOST, certificate, lines_of, secure_edge


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
