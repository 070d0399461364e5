#include "weir/base/htpasswd.h"

#include "catch.h"

using namespace weir;

TEST_CASE("htpasswd: a line is a user and a hash that says how it was made") {
  CHECK(parse_htpasswd_line("jane:$2y$05$abc") == Credential{"jane", "$2y$05$abc"});
  CHECK(parse_htpasswd_line("jane doe:{SHA}a:b=") == Credential{"jane doe", "{SHA}a:b="});
  for (const char* bad : {"", "jane", ":", ":$1$x$y", "jane:", "jane:secret", "jane:$3$x", "jane:{SSHA}x"}) {
    INFO(bad);
    CHECK_FALSE(parse_htpasswd_line(bad));
  }
  std::string told = parse_htpasswd_line("jane:secret").error().message;
  CHECK(told.find("jane") != std::string::npos);
  CHECK(told.find("secret") == std::string::npos);  // it goes into the log
}

TEST_CASE("htpasswd: a hash that takes minutes to weigh is none") {
  for (const char* good : {"$2y$17$x", "$2b$04$x", "$6$rounds=1000000$x$y", "$5$rounds=5000$x$y", "$6$18$x"}) {
    INFO(good);
    CHECK(parse_htpasswd_line(std::string("jane:") + good));
  }
  for (const char* slow : {"$2y$18$x", "$2a$31$x", "$6$rounds=1000001$x$y", "$5$rounds=999999999$x$y",
                           "$6$rounds=99999999999999999999999$x$y"}) {
    INFO(slow);
    auto refused = parse_htpasswd_line(std::string("jane:") + slow);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("jane") != std::string::npos);
  }
}

TEST_CASE("htpasswd: of two lines of one user the last counts") {
  auto users = parse_htpasswd("jane:$1$x$old\njohn:$1$x$y\njane:$1$x$new\n");
  REQUIRE(users);
  CHECK(*hash_of(*users, "jane") == "$1$x$new");
  CHECK(hash_of(*users, "ann") == nullptr);
}

TEST_CASE("htpasswd: a file may have comments, blank lines and line ends of two kinds; an error names its line") {
  auto users = parse_htpasswd("# staff\r\n\r\njane:$1$x$y\r\n  john:{SHA}z  \n");
  REQUIRE(users);
  CHECK(*users == std::vector<Credential>{{"jane", "$1$x$y"}, {"john", "{SHA}z"}});
  CHECK(parse_htpasswd("")->empty());
  auto bad = parse_htpasswd("jane:$1$x$y\njohn:open\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.starts_with("line 2: "));
}

TEST_CASE("htdigest: a user is one of a realm") {
  const std::string hash = "939e7578ed9e3c518a452acee763bce9";
  CHECK(parse_htdigest_line("jane:the realm:" + hash) == Credential{"jane:the realm", hash});
  CHECK(parse_htdigest_line("jane:a:b:939E7578ED9E3C518A452ACEE763BCE9") == Credential{"jane:a:b", hash});
  for (const std::string& bad : {std::string(), std::string("jane"), "jane:" + hash, ":realm:" + hash,
                                 "jane:realm:" + hash + "0", "jane:realm:" + hash.substr(1) + "g"}) {
    INFO(bad);
    CHECK_FALSE(parse_htdigest_line(bad));
  }
  CHECK(parse_htdigest("# staff\n\njane:r:" + hash + "\n")->size() == 1);
  CHECK(parse_htdigest("jane:r:" + hash + "\njohn").error().message.starts_with("line 2: "));
}
