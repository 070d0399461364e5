#include "proxy/tls_file.h"

#include "catch.h"

using namespace weir;
using namespace weir::proxy;

namespace {

std::vector<std::string> errors_of(const std::string& text) {
  std::vector<std::string> out;
  for (const Error& error : decode_tls_file(text, "/etc/weir/tls.toml").errors) out.push_back(error.text());
  return out;
}

}  // namespace

TEST_CASE("tls file: nothing in it is the default of everything") {
  TlsFileOutcome outcome = decode_tls_file("", "");
  CHECK(outcome.errors.empty());
  CHECK(outcome.file.options == std::vector<tls::ServerOptions>{{}});
  REQUIRE(outcome.file.transports.size() == 2);
  CHECK(outcome.file.transports[0] == tls::ClientOptions{});
  CHECK(outcome.file.transports[1].insecure_skip_verify);
}

TEST_CASE("tls file: Traefik's sections, paths from its own folder") {
  TlsFileOutcome outcome = decode_tls_file(R"(
[[tls.certificates]]
certFile = "a.pem"
keyFile = "/keys/a.key"
ocspFile = "a.ocsp"
[[tls.certificates]]
certFile = "both.pem"
[tls.stores.default.defaultCertificate]
certFile = "d.pem"
[tls.options.strict]
minVersion = "VersionTLS13"
curvePreferences = ["CurveP256"]
cipherSuites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
alpnProtocols = ["h2"]
sniStrict = true
[tls.options.strict.clientAuth]
caFiles = ["ca.pem"]
[http.serversTransports.internal]
serverName = "api"
rootCAs = ["ca.pem"]
peerCertURI = "spiffe://x/y"
)",
                                           "/etc/weir/tls.toml");
  REQUIRE(outcome.errors.empty());
  const TlsFile& file = outcome.file;
  REQUIRE(file.certificates.size() == 2);
  CHECK(file.certificates[0] == tls::CertificateFiles{"/etc/weir/a.pem", "/keys/a.key", "/etc/weir/a.ocsp"});
  CHECK(file.certificates[1].key_file == "/etc/weir/both.pem");
  CHECK(file.default_certificate->cert_file == "/etc/weir/d.pem");
  REQUIRE(file.options.size() == 2);
  CHECK(file.options[0].name == "strict");
  CHECK(file.options[0].min_version_minor == 3);
  CHECK(file.options[0].sni_strict);
  CHECK(file.options[0].client_auth == tls::ClientAuth::require_and_verify);  // caFiles without a type
  CHECK(file.options[1].name == "default");
  CHECK(file.transports[0].root_cas == std::vector<std::string>{"/etc/weir/ca.pem"});
  CHECK(file.transports[0].peer_uri == "spiffe://x/y");
}

TEST_CASE("tls file: every error with its place") {
  CHECK(errors_of("[tls.options.x]\nminVersion = \"VersionTLS11\"\ncolour = 1\nsniStrict = \"yes\"\n") ==
        std::vector<std::string>{
            "/etc/weir/tls.toml:3:1: unknown key \"colour\"; known are minVersion, maxVersion, cipherSuites, "
            "curvePreferences, alpnProtocols, sniStrict, clientAuth, disableSessionTickets, preferServerCipherSuites",
            "/etc/weir/tls.toml:2:14: minVersion: TLS 1.0 and 1.1 are not spoken any more (RFC 8996)",
            "/etc/weir/tls.toml:4:13: sniStrict: expected true or false, found a string"});
  CHECK(errors_of("[[tls.certificates]]\nkeyFile = \"a\"\n").size() == 1);
  CHECK(errors_of("[tls]\ncertificates = 7\n").size() == 1);
  CHECK(errors_of("[tls.options.x]\nminVersion = \"VersionTLS13\"\nmaxVersion = \"VersionTLS12\"\n").size() == 1);
  CHECK(errors_of("[tls.options.x.clientAuth]\nclientAuthType = \"Maybe\"\n").size() == 1);
  CHECK(errors_of("[tls.stores.other]\n").size() == 1);
  CHECK(errors_of("tls = 1\n").size() == 1);
  CHECK(errors_of("[serversTransports.x]\nconnectService = \"web\"\n").empty());
  CHECK(errors_of("[serversTransports.x]\nconnectService = \"web\"\nrootCAs = [\"a\"]\npeerCertURI = \"b\"\n") ==
        std::vector<std::string>{"/etc/weir/tls.toml:2:18: connectService together with rootCAs",
                                 "/etc/weir/tls.toml:2:18: connectService together with peerCertURI"});
  CHECK(errors_of("a = = 1\n").size() == 1);
}

TEST_CASE("tls file: Traefik's other keys are honoured, ignored in words, or refused with what to say instead") {
  TlsFileOutcome outcome = decode_tls_file(R"(
[tls.options.default]
disableSessionTickets = true
preferServerCipherSuites = true
[serversTransports.default]
disableHTTP2 = true
maxIdleConnsPerHost = 7
[serversTransports.default.forwardingTimeouts]
dialTimeout = "42s"
)",
                                           "tls.toml");
  REQUIRE(outcome.errors.empty());
  CHECK(outcome.file.options[0].tickets_off);
  CHECK(outcome.file.transports[0].http2_off);
  std::vector<std::string> ignored;
  for (const Error& one : outcome.ignored) ignored.push_back(one.text());
  REQUIRE(ignored.size() == 3);
  CHECK(ignored[0].find("tls.toml:4:1: preferServerCipherSuites: ") == 0);
  CHECK(ignored[1].find("tls.toml:7:1: maxIdleConnsPerHost: ") == 0);
  CHECK(ignored[2].find("tls.toml:8") == 0);
  CHECK(ignored[2].find("forwardingTimeouts: ") != std::string::npos);
  std::vector<std::string> refused = errors_of("[serversTransports.x.spiffe]\nids = [\"spiffe://a/b\"]\n");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].find("peerCertURI") != std::string::npos);
}
