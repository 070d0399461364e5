"""OCSP responses fetched from a responder, behind which is the openssl program."""

from harness import upstreams
from harness.test import takes
from harness.tls import Authority, openssl
from harness.wait import wait_for

ENTRY = '[entrypoints.secure]\naddress = "127.0.0.1:0"\ntls = true\n'


def stapled(address, host):
    """What a client that asks for a staple is shown."""
    return openssl("s_client", "-connect", address, "-servername", host, "-status", check=False)[1]


def issue(t, ca, file, host, port):
    """A certificate that names a responder, with its issuer behind it; (path of the chain, path of the key, serial)."""
    cert, key = ca.issue(file, host, extensions=[f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/"])
    with open(cert, encoding="ascii") as leaf, open(ca.cert, encoding="ascii") as issuer:
        chain = t.write(f"{file}-chain.pem", leaf.read() + issuer.read())
    return chain, key, openssl("x509", "-in", cert, "-noout", "-serial")[1].strip().split("=")[1]


class Responder(upstreams.Upstream):
    """Asks the openssl program, by the CA's list in `index`; answers 503 while that is None."""

    def __init__(self, t, ca):
        self.index, self.ca, self.request, self.response = None, ca, t.path("asked.der"), t.path("answer.der")
        super().__init__(answer=self.answer_one)

    def answer_one(self, request):
        if self.index is None:
            return upstreams.response(503, b"")
        with open(self.request, "wb") as file:
            file.write(request.body)
        openssl("ocsp", "-index", self.index, "-CA", self.ca.cert, "-rsigner", self.ca.cert, "-rkey", self.ca.key,
                "-reqin", self.request, "-respout", self.response, "-ndays", 7)
        with open(self.response, "rb") as file:
            return upstreams.response(200, file.read())


@takes(120)
def test_fetched(t):
    """stapled once the responder answers, and nobody waits for it; what is revoked or unknown is not"""
    ca = Authority(t.path("pki", ""))
    responder = t.ends(Responder(t, ca))
    made = {name: issue(t, ca, name, f"{name}.test", responder.port) for name in ("good", "revoked", "unknown")}
    path = t.write("tls.toml", "".join(f'[[tls.certificates]]\ncertFile = "{chain}"\nkeyFile = "{key}"\n'
                                       for chain, key, _ in made.values()))
    edge = t.edge(config=ENTRY + f'[tls]\nfile = "{path}"\nocsp_fetch = true\n')
    secure = edge.entry_point("secure")

    def status(name):
        return next(one for one in edge.api("/api/tls")["certificates"] if one["file"] == made[name][0])

    # There is no answer yet, and clients are served.
    wait_for(lambda: "status 503" in edge.log(), 10, "the responder has refused")
    assert "no response sent" in stapled(secure, "good.test")
    responder.index = t.write(
        "index.txt", f"V\t330101000000Z\t\t{made['good'][2]}\tunknown\t/CN=good\n"
                     f"R\t330101000000Z\t260101000000Z\t{made['revoked'][2]}\tunknown\t/CN=revoked\n")
    text = wait_for(lambda: (seen := stapled(secure, "good.test")) and "Cert Status: good" in seen and seen, 60,
                    "the response is stapled")
    assert "OCSP Response Status: successful" in text, text[:2000]
    assert status("good")["stapleUntil"], status("good")
    for name in ("revoked", "unknown"):
        wait_for(lambda name=name: f"the certificate is {name}" in edge.log(), 60, f"{name} is told")
        assert "no response sent" in stapled(secure, f"{name}.test")


def test_not_fetched(t):
    """without tls.ocsp_fetch nobody is asked"""
    ca = Authority(t.path("pki", ""))
    responder = t.ends(Responder(t, ca))
    chain, key, _ = issue(t, ca, "good", "good.test", responder.port)
    path = t.write("tls.toml", f'[[tls.certificates]]\ncertFile = "{chain}"\nkeyFile = "{key}"\n')
    edge = t.edge(config=ENTRY + f'[tls]\nfile = "{path}"\n')
    assert "no response sent" in stapled(edge.entry_point("secure"), "good.test")
    assert "stapleProblem" not in str(edge.api("/api/tls")) and "OCSP" not in edge.log()
    assert responder.connections == 0
