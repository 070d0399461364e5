#include "proxy/forwarding.h"

#include "catch.h"

using namespace weir;
using namespace weir::proxy;

namespace {
std::string text_of(const std::vector<http::Header>& headers) {
  std::string out;
  for (const auto& header : headers) out += std::string(header.name) + "=" + std::string(header.value) + ";";
  return out;
}
}  // namespace

TEST_CASE("forwarding: a client that is not trusted cannot say where a request comes from") {
  http::Header sent[] = {
      {"X-Forwarded-For", "6.6.6.6"}, {"A", "1"}, {"x-real-IP", "6.6.6.6"}, {"X-Forwarded-Proto", "https"}};
  http::RequestHead head;
  head.authority = "a.example";
  head.headers = sent;
  ForwardedBy by{"10.0.0.1", "80", "http", false, {}, {}};
  ForwardingScratch scratch;
  write_forwarded_headers(head, by, {}, scratch);
  CHECK(text_of(scratch.headers) ==
        "A=1;X-Forwarded-For=10.0.0.1;X-Forwarded-Proto=http;X-Forwarded-Host=a.example;X-Forwarded-Port=80;X-Real-Ip="
        "10.0.0.1;");
}

TEST_CASE("forwarding: a trusted one's are kept and its address is appended") {
  http::Header sent[] = {{"X-Forwarded-For", "1.1.1.1"},
                         {"X-Forwarded-For", "2.2.2.2"},
                         {"X-Forwarded-Proto", "https"},
                         {"X-Real-Ip", "1.1.1.1"}};
  http::RequestHead head;
  head.authority = "a.example";
  head.headers = sent;
  ForwardedBy by{"10.0.0.1", "80", "http", true, {}, {}};
  ForwardingScratch scratch;
  write_forwarded_headers(head, by, {}, scratch);
  CHECK(text_of(scratch.headers) ==
        "X-Forwarded-Proto=https;X-Real-Ip=1.1.1.1;X-Forwarded-For=1.1.1.1, 2.2.2.2, "
        "10.0.0.1;X-Forwarded-Host=a.example;X-Forwarded-Port=80;");
}

TEST_CASE("forwarding: middlewares change path and headers in their order") {
  auto strip = std::make_shared<routing::Middleware>();
  strip->type = routing::Middleware::Type::strip_prefix;
  strip->values = {"/api"};
  auto add = std::make_shared<routing::Middleware>();
  add->type = routing::Middleware::Type::add_prefix;
  add->values = {"/v1"};
  auto headers = std::make_shared<routing::Middleware>();
  headers->type = routing::Middleware::Type::headers;
  headers->request_headers = {{"X-Set", "yes"}, {"A", ""}};
  headers->response_headers = {{"Server", ""}, {"X-Out", "1"}};
  routing::Router router;
  router.middlewares = {strip, add, headers};
  http::Header sent[] = {{"a", "1"}};
  http::RequestHead head;
  head.headers = sent;
  ForwardingScratch scratch;
  write_forwarded_headers(head, {"10.0.0.1", "80", "http", false, {}, {}}, {}, scratch);
  auto outcome = run_request_middlewares(router, head, "/api/x", ForwardedBy(), scratch);
  CHECK(outcome.path == "/v1/x");
  CHECK(http::find(scratch.headers, "a") == nullptr);
  CHECK(http::find(scratch.headers, "X-Set") != nullptr);
  CHECK(http::find(scratch.headers, "X-Forwarded-Prefix")->value == "/api");
  http::Header answered[] = {{"server", "x"}, {"B", "2"}};
  std::vector<http::Header> out;
  run_response_middlewares(router, answered, out);
  CHECK(text_of(out) == "B=2;X-Out=1;");
}

TEST_CASE("forwarding: a redirect to https names the host without the plain port and is not given twice") {
  auto redirect = std::make_shared<routing::Middleware>();
  redirect->type = routing::Middleware::Type::redirect_scheme;
  redirect->values = {"https"};
  redirect->permanent = true;
  routing::Router router;
  router.middlewares = {redirect};
  http::RequestHead head;
  head.authority = "A.example:80";
  head.target = "/x?y";
  ForwardingScratch scratch;
  auto outcome = run_request_middlewares(router, head, "/x", ForwardedBy(), scratch);
  CHECK(outcome.redirect);
  CHECK(outcome.status == 301);
  CHECK(scratch.location == "https://a.example/x?y");
  scratch.headers = {{"X-Forwarded-Proto", "https"}};
  CHECK_FALSE(run_request_middlewares(router, head, "/x", ForwardedBy(), scratch).redirect);
}

namespace {

/// What a router with that one middleware makes of a request from 10.0.0.1.
struct Run {
  explicit Run(routing::Middleware middleware) {
    router.middlewares = {std::make_shared<const routing::Middleware>(std::move(middleware))};
    head.authority = "a.example";
    head.target = "/b/x?q=1";
  }
  MiddlewareOutcome operator()(std::string_view path = "/b/x", std::string_view client = "10.0.0.1") {
    ForwardedBy by;
    by.client.ip = IpAddress::parse(client).value();
    return run_request_middlewares(router, head, path, by, scratch);
  }
  routing::Router router;
  http::RequestHead head;
  ForwardingScratch scratch;
};

Run redirect_to(std::vector<std::string> parts, uint16_t status = 301) {
  routing::Middleware out;
  out.type = routing::Middleware::Type::redirect_url;
  out.values = std::move(parts);
  out.status = status;
  return Run(out);
}

Run access_list(bool deny, std::vector<std::string> networks) {
  routing::Middleware out;
  out.type = routing::Middleware::Type::access_list;
  out.deny = deny;
  for (const std::string& text : networks) out.networks.push_back(Cidr::parse(text).value());
  return Run(out);
}

}  // namespace

TEST_CASE("forwarding: fabio's redirect puts host and path where its URL asks for them, and never leads to itself") {
  Run to_host = redirect_to({"https", "$host", "$path", "", "", ""}, 307);
  CHECK(to_host().status == 307);
  CHECK(to_host.scratch.location == "https://a.example/b/x?q=1");
  Run stripped = redirect_to({"https", "www.b", "/new$path", "", "/b", ""});
  CHECK(stripped().redirect);
  CHECK(stripped.scratch.location == "https://www.b/new/x?q=1");
  Run fixed = redirect_to({"https", "www.b", "", "z=2", "", ""});
  CHECK(fixed().redirect);
  CHECK(fixed.scratch.location == "https://www.b/?z=2");
  Run itself = redirect_to({"http", "$host", "$path", "", "", ""});
  itself.scratch.headers = {{"X-Forwarded-Proto", "http"}};
  CHECK(itself().status == 0);
  itself.scratch.headers = {{"X-Forwarded-Proto", "https"}};
  CHECK(itself().status == 301);
  Run prepended = redirect_to({"https", "www.b", "$path", "", "/b", "/p"});
  prepended();
  CHECK(prepended.scratch.location == "https://www.b/p/x?q=1");
}

TEST_CASE("forwarding: trap 13, fabio's allow and deny ask the peer and every address that was forwarded") {
  Run allow = access_list(false, {"10.0.0.0/8"});
  CHECK(allow().status == 0);
  CHECK(allow("/", "192.0.2.1").status == 403);
  CHECK_FALSE(allow("/", "192.0.2.1").redirect);
  http::Header inside[] = {{"x-forwarded-for", "10.1.1.1, unknown,10.2.2.2"}};
  allow.head.headers = inside;
  CHECK(allow().status == 0);
  http::Header through[] = {{"X-Forwarded-For", "10.1.1.1, 192.0.2.1"}};
  allow.head.headers = through;
  CHECK(allow().status == 403);
  Run deny = access_list(true, {"192.0.2.0/24", "fd00::/8"});
  CHECK(deny().status == 0);
  CHECK(deny("/", "fd00::1").status == 403);
  deny.head.headers = through;
  CHECK(deny().status == 403);
}

TEST_CASE("forwarding: Forwarded says who, how and for whom, quoted where it must be, behind what a trusted one says") {
  http::Header sent[] = {{"Forwarded", "for=_hidden"}, {"forwarded", "for=1.1.1.1;by=2.2.2.2"}};
  http::RequestHead head;
  head.headers = sent;
  head.authority = "a.example";
  config::ForwardingConfig config{false, true};
  ForwardingScratch scratch;
  ForwardedBy trusted{"10.0.0.1", "80", "http", true, {}, {}};
  write_forwarded_headers(head, trusted, config, scratch);
  CHECK(text_of(scratch.headers) ==
        "Forwarded=for=_hidden, for=1.1.1.1;by=2.2.2.2, for=10.0.0.1;proto=http;host=a.example;");
  head.authority = "a.example:8080";
  ForwardedBy over_v6{"2001:db8::1", "80", "https", false, {}, {}};
  write_forwarded_headers(head, over_v6, config, scratch);
  CHECK(text_of(scratch.headers) == "Forwarded=for=\"[2001:db8::1]\";proto=https;host=\"a.example:8080\";");
  head.authority = "";
  config.x_forwarded = true;
  ForwardedBy stranger{"10.0.0.1", "80", "http", false, {}, {}};
  write_forwarded_headers(head, stranger, config, scratch);
  CHECK(text_of(scratch.headers).starts_with("Forwarded=for=10.0.0.1;proto=http;X-Forwarded-For=10.0.0.1;"));
}

TEST_CASE("forwarding: with nothing to send, a stranger's fields are dropped all the same") {
  http::Header sent[] = {{"Forwarded", "for=6.6.6.6"}, {"X-Forwarded-For", "6.6.6.6"}, {"A", "1"}};
  http::RequestHead head;
  head.headers = sent;
  ForwardingScratch scratch;
  write_forwarded_headers(head, {"10.0.0.1", "80", "http", false, {}, {}}, {false, false}, scratch);
  CHECK(text_of(scratch.headers) == "A=1;");
  write_forwarded_headers(head, {"10.0.0.1", "80", "http", true, {}, {}}, {false, false}, scratch);
  CHECK(text_of(scratch.headers) == "Forwarded=for=6.6.6.6;X-Forwarded-For=6.6.6.6;A=1;");
}
