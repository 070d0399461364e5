#include "weir/proxy/rule_view.h"

#include "catch.h"
#include "weir/http/message.h"

using namespace weir;
using namespace weir::proxy;

namespace {

/// The values that rules see of that field, of a client at 10.0.0.1, each behind a slash.
std::string seen(const config::Config& config, std::string_view name, std::vector<Header> headers) {
  const RuleView view({.method = "GET",
                       .authority = "a.example",
                       .target = "/",
                       .headers = headers,
                       .client_ip = *IpAddress::parse("10.0.0.1"),
                       .entry_point = "web"},
                      config);
  std::string out;
  for (const Header& header : view.request().headers) {
    if (header.name == name) out.append("/").append(header.value);
  }
  return out;
}

}  // namespace

TEST_CASE("rule view: forwarded headers are those of the entry point, whoever is asked about") {
  config::Config config;
  const std::vector<Header> forged = {
      {"X-Forwarded-For", "6.6.6.6"}, {"X-Real-Ip", "6.6.6.6"}, {"X-Forwarded-Proto", "https"}, {"A", "1"}};
  // An entry point that nobody knows trusts nobody.
  CHECK(seen(config, "X-Real-Ip", forged) == "/10.0.0.1");
  CHECK(seen(config, "X-Forwarded-For", forged).empty());
  CHECK(seen(config, "X-Forwarded-Proto", forged) == "/http");
  CHECK(seen(config, "X-Forwarded-Port", forged) == "/80");
  CHECK(seen(config, "A", forged) == "/1");
  config::EntryPointConfig web;
  web.name = "web";
  web.address.port = 8080;
  config.entry_points = {web};
  CHECK(seen(config, "X-Real-Ip", forged) == "/10.0.0.1");
  CHECK(seen(config, "X-Forwarded-Port", forged) == "/80");
  config.entry_points[0].forwarded_headers_trusted_cidrs = {*Cidr::parse("10.0.0.0/8")};
  CHECK(seen(config, "X-Real-Ip", forged) == "/6.6.6.6");
  CHECK(seen(config, "X-Forwarded-For", forged) == "/6.6.6.6");
  CHECK(seen(config, "X-Forwarded-Proto", forged) == "/https");
  CHECK(seen(config, "X-Forwarded-Port", forged) == "/443");
  CHECK(seen(config, "X-Forwarded-Host", forged) == "/a.example");
}

TEST_CASE(
    "rule view: what middlewares answer is known, redirects with where they lead, and no rule sees what they do") {
  const std::vector<Header> headers = {{"A", "1"}};
  const auto config = config::Config();
  const RuleView view({.method = "POST",
                       .authority = "a.example",
                       .target = "/old/x?q=1",
                       .headers = headers,
                       .client_ip = *IpAddress::parse("10.0.0.1"),
                       .tls = true},
                      config);
  using Type = routing::Middleware::Type;
  auto strip = std::make_shared<routing::Middleware>();
  strip->type = Type::strip_prefix;
  strip->values = {"/old"};
  auto guard = std::make_shared<routing::Middleware>();
  guard->type = Type::forward_auth;
  auto redirect = std::make_shared<routing::Middleware>();
  redirect->type = Type::redirect_regex;
  redirect->patterns = {routing::Regexp::compile("^https://a\\.example/(.*)").value()};
  redirect->values = {"https://b.example/$1"};
  auto closed = std::make_shared<routing::Middleware>();
  closed->type = Type::ip_allow_list;
  closed->status = 403;
  routing::Router router;
  CHECK(view.answer_of(router).status == 0);
  router.middlewares = {strip, guard, redirect};
  CHECK(view.answer_of(router).status == 307);
  CHECK(view.answer_of(router).location == "https://b.example/x?q=1");
  router.middlewares = {strip, closed, redirect};
  CHECK(view.answer_of(router).status == 403);
  CHECK(view.answer_of(router).location.empty());
  CHECK(http::find(view.request().headers, "X-Forwarded-Prefix") == nullptr);
}

TEST_CASE("rule view: host, port, path and query are in their one form") {
  const RuleView view({.method = "POST", .authority = "A.Example.:81", .target = "/x/../%61%2F?q=%20", .tls = true},
                      config::Config());
  CHECK(view.request().method == "POST");
  CHECK(view.request().host == "a.example");
  CHECK(view.request().port == "81");
  CHECK(view.request().path == "/a%2F");
  CHECK(view.request().query == "q=%20");
  CHECK(view.request().tls);
  CHECK(view.target().rewritten);
}
