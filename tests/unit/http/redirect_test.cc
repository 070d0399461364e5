#include "weir/http/redirect.h"

#include "catch.h"

using namespace weir;
using namespace weir::http;

TEST_CASE("redirect: a location is taken as it stands, or from where it was said") {
  const Url from = Url::parse("http://a.test:81/x/y?q=1").value();
  struct Row {
    std::string location;
    std::string target;
  };
  auto row = GENERATE(Row{"https://b.test/z", "https://b.test/z"}, Row{"/z?w", "http://a.test:81/z?w"},
                      Row{"z", "http://a.test:81/x/z"}, Row{"?w=2", "http://a.test:81/x/y?w=2"},
                      Row{"//b.test/z", "http://b.test/z"}, Row{"", ""}, Row{"/z#part", "http://a.test:81/z"},
                      Row{"ftp://b.test/", "ftp://b.test/"}, Row{"z/a:b", "http://a.test:81/x/z/a:b"});
  CAPTURE(row.location);
  ClientResponse response;
  response.status = 302;
  if (!row.location.empty()) response.headers = {{"Location", row.location}};
  CHECK(redirect_target(from, response) == row.target);
  response.status = 304;
  CHECK(redirect_target(from, response) == "");
}

TEST_CASE("redirect: 307 and 308 keep the method, others ask by GET, HEAD stays") {
  CHECK(redirect_method("POST", 307) == "POST");
  CHECK(redirect_method("POST", 308) == "POST");
  CHECK(redirect_method("POST", 302) == "GET");
  CHECK(redirect_method("HEAD", 303) == "HEAD");
}
