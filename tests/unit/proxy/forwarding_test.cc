#include "proxy/forwarding.h"

#include "catch.h"
#include "nobody.h"
#include "weir/base/text.h"

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
  ForwardedBy by{.fields = HopFields("http", 80, "10.0.0.1")};
  ForwardingScratch scratch;
  write_forwarded_headers(head, by, {}, scratch);
  const std::string seen = text_of(scratch.headers);  // by rules
  CHECK(seen == "A=1;X-Forwarded-Host=a.example;X-Forwarded-Proto=http;X-Forwarded-Port=80;X-Real-Ip=10.0.0.1;");
  append_hop(head, by, {}, scratch);
  CHECK(text_of(scratch.headers) == seen + "X-Forwarded-For=10.0.0.1;");
}

TEST_CASE("forwarding: a trusted one's are kept and its address is appended") {
  http::Header sent[] = {{"X-Forwarded-For", "1.1.1.1"},
                         {"X-Forwarded-For", "2.2.2.2"},
                         {"X-Forwarded-Proto", "https"},
                         {"X-Real-Ip", "1.1.1.1"}};
  http::RequestHead head;
  head.authority = "a.example";
  head.headers = sent;
  ForwardedBy by{.fields = HopFields("http", 80, "10.0.0.1"), .trusted = true};
  ForwardingScratch scratch;
  write_forwarded_headers(head, by, {}, scratch);
  CHECK(text_of(scratch.headers) ==
        "X-Forwarded-Proto=https;X-Real-Ip=1.1.1.1;X-Forwarded-For=1.1.1.1, 2.2.2.2;X-Forwarded-Host=a.example;"
        "X-Forwarded-Port=443;");
  append_hop(head, by, {}, scratch);
  CHECK(text_of(scratch.headers) ==
        "X-Forwarded-Proto=https;X-Real-Ip=1.1.1.1;X-Forwarded-For=1.1.1.1, 2.2.2.2, "
        "10.0.0.1;X-Forwarded-Host=a.example;X-Forwarded-Port=443;");
}

TEST_CASE("forwarding: what a trusted client speaks has one form for rules and upstreams, however it is written") {
  auto seen = [](std::string_view proto, bool trusted = true) {
    const http::Header sent[] = {{"x-forwarded-proto", proto}};
    http::RequestHead head;
    head.headers = sent;
    ForwardingScratch scratch;
    const ForwardedBy by{.fields = HopFields("http", 80, "10.0.0.1"), .trusted = trusted};
    write_forwarded_headers(head, by, {}, scratch);
    return std::string(http::find(scratch.headers, "X-Forwarded-Proto")->value);
  };
  for (const char* proto : {"https", "HTTPS", "Https", "wss", "WSS"}) CHECK(seen(proto) == "https");
  for (const char* proto : {"http", "HTTP", "ws"}) CHECK(seen(proto) == "http");
  for (const char* proto : {"gopher", "https,http", ""}) CHECK(seen(proto) == proto);
  CHECK(seen("WSS", false) == "http");
}

TEST_CASE("forwarding: X-Forwarded-Port is the port of Host, else the usual one of what the client speaks") {
  auto seen = [](std::string_view authority, std::string_view proto, uint16_t usual, bool trusted) {
    std::vector<http::Header> sent;
    if (!proto.empty()) sent.push_back({"X-Forwarded-Proto", proto});
    http::RequestHead head;
    head.authority = authority;
    head.headers = sent;
    ForwardingScratch scratch;
    const ForwardedBy by{.fields = HopFields("http", usual, "10.0.0.1"), .trusted = trusted};
    write_forwarded_headers(head, by, {}, scratch);
    return std::string(http::find(scratch.headers, "X-Forwarded-Port")->value);
  };
  CHECK(seen("a.test", "", 80, false) == "80");
  CHECK(seen("a.test:8443", "", 80, false) == "8443");
  CHECK(seen("[::1]", "", 443, false) == "443");
  CHECK(seen("[::1]:81", "", 443, false) == "81");
  CHECK(seen("a.test", "https", 80, true) == "443");
  CHECK(seen("a.test", "WSS", 80, true) == "443");
  CHECK(seen("a.test", "http", 80, true) == "80");
  CHECK(seen("a.test:81", "https", 80, true) == "81");
  CHECK(seen("a.test", "https", 80, false) == "80");  // of a stranger
}

TEST_CASE("forwarding: Max-Forwards is counted down whatever else is sent on") {
  http::Header sent[] = {{"max-forwards", "10"}};
  http::RequestHead head;
  head.method = http::Method::options;
  head.headers = sent;
  for (bool x_forwarded : {false, true}) {
    ForwardingScratch scratch;
    write_forwarded_headers(head, {}, {.x_forwarded = x_forwarded}, scratch);
    append_hop(head, {}, {.x_forwarded = x_forwarded}, scratch);
    CHECK(http::find(scratch.headers, "Max-Forwards")->value == "9");
  }
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
  write_forwarded_headers(head, {.fields = HopFields("http", 80, "10.0.0.1")}, {}, scratch);
  Nobody nobody;
  auto outcome = run_request_middlewares(router, head, "/api/x", ForwardedBy(), nobody.guards, scratch);
  CHECK(outcome.path == "/v1/x");
  CHECK(http::find(scratch.headers, "a") == nullptr);
  CHECK(http::find(scratch.headers, "X-Set") != nullptr);
  CHECK(http::find(scratch.headers, "X-Forwarded-Prefix")->value == "/api");
  http::Header answered[] = {{"server", "x"}, {"B", "2"}};
  std::vector<http::Header> out;
  run_response_middlewares(router, answered, {}, scratch, out);
  CHECK(text_of(out) == "B=2;X-Out=1;");
  scratch.passed = 2;
  run_response_middlewares(router, answered, {}, scratch, out);
  CHECK(text_of(out) == "server=x;B=2;");
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
  Nobody nobody;
  auto outcome = run_request_middlewares(router, head, "/x", ForwardedBy(), nobody.guards, scratch);
  CHECK(outcome.redirect);
  CHECK(outcome.status == 301);
  CHECK(scratch.location == "https://a.example/x?y");
  // The path is what is matched, and what middlewares before have left of it.
  head.target = "/a/../x/z?y=/&q";
  auto strip = std::make_shared<routing::Middleware>();
  strip->type = routing::Middleware::Type::strip_prefix;
  strip->values = {"/x"};
  routing::Router stripping;
  stripping.middlewares = {strip, redirect};
  CHECK(run_request_middlewares(stripping, head, "/x/z", ForwardedBy(), nobody.guards, scratch).redirect);
  CHECK(scratch.location == "https://a.example/z?y=/&q");
  head.target = "/x";
  CHECK(run_request_middlewares(stripping, head, "/x", ForwardedBy(), nobody.guards, scratch).redirect);
  CHECK(scratch.location == "https://a.example/");
  // The host too.
  auto host = std::make_shared<routing::Middleware>();
  host->type = routing::Middleware::Type::headers;
  host->request_headers = {{"Host", "B.example"}};
  stripping.middlewares = {host, redirect};
  CHECK(run_request_middlewares(stripping, head, "/x", ForwardedBy(), nobody.guards, scratch).redirect);
  CHECK(scratch.location == "https://b.example/x");
  scratch.headers = {{"X-Forwarded-Proto", "https"}};
  CHECK_FALSE(run_request_middlewares(router, head, "/x", ForwardedBy(), nobody.guards, scratch).redirect);
}

TEST_CASE("forwarding: a redirect to a port is given to who has the scheme and another port, and of WebSockets too") {
  auto redirect = std::make_shared<routing::Middleware>();
  redirect->type = routing::Middleware::Type::redirect_scheme;
  routing::Router router;
  router.middlewares = {redirect};
  Nobody nobody;
  auto leads_from = [&](std::vector<std::string> values, std::string_view proto, std::string_view authority) {
    redirect->values = std::move(values);
    http::RequestHead head;
    head.authority = authority;
    head.target = "/";
    ForwardingScratch scratch;
    scratch.headers = {{"X-Forwarded-Proto", proto}};
    return run_request_middlewares(router, head, "/", ForwardedBy(), nobody.guards, scratch).redirect;
  };
  CHECK(leads_from({"http", "80"}, "http", "a:81"));
  CHECK_FALSE(leads_from({"http", "80"}, "http", "a"));
  CHECK_FALSE(leads_from({"http"}, "http", "a:81"));
  CHECK(leads_from({"https", "8443"}, "https", "[::1]"));
  CHECK_FALSE(leads_from({"https", "8443"}, "https", "[::1]:8443"));
  CHECK_FALSE(leads_from({"https", "443"}, "HTTPS", "a:443"));
  CHECK_FALSE(leads_from({"https"}, "wss", "a"));
  CHECK(leads_from({"https"}, "ws", "a"));
  // Of a word that is no scheme nothing is known but the connection, and no port is as an empty one.
  CHECK(leads_from({"https"}, "https,http", "a"));
  CHECK_FALSE(leads_from({"http", ""}, "http,https", "a:81"));
}

namespace {

/// What a router with that one middleware makes of a request from 10.0.0.1.
struct Run {
  explicit Run(routing::Middleware middleware) {
    router.middlewares = {std::make_shared<const routing::Middleware>(std::move(middleware))};
    head.authority = "a.example";
    head.target = "/b/x?q=1";
  }
  MiddlewareOutcome operator()(std::string_view path = "/b/x", std::string_view client = "10.0.0.1",
                               bool trusted = false) {
    ForwardedBy by;
    by.trusted = trusted;
    by.client.ip = IpAddress::parse(client).value();
    return run_request_middlewares(router, head, path, by, nobody.guards, scratch);
  }
  routing::Router router;
  http::RequestHead head;
  ForwardingScratch scratch;
  Nobody nobody;
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
  Run same_host = redirect_to({"", "", "/new", "", "", ""});
  CHECK(same_host().status == 301);
  CHECK(same_host.scratch.location == "/new");
  Run same_scheme = redirect_to({"", "www.b", "$path", "", "", ""});
  CHECK(same_scheme().status == 301);
  CHECK(same_scheme.scratch.location == "//www.b/b/x?q=1");
  Run no_other_host = redirect_to({"", "", "$path", "", "", "/"});
  CHECK(no_other_host().status == 0);  // /b/x, never //b/x
}

TEST_CASE("forwarding: fabio's redirect puts the host into a part of one too") {
  Run within = redirect_to({"https", "www.$host", "$path", "", "", ""});
  CHECK(within().redirect);
  CHECK(within.scratch.location == "https://www.a.example/b/x?q=1");
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

TEST_CASE("forwarding: a path that is replaced is told, by its expression only where that matches") {
  routing::Middleware whole;
  whole.type = routing::Middleware::Type::replace_path;
  whole.values = {"/new"};
  Run replace(whole);
  http::Header claimed[] = {{"X-Replaced-Path", "/etc"}};
  replace.scratch.headers.assign(std::begin(claimed), std::end(claimed));
  CHECK(replace().path == "/new");
  CHECK(text_of(replace.scratch.headers) == "X-Replaced-Path=/b/x;");
  routing::Middleware part;
  part.type = routing::Middleware::Type::replace_path_regex;
  part.patterns = {routing::Regexp::compile("^/b/(.*)").value()};
  part.values = {"n/$1/$1"};
  Run rewrite(part);
  CHECK(rewrite().path == "/n/x/x");
  CHECK(text_of(rewrite.scratch.headers) == "X-Replaced-Path=/b/x;");
  rewrite.scratch.headers.clear();
  CHECK(rewrite("/c").path == "/c");
  CHECK(rewrite.scratch.headers.empty());
}

TEST_CASE("forwarding: a prefix found by an expression is stripped at the path's beginning only") {
  routing::Middleware strip;
  strip.type = routing::Middleware::Type::strip_prefix_regex;
  strip.patterns = {routing::Regexp::compile("/v[0-9]+").value(), routing::Regexp::compile("^/[a-z]+").value()};
  Run run(strip);
  CHECK(run("/v12/x").path == "/x");
  CHECK(text_of(run.scratch.headers) == "X-Forwarded-Prefix=/v12;");
  CHECK(run("/v1x").path == "/x");
  CHECK(run("/v1").path == "/");
  CHECK(run("/ab/v1").path == "/v1");  // the first expression finds it further on
  run.scratch.headers.clear();
  CHECK(run("/1/v1").path == "/1/v1");
  CHECK(run.scratch.headers.empty());
}

TEST_CASE("forwarding: what is left of a path leads no further up than the path itself") {
  routing::Middleware strip;
  strip.type = routing::Middleware::Type::strip_prefix;
  strip.values = {"/api"};
  Run run(strip);
  CHECK(run("/api../admin").path == "/admin");
  CHECK(run("/api./x").path == "/x");
  CHECK(run("/api..").path == "/");
  CHECK(run("/api.x/y").path == "/.x/y");
  CHECK(run("/api/x").path == "/x");
  routing::Middleware add;
  add.type = routing::Middleware::Type::add_prefix;
  add.values = {"/public"};
  run.router.middlewares.push_back(std::make_shared<const routing::Middleware>(add));
  CHECK(run("/api../admin").path == "/public/admin");
}

TEST_CASE("forwarding: what stripPrefixRegex sees is decoded, and what it strips is as it was sent") {
  routing::Middleware strip;
  strip.type = routing::Middleware::Type::strip_prefix_regex;
  strip.patterns = {routing::Regexp::compile("^/d\xc3\xa9 [a-z]").value()};
  Run run(strip);
  CHECK(run("/d%C3%A9%20xy%2Fz").path == "/y%2Fz");
  CHECK(text_of(run.scratch.headers) == "X-Forwarded-Prefix=/d%C3%A9%20x;");
}

TEST_CASE("forwarding: what replacePathRegex makes is a path") {
  routing::Middleware replace;
  replace.type = routing::Middleware::Type::replace_path_regex;
  replace.patterns = {routing::Regexp::compile("^/b/(?P<rest>.*)").value()};
  replace.values = {"/d e?/{${rest}}"};
  Run run(replace);
  CHECK(run("/b/%20%3Fx").path == "/d%20e%3F/%7B%20%3Fx%7D");
}

TEST_CASE("forwarding: what replacePathRegex puts together leaves no dot segment") {
  routing::Middleware replace;
  replace.type = routing::Middleware::Type::replace_path_regex;
  replace.patterns = {routing::Regexp::compile("^/api/?(.*)").value()};
  replace.values = {"/public/$1"};
  Run run(replace);
  CHECK(run("/api../private").path == "/private");
  CHECK(run("/api.").path == "/public/");
  CHECK(run("/api/x.y").path == "/public/x.y");
}

TEST_CASE("forwarding: each prefix that is stripped is told, and a middleware behind may say otherwise") {
  auto strip = [](const char* prefix) {
    auto out = std::make_shared<routing::Middleware>();
    out->type = routing::Middleware::Type::strip_prefix;
    out->values = {prefix};
    return out;
  };
  auto headers = std::make_shared<routing::Middleware>();
  headers->type = routing::Middleware::Type::headers;
  headers->request_headers = {{"X-Forwarded-Prefix", "/mine"}};
  Run run(*strip("/a"));
  run.router.middlewares = {strip("/a"), strip("/b")};
  CHECK(run("/a/b/c").path == "/c");
  CHECK(text_of(run.scratch.headers) == "X-Forwarded-Prefix=/a;X-Forwarded-Prefix=/b;");
  run.scratch.headers.clear();
  run.router.middlewares = {strip("/a"), headers};
  run("/a/b");
  CHECK(text_of(run.scratch.headers) == "X-Forwarded-Prefix=/mine;");
}

TEST_CASE("forwarding: what a trusted proxy says has dashes; underscores are somebody else's") {
  http::Header sent[] = {{"X-Forwarded-For", "1.1.1.1"},
                         {"X_Forwarded_For", "6.6.6.6"},
                         {"X_Forwarded_Proto", "https"},
                         {"X_Real_Ip", "6.6.6.6"}};
  http::RequestHead head;
  head.authority = "a.test";
  head.headers = sent;
  ForwardingScratch scratch;
  const ForwardedBy by{.fields = HopFields("http", 80, "10.0.0.1"), .trusted = true};
  write_forwarded_headers(head, by, {}, scratch);
  CHECK(
      text_of(scratch.headers) ==
      "X-Forwarded-For=1.1.1.1;X-Forwarded-Host=a.test;X-Forwarded-Proto=http;X-Forwarded-Port=80;X-Real-Ip=10.0.0.1;");
}

TEST_CASE("forwarding: replacePathRegex without a replacement takes what it matches away") {
  routing::Middleware replace;
  replace.type = routing::Middleware::Type::replace_path_regex;
  replace.patterns = {routing::Regexp::compile("^/b(/.*)?$").value()};
  replace.values = {""};
  Run run(replace);
  CHECK(run("/b/x").path == "/");
  CHECK(text_of(run.scratch.headers) == "X-Replaced-Path=/b/x;");
  CHECK(run("/c").path == "/c");
}

TEST_CASE("forwarding: redirectScheme to wss leads there from wherever a client comes, with the port it is told") {
  routing::Middleware redirect;
  redirect.type = routing::Middleware::Type::redirect_scheme;
  redirect.values = {"wss", "443"};
  Run run(redirect);
  CHECK(run().status == 302);
  CHECK(run.scratch.location == "wss://a.example:443/b/x?q=1");
  http::Header proto[] = {{"X-Forwarded-Proto", "wss"}};
  run.scratch.headers.assign(std::begin(proto), std::end(proto));
  CHECK(run().status == 302);
}

TEST_CASE("forwarding: redirectRegex sees the whole URL, and leads nowhere where nothing changes") {
  routing::Middleware redirect;
  redirect.type = routing::Middleware::Type::redirect_regex;
  redirect.patterns = {routing::Regexp::compile("^http://a\\.example/b/(.*)").value()};
  redirect.values = {"https://b.example/$1"};
  Run run(redirect);
  CHECK(run().status == 302);
  CHECK(run.scratch.location == "https://b.example/x?q=1");
  run.head.method = http::Method::post;
  CHECK(run().status == 307);
  run.head.method = http::Method::head;
  CHECK(run().status == 307);
  redirect.permanent = true;
  Run permanent(redirect);
  CHECK(permanent().status == 301);
  permanent.head.method = http::Method::head;
  CHECK(permanent().status == 308);
  redirect.values = {"http://a.example/b/$1"};
  CHECK(Run(redirect)().status == 0);
  redirect.patterns = {routing::Regexp::compile("^https://").value()};
  CHECK(Run(redirect)().status == 0);  // it came without TLS
}

TEST_CASE("forwarding: ipAllowList asks the connection, or the address that its strategy takes from a trusted list") {
  routing::Middleware list;
  list.type = routing::Middleware::Type::ip_allow_list;
  list.networks = {Cidr::parse("10.0.0.0/8").value()};
  list.status = 403;
  Run run(list);
  http::Header forwarded[] = {{"X-Forwarded-For", "10.9.9.9, 192.0.2.7"}, {"x-forwarded-for", "192.0.2.1"}};
  run.head.headers = forwarded;
  CHECK(run("/", "10.0.0.1").status == 0);
  CHECK(run("/", "192.0.2.1").status == 403);

  auto with = [&](uint32_t depth, const char* proxies, bool trusted = true) {
    list.ip_strategy.depth = depth;
    list.ip_strategy.proxies.clear();
    for (std::string_view text : split_list(proxies)) list.ip_strategy.proxies.push_back(Cidr::parse(text).value());
    Run asked(list);
    asked.head.headers = forwarded;
    return asked("/", "10.0.0.1", trusted).status;
  };
  CHECK(with(1, "") == 403);
  CHECK(with(2, "") == 403);
  CHECK(with(3, "") == 0);
  CHECK(with(4, "") == 403);  // there is none
  CHECK(with(3, "", false) == 403);
  CHECK(with(0, "192.0.2.1") == 403);
  CHECK(with(0, "192.0.2.0/24") == 0);
  CHECK(with(0, "0.0.0.0/0") == 403);
  forwarded[1].value = "10.1.1.1, nonsense";
  CHECK(with(0, "192.0.2.0/24") == 403);
  CHECK(with(2, "") == 0);
}

TEST_CASE("forwarding: Forwarded says who, how and for whom, quoted where it must be, behind what a trusted one says") {
  http::Header sent[] = {{"Forwarded", "for=_hidden"}, {"forwarded", "for=1.1.1.1;by=2.2.2.2"}};
  http::RequestHead head;
  head.headers = sent;
  head.authority = "a.example";
  config::ForwardingConfig config{false, true};
  ForwardingScratch scratch;
  ForwardedBy trusted{.fields = HopFields("http", 80, "10.0.0.1"), .trusted = true};
  write_forwarded_headers(head, trusted, config, scratch);
  CHECK(text_of(scratch.headers) == "Forwarded=for=_hidden, for=1.1.1.1;by=2.2.2.2;");  // as rules see it
  append_hop(head, trusted, config, scratch);
  CHECK(text_of(scratch.headers) ==
        "Forwarded=for=_hidden, for=1.1.1.1;by=2.2.2.2, for=10.0.0.1;proto=http;host=a.example;");
  head.authority = "a.example:8080";
  ForwardedBy over_v6{.fields = HopFields("https", 80, "2001:db8::1")};
  write_forwarded_headers(head, over_v6, config, scratch);
  append_hop(head, over_v6, config, scratch);
  CHECK(text_of(scratch.headers) == "Forwarded=for=\"[2001:db8::1]\";proto=https;host=\"a.example:8080\";");
  head.authority = "";
  config.x_forwarded = true;
  ForwardedBy stranger{.fields = HopFields("http", 80, "10.0.0.1")};
  write_forwarded_headers(head, stranger, config, scratch);
  append_hop(head, stranger, config, scratch);
  CHECK(text_of(scratch.headers).ends_with("Forwarded=for=10.0.0.1;proto=http;X-Forwarded-For=10.0.0.1;"));
}

TEST_CASE("forwarding: with nothing to send, a stranger's fields are dropped all the same") {
  http::Header sent[] = {{"Forwarded", "for=6.6.6.6"}, {"X-Forwarded-For", "6.6.6.6"}, {"A", "1"}};
  http::RequestHead head;
  head.headers = sent;
  ForwardingScratch scratch;
  ForwardedBy by{.fields = HopFields("http", 80, "10.0.0.1")};
  write_forwarded_headers(head, by, {false, false}, scratch);
  append_hop(head, by, {false, false}, scratch);
  CHECK(text_of(scratch.headers) == "A=1;");
  by.trusted = true;
  write_forwarded_headers(head, by, {false, false}, scratch);
  append_hop(head, by, {false, false}, scratch);
  CHECK(text_of(scratch.headers) == "Forwarded=for=6.6.6.6;X-Forwarded-For=6.6.6.6;A=1;");
}
