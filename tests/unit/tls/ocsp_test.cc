// What may be stapled: answers of the openssl program, good ones and others.

#include "weir/tls/ocsp.h"

#include "tls_fixture.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::tls;

namespace {

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
}

struct OcspWorld {
  std::string ca = make_ca("ca-ocsp");
  std::string ca_key = test_folder() + "/ca-ocsp.key";
  MadeCertificate leaf = issue("ocsp-leaf", "\"authorityInfoAccess=OCSP;URI:http://127.0.0.1:8/x\"", 4711);
  std::string chain = read_file(leaf.cert).value() + read_file(ca).value();

  MadeCertificate issue(const std::string& name, const std::string& extension, int serial) const {
    std::string base = test_folder() + "/" + name;
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + base + ".key -out " + base +
        ".pem -subj /CN=" + name + " -days 30 -CA " + ca + " -CAkey " + ca_key + " -set_serial " +
        std::to_string(serial) + " -addext basicConstraints=critical,CA:FALSE -addext " + extension);
    return {base + ".pem", base + ".key"};
  }
  /// The answer about the leaf; `line` is its row in the CA's list.
  std::string answer(const std::string& line, const std::string& signer, const std::string& signer_key) const {
    std::string index = test_folder() + "/ocsp-index.txt";
    std::string out = test_folder() + "/ocsp-answer.der";
    REQUIRE(write_file_atomic(index, line));
    run("openssl ocsp -index " + index + " -CA " + ca + " -rsigner " + signer + " -rkey " + signer_key + " -issuer " +
        ca + " -cert " + leaf.cert + " -ndays 7 -respout " + out);
    return read_file(out).value();
  }
};

constexpr const char* kGood = "V\t330101000000Z\t\t1267\tunknown\t/CN=ocsp-leaf\n";
constexpr const char* kRevoked = "R\t330101000000Z\t260101000000Z\t1267\tunknown\t/CN=ocsp-leaf\n";

}  // namespace

TEST_CASE("ocsp: the responder is the one that the leaf names, asked about the leaf") {
  OcspWorld world;
  auto question = make_ocsp_question(world.chain);
  REQUIRE(question);
  CHECK(question->url == "http://127.0.0.1:8/x");
  CHECK(question->der.find("\x12\x67") != std::string::npos);  // the serial
  CHECK(make_ocsp_question(read_file(world.leaf.cert).value()).error().message ==
        "OCSP: the chain does not hold the issuer");
  MadeCertificate silent = world.issue("ocsp-silent", "extendedKeyUsage=serverAuth", 4712);
  CHECK(make_ocsp_question(read_file(silent.cert).value() + read_file(world.ca).value()).error().message ==
        "OCSP: the certificate names no responder");
  CHECK_FALSE(make_ocsp_question("x"));
}

TEST_CASE("ocsp: an answer is shown when it is good and its signer may say so") {
  OcspWorld world;
  auto good = check_ocsp_answer(world.chain, world.answer(kGood, world.ca, world.ca_key));
  REQUIRE(good);
  CHECK(lasts_days(good->this_update_s, good->next_update_s, 7));
  MadeCertificate delegate = world.issue("ocsp-delegate", "extendedKeyUsage=OCSPSigning", 4713);
  CHECK(check_ocsp_answer(world.chain, world.answer(kGood, delegate.cert, delegate.key)));
}

TEST_CASE("ocsp: revoked, unknown, by a stranger, about another one and broken answers are not shown") {
  OcspWorld world;
  auto code = [&](const std::string& der) {
    auto checked = check_ocsp_answer(world.chain, der);
    REQUIRE_FALSE(checked);
    return checked.error().code;
  };
  CHECK(code(world.answer(kRevoked, world.ca, world.ca_key)) == ErrorCode::refused);
  CHECK(code(world.answer("", world.ca, world.ca_key)) == ErrorCode::refused);
  MadeCertificate sibling = world.issue("ocsp-sibling", "extendedKeyUsage=serverAuth", 4714);
  CHECK(code(world.answer(kGood, sibling.cert, sibling.key)) == ErrorCode::invalid);
  std::string stranger = make_ca("ca-ocsp-stranger");
  CHECK(code(world.answer(kGood, stranger, test_folder() + "/ca-ocsp-stranger.key")) == ErrorCode::invalid);

  std::string good = world.answer(kGood, world.ca, world.ca_key);
  std::string other = read_file(sibling.cert).value() + read_file(world.ca).value();
  CHECK(check_ocsp_answer(other, good).error().message == "OCSP response: it is about another certificate");
  CHECK(code(good.substr(0, good.size() / 2)) == ErrorCode::invalid);
  CHECK(code("") == ErrorCode::invalid);
  std::string damaged = good;
  damaged.replace(damaged.find("\x12\x67"), 2, "\x12\x68");
  CHECK(check_ocsp_answer(world.chain, damaged).error().message.starts_with("OCSP signature: "));
  CHECK(code(std::string("\x30\x03\x0a\x01\x03", 5)) == ErrorCode::unavailable);  // try later
}
