// What is read from files, and what is refused before a client meets it.

#include <fstream>

#include "tls_fixture.h"
#include "weir/base/file.h"
#include "weir/base/text.h"

using namespace weir;
using namespace weir::tls;

TEST_CASE("tls: a certificate says for which names and how long it is good") {
  auto material = material_of(make_certificate("facts", "A.example *.b.example 127.0.0.1"));
  CHECK(material->facts.names == std::vector<std::string>{"a.example", "*.b.example", "127.0.0.1"});
  CHECK(material->facts.subject == "CN=facts");
  CHECK(material->facts.common_name == "facts");
  CHECK(material->facts.key_type == "EC");
  CHECK(lasts_days(material->facts.not_before_s, material->facts.not_after_s, 30));
  CHECK_FALSE(material->facts.serial.empty());
}

TEST_CASE("tls: a bad certificate is refused with its reason and its file") {
  MadeCertificate one = make_certificate("bad-one", "a.example");
  MadeCertificate two = make_certificate("bad-two", "a.example");
  auto reason = [](const std::string& cert, const std::string& key) {
    auto loaded = load_certificate({cert, key, ""});
    return loaded ? std::string("taken") : loaded.error().text();
  };
  CHECK(reason(one.cert, two.key).find("not the key of the first certificate") != std::string::npos);
  CHECK(reason(one.key, one.key).find("there is no certificate in it") != std::string::npos);
  CHECK(reason(one.cert, one.cert).find("private key") != std::string::npos);
  CHECK(reason(one.cert + ".none", one.key).find("bad-one.pem.none") != std::string::npos);

  std::string text = read_file(one.cert).value();
  std::string cut = test_folder() + "/cut.pem";
  REQUIRE(write_file_atomic(cut, text.substr(0, text.size() / 2)));
  CHECK(reason(cut, one.key).find("cut.pem") != std::string::npos);
  std::string damaged = test_folder() + "/damaged.pem";
  REQUIRE(write_file_atomic(damaged, text + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
  CHECK(reason(damaged, one.key).find("damaged.pem: certificate") != std::string::npos);

  std::string encrypted = test_folder() + "/encrypted.key";
  std::string command = "openssl pkey -in " + one.key + " -aes256 -passout pass:secret -out " + encrypted;
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(reason(one.cert, encrypted).find("encrypted") != std::string::npos);
}

TEST_CASE("tls: certificate and key may be one file") {
  MadeCertificate made = make_certificate("together", "a.example");
  std::string both = test_folder() + "/both.pem";
  REQUIRE(write_file_atomic(both, read_file(made.key).value() + read_file(made.cert).value()));
  CHECK(load_certificate({both, both, ""}));
}

TEST_CASE("tls: a key that is too short is refused when the context is made") {
  std::string base = test_folder() + "/short";
  std::string command = "openssl req -x509 -newkey rsa:1024 -nodes -keyout " + base + ".key -out " + base +
                        ".pem -subj /CN=short -addext subjectAltName=DNS:a.example 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  auto refused = make_server_context(make_library(), server_material({{base + ".pem", base + ".key"}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("short.pem: ee key too small") != std::string::npos);
}

TEST_CASE("tls: options that cannot be are refused by name") {
  auto reason = [](auto change) {
    ServerMaterial material = server_material({});
    change(material.profiles[0].options);
    auto made = make_server_context(make_library(), material);
    return made ? std::string("taken") : made.error().message;
  };
  CHECK(reason([](ServerOptions& o) { o.cipher_suites = {"TLS_RSA_WITH_RC4_128_SHA"}; }) ==
        "TLS options default: unknown cipher suite TLS_RSA_WITH_RC4_128_SHA");
  CHECK(reason([](ServerOptions& o) {
          o.curves = {"CurveP256", "Curve0"};
        }) == "TLS options default: unknown curve among CurveP256, Curve0");
  CHECK(reason([](ServerOptions& o) { o.client_auth = ClientAuth::require_and_verify; }) ==
        "TLS options default: clientAuth checks certificates, but there is no caFiles");
  CHECK(reason([](ServerOptions& o) { o.cipher_suites = {"TLS_AES_128_GCM_SHA256"}; }) == "taken");
}

TEST_CASE("tls: ticket keys are lines of base64") {
  std::string line = base64_encode(std::string(80, 'k'));
  CHECK(parse_ticket_keys("# newest first\n" + line + "\n\n" + line + "\n")->keys.size() == 2);
  CHECK(parse_ticket_keys("").error().message == "no ticket key");
  CHECK(parse_ticket_keys("QUFB\n").error().message.find("ticket key 1: expected 80 bytes") == 0);
  std::string many;
  for (size_t i = 0; i < TicketKeys::kKeysMax; ++i) many += line + "\n";
  CHECK(parse_ticket_keys(many)->keys.size() == TicketKeys::kKeysMax);
  CHECK(parse_ticket_keys(many + line).error().code == ErrorCode::too_large);
  TicketKeys keys = rotate(rotate({}, 1), 1);
  CHECK(keys.keys.size() == 2);
  TicketKeys next = rotate(keys, 1);
  CHECK(next.keys.size() == 2);
  CHECK(next.keys[1] == keys.keys[0]);
}
