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
