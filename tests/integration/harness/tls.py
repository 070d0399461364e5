"""Certificates made for one test by the openssl program, and what speaks TLS in it."""

import os
import ssl
import subprocess

from .http import Connection
from .upstreams import Upstream


def openssl(*arguments, stdin=b"", deadline_s=20, check=True):
    """Runs the program; (exit code, what it wrote to both)."""
    done = subprocess.run(["openssl", *[str(a) for a in arguments]], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=deadline_s, check=False)
    text = done.stdout.decode("utf-8", "replace")
    assert not check or done.returncode == 0, f"openssl {arguments[0]}: {text}"
    return done.returncode, text


class Authority:
    """A CA in a folder. `issue` writes a certificate and its key: two paths."""

    def __init__(self, folder, name="ca"):
        self.folder, self.cert, self.key = folder, f"{folder}/{name}.pem", f"{folder}/{name}.key"
        os.makedirs(folder, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.cert, "-subj", f"/CN={name}", "-days", 30,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, file, *names, kind="ec", days=30, subject=None, extensions=()):
        cert, key = f"{self.folder}/{file}.pem", f"{self.folder}/{file}.key"
        sans = ",".join(("IP:" if n.replace(".", "").isdigit() else "DNS:") + n for n in names)
        new = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        # Written beside and renamed: an edge that watches sees whole files.
        openssl("req", "-x509", *new, "-nodes", "-keyout", key + ".new", "-out", cert + ".new",
                "-subj", f"/CN={subject or file}", "-days", days, "-addext", f"subjectAltName={sans}",
                "-CA", self.cert, "-CAkey", self.key, "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=serverAuth,clientAuth",
                *[word for extension in extensions for word in ("-addext", extension)])
        os.rename(key + ".new", key)
        os.rename(cert + ".new", cert)
        return cert, key

    def context(self, own=None):
        """Of a client that trusts this CA and shows `own`, a (certificate, key)."""
        context = ssl.create_default_context(cafile=self.cert)
        context.set_alpn_protocols(["http/1.1"])
        if own:
            context.load_cert_chain(*own)
        return context


class TlsConnection(Connection):
    """As Connection, over TLS: asks for `host` in its handshake and in its requests."""

    def __init__(self, address, host, context, timeout_s=10):
        super().__init__(address, timeout_s, host)
        self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.reader.sock = self.sock

    def subject(self):
        """The common name of the certificate that was shown."""
        return dict(pair[0] for pair in self.sock.getpeercert()["subject"])["commonName"]


def tls_get(address, host, context, target="/", headers=(), asked_host=None):
    """A GET on a connection of its own. `asked_host`: the Host header, where it is not the name of the handshake."""
    with TlsConnection(address, host, context) as connection:
        connection.host = asked_host or host
        return connection.request("GET", target, [*dict(headers).items(), ("Connection", "close")])


class TlsUpstream(Upstream):
    """An upstream that speaks TLS; `resumed` counts the connections that came back with a session, `peer_uris` are
    those in the certificates that were shown."""

    def __init__(self, certificate, client_ca=None, **options):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.resumed, self.names, self.peer_uris = 0, [], []
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        super().__init__(**options)
        self.url = f"https://{self.address}"

    def run_connection(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:  # the edge broke it off: what the test looks at
            sock.close()
            return
        with self.lock:
            self.resumed += sock.session_reused
            names = (sock.getpeercert() or {}).get("subjectAltName", ())
            self.peer_uris += [value for kind, value in names if kind == "URI"]
        super().run_connection(sock)
