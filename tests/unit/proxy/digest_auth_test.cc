// digestAuth: who comes in by a digest of a password, and how a challenge ages.

#include "proxy/digest_auth.h"

#include <unistd.h>

#include <filesystem>

#include "edge_fixture.h"
#include "weir/base/file.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

using Options = std::map<std::string, std::string>;

std::string md5_hex(const std::string& text) { return hex_encode(tls::md5(text)); }

/// As htdigest writes it.
std::string line_of(const std::string& user, const std::string& password, const std::string& realm = "traefik") {
  return user + ":" + realm + ":" + md5_hex(user + ":" + realm + ":" + password);
}

std::string part(const std::string& answer, const std::string& name) {
  const size_t at = answer.find(name + "=\"") + name.size() + 2;
  return answer.substr(at, answer.find('"', at) - at);
}

struct DigestEdge : Edge {
  explicit DigestEdge(Options options = {{"users", line_of("jane", "secret") + "," + line_of("john", "other")}}) {
    middlewares = {{"guard", "digestAuth", std::move(options), {}}};
    backend = &upstream(answering(ok("in")));
    route(*backend);
  }
  std::string ask_with(const std::string& fields, const std::string& path = "/") {
    return ask(get(path, fields + "Connection: close\r\n"));
  }
  /// What a client says to a challenge.
  static std::string answer(const std::string& challenge, const std::string& user, const std::string& password,
                            const std::string& uri = "/") {
    return answer_by(challenge, user, md5_hex(user + ":" + part(challenge, "realm") + ":" + password), uri);
  }
  static std::string answer_by(const std::string& challenge, const std::string& user, const std::string& hash,
                               const std::string& uri = "/") {
    const std::string realm = part(challenge, "realm");
    const std::string nonce = part(challenge, "nonce");
    const std::string response = md5_hex(hash + ":" + nonce + ":00000001:abc:auth:" + md5_hex("GET:" + uri));
    return "Authorization: Digest username=\"" + user + "\", realm=\"" + realm + "\", nonce=\"" + nonce + "\", uri=\"" +
           uri + "\", qop=auth, nc=00000001, cnonce=\"abc\", response=\"" + response + "\", opaque=\"" +
           part(challenge, "opaque") + "\", algorithm=MD5\r\n";
  }
  Upstream* backend;
};

}  // namespace

TEST_CASE("digest: the example of RFC 2617 section 3.5") {
  auto answer = parse_digest_answer(
      "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
      "uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", "
      "response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
      "testrealm@host.com");
  REQUIRE(answer);
  CHECK((answer->user == "Mufasa" && answer->uri == "/dir/index.html" && answer->count == "00000001"));
  const std::string hash = "939e7578ed9e3c518a452acee763bce9";
  CHECK(digest_matches(*answer, "GET", hash));
  CHECK_FALSE(digest_matches(*answer, "POST", hash));
  CHECK_FALSE(digest_matches(*answer, "GET", "939e7578ed9e3c518a452acee763bce8"));
}

TEST_CASE("digest: what answers no challenge of ours is none") {
  const std::string good =
      "username=\"a\\\"b\", realm=\"r\", nonce=n, uri=\"/,\", qop=\"auth\", nc=1, cnonce=c,response=x,opaque=o";
  REQUIRE(parse_digest_answer("digest  " + good, "r"));
  CHECK(parse_digest_answer("Digest " + good, "r")->user == "a\"b");
  CHECK(parse_digest_answer("Digest " + good + ", algorithm=md5", "r")->uri == "/,");
  for (const std::string& bad :
       {"Basic " + good, "Digest" + good, std::string("Digest "), "Digest " + good + ", algorithm=SHA-256",
        "Digest " + good + ", qop=auth", "Digest " + good + ", x=\"open", "Digest " + good + ", x=\"open\\",
        "Digest " + good + ", x=\"a\" b", "Digest " + good + ", nothing", "Digest " + good.substr(0, good.size() - 9),
        std::string()}) {
    INFO(bad);
    CHECK_FALSE(parse_digest_answer(bad, "r"));
  }
  CHECK_FALSE(parse_digest_answer("Digest " + good, "another"));
}

TEST_CASE("digest: a nonce is known again by its maker, and ages") {
  const std::string nonce = make_nonce("secret", 1000);
  CHECK(age_of_nonce(nonce, "secret", 1000 + kNonceMs) == NonceAge::fresh);
  CHECK(age_of_nonce(nonce, "secret", 999) == NonceAge::fresh);
  CHECK(age_of_nonce(nonce, "secret", 1001 + kNonceMs) == NonceAge::stale);
  CHECK(age_of_nonce(nonce, "other", 1000) == NonceAge::foreign);
  for (const std::string& bad : {std::string(), std::string("1000"), std::string("1000-"), "1001" + nonce.substr(4),
                                 nonce + "0", "x" + nonce, nonce.substr(4)}) {
    INFO(bad);
    CHECK(age_of_nonce(bad, "secret", 1000) == NonceAge::foreign);
  }
}

TEST_CASE("digestAuth: a user comes in by an answer to our challenge, and nobody by another") {
  DigestEdge edge({{"users", line_of("jane", "secret") + "," + line_of("away", "secret", "elsewhere")},
                   {"headerfield", "X-User"},
                   {"removeheader", "true"}});
  const std::string challenge = edge.ask_with("");
  CHECK(challenge.starts_with("HTTP/1.1 401 "));
  CHECK(count(challenge, "WWW-Authenticate: Digest realm=\"traefik\", nonce=\"") == 1);
  CHECK(count(challenge, "\", algorithm=MD5, qop=\"auth\"\r\n") == 1);
  const std::string good = DigestEdge::answer(challenge, "jane", "secret");
  CHECK(edge.ask_with(good + "X-User: root\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(edge.ask_with(good).starts_with("HTTP/1.1 200 "));  // again, by the same nonce
  CHECK(count(edge.backend->all(), "X-User: jane\r\n") == 2);
  CHECK(count(edge.backend->all(), "root") == 0);
  CHECK(count(edge.backend->all(), "Authorization") == 0);

  std::string other_realm = good;
  other_realm.replace(other_realm.find("realm=\"traefik"), 14, "realm=\"Traefik");
  std::string other_opaque = good;
  other_opaque.replace(other_opaque.find("opaque=\"") + 8, 1, "x");
  for (const std::string& fields :
       {DigestEdge::answer(challenge, "jane", "wrong"), DigestEdge::answer(challenge, "nobody", "secret"),
        DigestEdge::answer(challenge, "away", "secret"), DigestEdge::answer_by(challenge, "nobody", ""),
        DigestEdge::answer(challenge, "jane", "secret", "/other"),
        DigestEdge::answer("realm=\"traefik\" nonce=\"1-2\" opaque=\"" + part(challenge, "opaque") + "\"", "jane",
                           "secret"),
        other_realm, other_opaque, std::string("Authorization: Basic amFuZTpzZWNyZXQ=\r\n")}) {
    INFO(fields);
    CHECK(edge.ask_with(fields).starts_with("HTTP/1.1 401 "));
  }
  CHECK(edge.backend->peers.size() <= 2);
  edge.check_balanced();
}

TEST_CASE("digestAuth: an old nonce is told to be stale, so that nobody is asked for the password again") {
  DigestEdge edge;
  const std::string challenge = edge.ask_with("");
  CHECK(count(challenge, "stale") == 0);
  edge.pass_ms(kNonceMs + 1000);
  const std::string later = edge.ask_with(DigestEdge::answer(challenge, "jane", "secret"));
  CHECK(later.starts_with("HTTP/1.1 401 "));
  CHECK(count(later, ", stale=true\r\n") == 1);
  CHECK(edge.ask_with(DigestEdge::answer(later, "jane", "secret")).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("digestAuth: users may be in a file, which is read again when it has changed") {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("weir-digest-" + std::to_string(getpid()))).string();
  REQUIRE(write_file_atomic(file, "# staff\n" + line_of("jane", "secret", "staff") + "\n"));
  DigestEdge edge({{"usersfile", file}, {"realm", "staff"}});
  const std::string challenge = edge.ask_with("");
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "jane", "secret")).starts_with("HTTP/1.1 200 "));
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "jane", "wrong")).starts_with("HTTP/1.1 401 "));
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "mary", "new")).starts_with("HTTP/1.1 401 "));
  // Who was found is known for a while, who was not for a shorter one; the password counts each time.
  std::filesystem::remove(file);
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "jane", "secret")).starts_with("HTTP/1.1 200 "));
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "jane", "wrong")).starts_with("HTTP/1.1 401 "));
  CHECK(edge.ask_with(DigestEdge::answer_by(challenge, "mary", "")).starts_with("HTTP/1.1 401 "));
  REQUIRE(write_file_atomic(file, line_of("mary", "new", "staff") + "\n"));
  edge.pass_ms(120'000);  // until what was found out is forgotten
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "mary", "new")).starts_with("HTTP/1.1 200 "));
  CHECK(edge.ask_with(DigestEdge::answer(challenge, "jane", "secret")).starts_with("HTTP/1.1 401 "));
  std::filesystem::remove(file);
  edge.check_balanced();
}

TEST_CASE(
    "digestAuth: a password that basicAuth has refused, of the same file, says nothing of the realm of that name") {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("weir-digest-twin-" + std::to_string(getpid()))).string();
  REQUIRE(write_file_atomic(file, line_of("jane", "secret", "staff") + "\n"));
  DigestEdge edge({{"usersfile", file}, {"realm", "staff"}});
  const auto by_digest = edge.middlewares;
  edge.middlewares = {{"basic", "basicAuth", {{"usersfile", file}}, {}}};
  edge.route(*edge.backend);
  CHECK(edge.ask_with("Authorization: Basic " + base64_encode("jane:staff") + "\r\n").starts_with("HTTP/1.1 401 "));
  edge.middlewares = by_digest;
  edge.route(*edge.backend);
  CHECK(edge.ask_with(DigestEdge::answer(edge.ask_with(""), "jane", "secret")).starts_with("HTTP/1.1 200 "));
  std::filesystem::remove(file);
}
