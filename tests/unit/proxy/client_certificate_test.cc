#include "proxy/client_certificate.h"

#include "catch.h"
#include "nobody.h"
#include "proxy/forwarding.h"
#include "weir/base/text.h"
#include "weir/tls/engine.h"

using namespace weir;
using namespace weir::proxy;

namespace {

tls::PeerCertificate jane() {
  tls::PeerCertificate out;
  out.der_base64 = "MIIB+/==";
  out.subject = {{"DC", "org"}, {"DC", "example"}, {"C", "DE"},      {"O", "Example & Co"}, {"OU", "one"},
                 {"OU", "two"}, {"CN", "old"},     {"CN", "J\"ane"}, {"serialNumber", "42"}};
  out.issuer = {{"CN", "ca"}, {"O", "CA"}};
  out.serial = "1234567890123456789012";
  out.alternatives = {"a.example", "jane@example.org", "10.0.0.1", "spiffe://mesh/jane"};
  out.not_before_s = 1'700'000'000;
  out.not_after_s = 1'800'000'000;
  return out;
}

std::string info(const std::vector<tls::PeerCertificate>& certificates,
                 const routing::ClientCertificateFields& fields) {
  std::string out = "what was there before";
  write_client_certificate_info(certificates, fields, out);
  return out;
}

/// A connection whose client has shown these.
struct Shown final : tls::Connection {
  std::vector<tls::PeerCertificate> certificates;
  [[nodiscard]] std::string_view version() const override { return "TLSv1.3"; }
  [[nodiscard]] std::string_view cipher() const override { return "TLS_AES_128_GCM_SHA256"; }
  [[nodiscard]] std::string_view server_name() const override { return ""; }
  [[nodiscard]] std::string_view options_name() const override { return "default"; }
  [[nodiscard]] bool resumed() const override { return false; }
  [[nodiscard]] tls::CertificateFacts peer_certificate() const override { return {}; }
  [[nodiscard]] const std::vector<tls::PeerCertificate>& client_certificates() const override { return certificates; }
  [[nodiscard]] std::string_view client_subject() const override { return {}; }
};

}  // namespace

TEST_CASE("client certificate: the parts that are asked for, in Traefik's order and escaped as it does") {
  routing::ClientCertificateFields fields;
  fields.subject = {"DC", "C", "O", "OU", "serialNumber", "CN"};
  CHECK(info({jane()}, fields) ==
        "Subject%3D%22DC%3Dorg%2CDC%3Dexample%2CC%3DDE%2CO%3DExample+%26+Co%2COU%3Done%2COU%3Dtwo%2CSN%3D42%2CCN%3DJ%22"
        "ane%22");
  fields.subject = {"CN", "L"};
  fields.issuer = {"O"};
  fields.serial_number = fields.not_before = fields.not_after = fields.sans = true;
  CHECK(info({jane()}, fields) ==
        "Subject%3D%22CN%3DJ%22ane%22%3BIssuer%3D%22O%3DCA%22%3BSerialNumber%3D%221234567890123456789012%22%3BNB%3D%"
        "221700000000%22%3BNA%3D%221800000000%22%3BSAN%3D%22a.example%2Cjane%40example.org%2C10.0.0.1%2Cspiffe%3A%2F%"
        "2Fmesh%2Fjane%22");
}

TEST_CASE("client certificate: the example of Traefik's documentation, field by field") {
  tls::PeerCertificate cheese;
  cheese.subject = {{"CN", "*.example.com"},
                    {"O", "Cheese"},
                    {"O", "Cheese 2"},
                    {"L", "TOULOUSE"},
                    {"L", "LYON"},
                    {"ST", "Cheese org state"},
                    {"ST", "Cheese com state"},
                    {"C", "FR"},
                    {"C", "US"},
                    {"DC", "org"},
                    {"DC", "cheese"}};
  cheese.issuer = {{"DC", "org"},
                   {"DC", "cheese"},
                   {"C", "FR"},
                   {"C", "US"},
                   {"ST", "Signing State"},
                   {"ST", "Signing State 2"},
                   {"L", "TOULOUSE"},
                   {"L", "LYON"},
                   {"O", "Cheese"},
                   {"O", "Cheese 2"},
                   {"CN", "Simple Signing CA 2"}};
  cheese.serial = "1";
  cheese.not_before_s = 1747282426;
  cheese.not_after_s = 1778818426;
  cheese.alternatives = {"*.example.org",    "*.example.net", "*.example.com", "test@example.org",
                         "test@example.net", "10.0.1.0",      "10.0.1.2"};
  routing::ClientCertificateFields fields;
  fields.subject = fields.issuer = {"DC", "C", "ST", "L", "O", "OU", "serialNumber", "CN"};
  fields.serial_number = fields.not_before = fields.not_after = fields.sans = true;
  CHECK(percent_decode(replace_all(info({cheese}, fields), "+", " ")).value() ==
        "Subject=\"DC=org,DC=cheese,C=FR,C=US,ST=Cheese org state,ST=Cheese com "
        "state,L=TOULOUSE,L=LYON,O=Cheese,O=Cheese "
        "2,CN=*.example.com\";Issuer=\"DC=org,DC=cheese,C=FR,C=US,ST=Signing State,ST=Signing State "
        "2,L=TOULOUSE,L=LYON,O=Cheese,O=Cheese 2,CN=Simple Signing CA "
        "2\";SerialNumber=\"1\";NB=\"1747282426\";NA=\"1778818426\";SAN=\"*.example.org,*.example.net,*.example.com,"
        "test@example.org,test@example.net,10.0.1.0,10.0.1.2\"");
}

TEST_CASE("client certificate: several stand with commas between") {
  tls::PeerCertificate authority;
  authority.der_base64 = "AAAA";
  authority.subject = {{"CN", "ca"}};
  routing::ClientCertificateFields fields;
  fields.subject = {"CN"};
  CHECK(info({jane(), authority}, fields) == "Subject%3D%22CN%3DJ%22ane%22%2CSubject%3D%22CN%3Dca%22");
  std::string pem;
  write_client_certificate({jane(), authority}, pem);
  CHECK(pem == "MIIB+/==,AAAA");
}

TEST_CASE("client certificate: who is not trusted cannot claim one, and one that is shown here is the one told") {
  auto middleware = std::make_shared<routing::Middleware>();
  middleware->type = routing::Middleware::Type::pass_tls_client_cert;
  middleware->client_certificate.pem = true;
  middleware->client_certificate.subject = {"CN"};
  routing::Router router;
  router.middlewares = {middleware};
  http::Header sent[] = {{"X-Forwarded-Tls-Client-Cert", "claimed"}, {"x_forwarded_tls_client_cert_info", "claimed"}};
  http::RequestHead head;
  head.headers = sent;
  Shown tls;
  Nobody nobody;
  auto told = [&](bool trusted, bool shown) {
    tls.certificates.clear();
    if (shown) tls.certificates.push_back(jane());
    ForwardedBy by;
    by.trusted = trusted;
    by.tls = &tls;
    ForwardingScratch scratch;
    write_forwarded_headers(head, by, {}, scratch);
    run_request_middlewares(router, head, "/", by, nobody.guards, scratch);
    const http::Header* pem = http::find(scratch.headers, "X-Forwarded-Tls-Client-Cert");
    const http::Header* info = http::find(scratch.headers, "X-Forwarded-Tls-Client-Cert-Info");
    return (pem == nullptr ? "-" : std::string(pem->value)) + " " + (info == nullptr ? "-" : std::string(info->value));
  };
  CHECK(told(false, false) == "- -");
  CHECK(told(true, false) == "claimed -");
  CHECK(told(false, true) == "MIIB+/== Subject%3D%22CN%3DJ%22ane%22");
  CHECK(told(true, true) == "MIIB+/== Subject%3D%22CN%3DJ%22ane%22");
}
