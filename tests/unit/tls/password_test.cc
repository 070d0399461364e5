// Hashes of other programs: `openssl passwd`, `htpasswd`, and crypt_blowfish's own test vectors.

#include "weir/tls/password.h"

#include "catch.h"

using namespace weir::tls;

namespace {
struct Made {
  const char* password;
  const char* hash;
};
constexpr Made kMade[] = {
    {"secret pass", "$1$Zb3xq/.7$fGK9vnXkWO7TitsVIzV9O."},
    {"a", "$1$Zb3xq/.7$G3R9vdNZdXxC5PdMDokgf/"},
    {"a rather long password of more than thirty-two bytes", "$1$Zb3xq/.7$rb8.7zvc3tmWztJiuNcYc0"},
    {"secret pass", "$apr1$Zb3xq/.7$t6rg4bF2L9UU6bOzDIlzB0"},
    {"a", "$apr1$Zb3xq/.7$o4RwVWirdQ66dTfff.rwo1"},
    {"a rather long password of more than thirty-two bytes", "$apr1$Zb3xq/.7$I1xO5DXMZFi5kOq28PDUy/"},
    {"secret pass", "$5$Zb3xq/.7$ToIG/TFkab.lH5lWkgrjFeRJmptv70x510EJEf7CfS4"},
    {"a", "$5$Zb3xq/.7$qBoHzahR9Ve4WA9fQbmt9n2ye..nahGDF7LreOGkpy3"},
    {"a rather long password of more than thirty-two bytes", "$5$Zb3xq/.7$7onLfteIZQr4DknXDXlFyB7/ZFpXHvAdvW/u/ArvVP5"},
    {"secret pass",
     "$6$Zb3xq/.7$znNTGScu4HOVjB3KdFmNt0EFzDxEv9QPVDri.oP0nS.7oO1Rk/bTPpFsRfjAi.9GFH.kGzgWtmgnZTj5QiyFJ0"},
    {"a", "$6$Zb3xq/.7$9VInOYTI9kg3GW1yxqFjKdvgL9dUXWrkxotUondVC9f6QF31HzD9PwVzgWADNdqL4GWARzv4af4tp3XbDXyGY."},
    {"a rather long password of more than thirty-two bytes",
     "$6$Zb3xq/.7$NwKxHTa4MKfPAV3TE9GgCSAFauw57inHMAgMx2SRVwChgKp2dERWY6DzM/5oyxCFvxR/a3fkdKKxnz9ZhcHlE1"},
    {"x", "$apr1$ab$eIePjsejfBGR8ITtu2z0U1"},
    {"secret pass", "{SHA}O1hAcUlX7zkBbV+/3rmbDfUlbNM="},
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"U*U*", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
};
}  // namespace

TEST_CASE("password: what other programs made of it matches, and nothing else does") {
  for (const auto& [password, hash] : kMade) {
    INFO(hash);
    CHECK(password_matches(password, hash));
    CHECK_FALSE(password_matches(std::string(password) + "x", hash));
    CHECK_FALSE(password_matches("", hash));
    std::string other = hash;
    other.back() = other.back() == '.' ? '/' : '.';
    CHECK_FALSE(password_matches(password, other));
    CHECK_FALSE(password_matches(password, std::string(hash).substr(0, std::string(hash).size() / 2)));
  }
}

TEST_CASE("password: what is no hash matches nothing, least of all itself") {
  for (const char* hash :
       {"", "secret", "$", "$1", "$apr1$", "$apr1$salt", "$2y$", "$2y$99$x", "$9$a$b", "{SHA}", "*0", "*1"}) {
    INFO(hash);
    CHECK_FALSE(password_matches("secret", hash));
    CHECK_FALSE(password_matches("", hash));
    CHECK_FALSE(password_matches(hash, hash));
  }
}

TEST_CASE("password: one that is too long or holds a zero byte matches nothing") {
  CHECK_FALSE(password_matches(std::string(kPasswordBytesMax + 1, 'x'), kMade[0].hash));
  CHECK_FALSE(password_matches(std::string(kMade[0].password) + std::string("\0x", 2), kMade[0].hash));
}
