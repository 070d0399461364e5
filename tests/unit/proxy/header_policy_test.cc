#include "proxy/header_policy.h"

#include "catch.h"

using namespace weir;
using namespace weir::proxy;
using http::Header;

namespace {

using Headers = std::vector<Header>;

std::string text_of(const Headers& fields) {
  std::string out;
  for (const Header& one : fields) out.append(one.name).append("=").append(one.value).append(";");
  return out;
}

struct Policy {
  routing::Middleware middleware;
  Headers sent;
  std::string vary;

  std::string preflight(http::Method method = http::Method::options) {
    Headers out;
    const PolicyRequest request{.method = method, .headers = sent};
    const bool answered = answer_preflight(middleware.cross_origin, middleware.patterns, request, out);
    return answered ? text_of(out) : "(goes on)";
  }
  std::string answer(Headers from, bool tls = false) {
    write_header_policy(middleware, {.headers = sent, .tls = tls}, from, vary);
    return text_of(from);
  }
};

/// https://a.test may ask.
struct Sharing : Policy {
  Sharing() {
    auto& cors = middleware.cross_origin;
    cors.defined = true;
    cors.origins = {"https://a.test"};
    cors.methods = "GET,PUT";
    cors.fields = "X-One,X-Two";
    cors.max_age_s = "100";
    sent = {{"origin", "https://a.test"},
            {"Access-Control-Request-Method", "PUT"},
            {"access-control-request-headers", "x-one"}};
  }
};

}  // namespace

TEST_CASE("header policy: a preflight is an OPTIONS with an origin that asks for a method") {
  Sharing policy;
  const std::string full =
      "Access-Control-Allow-Origin=https://a.test;Access-Control-Allow-Headers=X-One,X-Two;"
      "Access-Control-Allow-Methods=GET,PUT;Access-Control-Max-Age=100;";
  CHECK(policy.preflight() == full);
  CHECK(policy.preflight(http::Method::get) == "(goes on)");
  policy.sent.erase(policy.sent.begin() + 1);
  CHECK(policy.preflight() == "(goes on)");
  policy.sent[0] = {"Access-Control-Request-Method", "PUT"};
  CHECK(policy.preflight() == "(goes on)");
  Policy none;
  none.sent = Sharing().sent;
  CHECK(none.preflight() == "(goes on)");
}

TEST_CASE("header policy: a stranger's preflight is answered without its origin") {
  Sharing policy;
  policy.sent[0].value = "https://b.test";
  CHECK(policy.preflight().find("Allow-Origin") == std::string::npos);
  CHECK(policy.answer({}) == "");
  policy.middleware.patterns.push_back(*routing::Regexp::compile("^https://[bc]\\.test$"));
  CHECK(policy.answer({}) == "Access-Control-Allow-Origin=https://b.test;");
}

TEST_CASE("header policy: with credentials wildcards become what was asked for") {
  Sharing policy;
  auto& cors = policy.middleware.cross_origin;
  cors.origins = {"*"};
  cors.methods = cors.fields = cors.exposed = "*";
  cors.any_method = cors.any_field = cors.any_exposed = true;
  CHECK(policy.answer({}) == "Access-Control-Allow-Origin=*;Access-Control-Expose-Headers=*;");
  cors.credentials = true;
  CHECK(policy.preflight() ==
        "Access-Control-Allow-Origin=https://a.test;Access-Control-Allow-Credentials=true;"
        "Access-Control-Allow-Headers=x-one;Access-Control-Allow-Methods=PUT;Access-Control-Max-Age=100;");
  CHECK(policy.answer({}) == "Access-Control-Allow-Origin=https://a.test;Access-Control-Allow-Credentials=true;");
  policy.sent.clear();
  CHECK(policy.answer({}) == "Access-Control-Allow-Credentials=true;");
}

TEST_CASE("header policy: an answer that differs by origin says so once, behind what else it differs by") {
  Sharing policy;
  policy.sent.clear();
  policy.middleware.cross_origin.vary = true;
  CHECK(policy.answer({}) == "Vary=Origin;");
  CHECK(policy.answer({{"vary", "Origin"}}) == "vary=Origin;");
  CHECK(policy.answer({{"Vary", "Accept"}, {"A", "1"}}) == "Vary=Accept,Origin;A=1;");
}

TEST_CASE("header policy: what is for TLS is said over TLS, or where a field tells of it") {
  Policy policy;
  policy.middleware.browser_policy.tls_response_headers = {{"Strict-Transport-Security", "max-age=9"}};
  policy.middleware.response_headers = {{"X-Set", "1"}};
  CHECK(policy.answer({}) == "X-Set=1;");
  CHECK(policy.answer({}, true) == "Strict-Transport-Security=max-age=9;X-Set=1;");
  policy.middleware.browser_policy.tls_told_by = {{"x-forwarded-proto", "https"}};
  policy.sent = {{"X-Forwarded-Proto", "https"}};
  CHECK(policy.answer({}) == "Strict-Transport-Security=max-age=9;X-Set=1;");
  policy.middleware.response_headers = {{"strict-transport-security", ""}};
  CHECK(policy.answer({}, true) == "");
}

TEST_CASE("header policy: a host that is not in the list is not served, by the field that has it if one has") {
  routing::BrowserPolicy policy;
  const Headers sent = {{"X-Host", "b.test"}};
  CHECK(serves_host(policy, {.authority = "a.test"}));
  policy.hosts = {"A.test", "b.test:81"};
  CHECK(serves_host(policy, {.authority = "a.test"}));
  CHECK_FALSE(serves_host(policy, {.authority = "b.test"}));
  CHECK(serves_host(policy, {.authority = "b.test:81"}));
  policy.host_fields = {"x-none", "x-host"};
  CHECK_FALSE(serves_host(policy, {.authority = "a.test", .headers = sent}));
  CHECK(serves_host(policy, {.authority = "a.test"}));
}
