#include <string>

#include "catch.h"
#include "routing/expression.h"

using namespace weir;
using namespace weir::routing;

namespace {
std::string error_of(std::string_view rule) {
  auto parsed = parse_expression(rule);
  return parsed ? "" : parsed.error().message;
}

RequestView get(std::string_view host, std::string_view path, std::string_view query = "") {
  RequestView out;
  out.method = "GET";
  out.host = host;
  out.path = path;
  out.query = query;
  return out;
}

bool rule_holds(std::string_view rule, const RequestView& request) {
  auto parsed = parse_expression(rule);
  INFO(rule);
  REQUIRE(parsed);
  return holds(*parsed, request);
}

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}
}  // namespace

TEST_CASE("rule: an error names the column where it is") {
  CHECK(error_of("Host(`a`") == "column 9: expected `,` or `)`");
  CHECK(error_of("(Host(`a`)") == "column 11: expected `)`");
  CHECK(error_of("") == "column 1: expected a matcher, `!` or `(`");
  CHECK(error_of("Host(`a`) &&") == "column 13: expected a matcher, `!` or `(`");
  CHECK(error_of("Host(`a`) & Path(`/`)") == "column 11: expected `&&`");
  CHECK(error_of("Host(`a`) | Path(`/`)") == "column 11: expected `||`");
  CHECK(error_of("Host(`a`) Path(`/`)") == "column 11: expected `&&`, `||` or the end");
  CHECK(error_of("Host(`a`))") == "column 10: expected `&&`, `||` or the end");
  CHECK(error_of("Host `a`") == "column 6: expected `(`");
  CHECK(error_of("Host(a)") == "column 6: expected a value in backticks or double quotes");
  CHECK(error_of("Host(`a`,,)") == "column 10: expected a value in backticks or double quotes");
  CHECK(error_of("Host(`a)") == "column 6: no closing `");
  CHECK(error_of("Path(\"/\\d\")") == "column 8: unknown escape; use backticks for text with backslashes");
  CHECK(error_of("Host(`a`) && #") == "column 14: unexpected character");
}

TEST_CASE("rule: between double quotes escapes are read as Go reads them") {
  auto value_of = [](const std::string& text) {
    auto parsed = parse_expression("Header(`X`, \"" + text + "\")");
    return parsed ? parsed->predicate.value : parsed.error().message;
  };
  CHECK(value_of(R"(\x61\101\u0062\U0001F600)") == "aAb\xf0\x9f\x98\x80");
  CHECK(value_of(R"(\a\b\f\n\r\t\v\\\")") == "\a\b\f\n\r\t\v\\\"");
  for (const char* text :
       {R"(\d)", R"(\x6)", R"(\x6g)", R"(\u12)", R"(\ud800)", R"(\U00110000)", R"(\400)", R"(\18)", R"(\')"}) {
    INFO(text);
    CHECK(value_of(text) == "column 14: unknown escape; use backticks for text with backslashes");
  }
}

TEST_CASE("rule: a matcher says what it cannot take") {
  CHECK(error_of("Hots(`a`)").starts_with("column 1: unknown matcher `Hots`; known are Host, HostRegexp, Path,"));
  CHECK(error_of("Host()") == "column 1: Host takes 1 value");
  CHECK(error_of("Host(`a`, `b`)") == "column 1: Host takes 1 value");
  CHECK(error_of("Header(`a`)") == "column 1: Header takes 2 values");
  CHECK(error_of("Query(`a`, `b`, `c`)") == "column 1: Query takes 1 or 2 values");
  CHECK(error_of("Host(``)") == "column 6: an empty value");
  CHECK(error_of("Host(`a.*`)") ==
        "column 6: `*` stands for the whole first label only, as in `*.example.com`, and `**` for one or more");
  CHECK(error_of("Host(`h\xc3\xa9`)") == "column 6: a host name is ASCII; write it as xn--");
  CHECK(error_of("Host(`a/b`)") == "column 6: not a host name");
  CHECK(error_of("Path(`api`)") == "column 6: a path begins with `/`");
  CHECK(error_of("Host(`.`)") == "column 6: an empty host name");
  CHECK(error_of("ClientIP(`10.0.0.0/33`)").starts_with("column 10: bad prefix length"));
  CHECK(error_of("PathRegexp(`(`)").starts_with("column 12: bad regular expression"));
  CHECK(error_of("Header(`a`, `b`) || QueryRegexp(`a`, `[`)").starts_with("column 38: bad regular expression"));
}

TEST_CASE("rule: an empty value is refused, so that a template that comes out empty is no catch-all") {
  for (const char* rule : {"HostRegexp(``)", "Path(``)", "PathPrefix(``)", "PathRegexp(``)", "Method(``)",
                           "ClientIP(``)", "Header(``, `x`)", "Header(`x`, ``)", "HeaderRegexp(`x`, ``)", "Query(``)",
                           "Query(`a`, ``)", "QueryRegexp(`a`, ``)"}) {
    INFO(rule);
    CHECK(error_of(rule).ends_with(": an empty value"));
  }
}

TEST_CASE("rule: comments, and a comma behind the last value, as Go has them") {
  CHECK(rule_holds("/* all\nof */ Host(`a`,) // and\n && Header(/**/`x`, `y`, ) || Path(`//x`)", get("a", "//x")));
  CHECK(error_of("Host(`a`,,)") == "column 10: expected a value in backticks or double quotes");
  CHECK(error_of("Host(,)") == "column 6: expected a value in backticks or double quotes");
  CHECK(error_of("Host(`a`) /* b") == "column 11: no closing */");
  CHECK(error_of("Host(`a`) / b").starts_with("column 11: "));
}

TEST_CASE("rule: groups may be named in either way") {
  CHECK(rule_holds("PathRegexp(`^/(?<n>[(?<a>]+)$`)", get("a", "/(?<a>")));
  CHECK(rule_holds("PathRegexp(`^/\\(?<(?<n>x)\\Q(?<y>\\E$`)", get("a", "/<x(?<y>")));
  CHECK(rule_holds("PathRegexp(`^/(?P<n>x)$`)", get("a", "/x")));
  CHECK_FALSE(error_of("PathRegexp(`(?<=x)`)").empty());
  CHECK_FALSE(error_of("PathRegexp(`[(?<n>`)").empty());
}

TEST_CASE("rule: a host of IPv6 stands without brackets, which requests have") {
  CHECK(rule_holds("Host(`2001:DB8::1`)", get("[2001:db8::1]", "/")));
  CHECK(rule_holds("Host(`[::1]`)", get("[::1]", "/")));
  CHECK(rule_holds("HostRegexp(`^::1$`)", get("[::1]", "/")));
}

TEST_CASE("rule: && binds tighter than ||, ! tighter than both") {
  std::string_view rule = "Host(`a`) || Host(`b`) && Path(`/x`)";
  CHECK(rule_holds(rule, get("a", "/y")));
  CHECK(rule_holds(rule, get("b", "/x")));
  CHECK_FALSE(rule_holds(rule, get("b", "/y")));
  CHECK_FALSE(rule_holds("(Host(`a`) || Host(`b`)) && Path(`/x`)", get("a", "/y")));
  CHECK(rule_holds("!Host(`a`) && Path(`/x`)", get("b", "/x")));
  CHECK_FALSE(rule_holds("!Host(`a`) && Path(`/x`)", get("b", "/y")));
  CHECK(rule_holds("!(Host(`a`) && Path(`/x`))", get("a", "/y")));
  CHECK(rule_holds("!!Host(`a`)", get("a", "/")));
}

TEST_CASE("rule: names in any case, both kinds of quotes, any space") {
  CHECK(rule_holds("HOST(\"a\")\n\t&&\r\npathprefix( `/x` )", get("a", "/x")));
  CHECK(rule_holds("Header(`x`, \"say \\\"hi\\\" \\\\\")", [] {
    static const Header header{"X", "say \"hi\" \\"};
    RequestView out = get("a", "/");
    out.headers = {&header, 1};
    return out;
  }()));
}

TEST_CASE("rule: Host is case-insensitive, takes a trailing dot, and * for exactly one label") {
  CHECK(rule_holds("Host(`Shop.Example.COM.`)", get("shop.example.com", "/")));
  CHECK_FALSE(rule_holds("Host(`example.com`)", get("shop.example.com", "/")));
  CHECK(rule_holds("Host(`*.example.com`)", get("shop.example.com", "/")));
  CHECK_FALSE(rule_holds("Host(`*.example.com`)", get("a.shop.example.com", "/")));
  CHECK_FALSE(rule_holds("Host(`*.example.com`)", get("example.com", "/")));
  CHECK_FALSE(rule_holds("Host(`*.example.com`)", get(".example.com", "/")));
  CHECK(rule_holds("Host(`*`)", get("", "/")));
}

TEST_CASE("rule: PathPrefix is a prefix of bytes, Path is the whole path") {
  CHECK(rule_holds("PathPrefix(`/products`)", get("a", "/products-for-sale")));
  CHECK(rule_holds("PathPrefix(`/products`)", get("a", "/products")));
  CHECK_FALSE(rule_holds("PathPrefix(`/products`)", get("a", "/product")));
  CHECK(rule_holds("Path(`/products`)", get("a", "/products")));
  CHECK_FALSE(rule_holds("Path(`/products`)", get("a", "/products/")));
}

TEST_CASE("rule: Query decodes, and without a value means an empty one") {
  CHECK(rule_holds("Query(`q`, `a b&c`)", get("a", "/", "x=1&q=a+b%26c")));
  CHECK(rule_holds("Query(`q q`, `1`)", get("a", "/", "q%20q=1")));
  CHECK(rule_holds("Query(`q`, `2`)", get("a", "/", "q=1&q=2")));
  CHECK(rule_holds("Query(`debug`)", get("a", "/", "debug")));
  CHECK(rule_holds("Query(`debug`)", get("a", "/", "debug=&x=1")));
  CHECK_FALSE(rule_holds("Query(`debug`)", get("a", "/", "debug=1")));
  CHECK_FALSE(rule_holds("Query(`debug`)", get("a", "/", "debugger")));
  CHECK_FALSE(rule_holds("Query(`q`, `1`)", get("a", "/", "q=1;x=2")));
  CHECK_FALSE(rule_holds("Query(`q`, `1`)", get("a", "/", "q=%3")));
  CHECK_FALSE(rule_holds("Query(`q`, `1`)", get("a", "/", "q=%zz")));
  CHECK(rule_holds("QueryRegexp(`q`, `^a.c$`)", get("a", "/", "q=a%20c")));
  CHECK_FALSE(rule_holds("QueryRegexp(`q`)", get("a", "/", "q=1")));
}

TEST_CASE("rule: headers compare names without case, and any value may fit") {
  const Header headers[] = {{"x-tenant", "a"}, {"X-Tenant", "blue-7"}};
  RequestView request = get("a", "/");
  request.headers = headers;
  CHECK(rule_holds("Header(`X-TENANT`, `blue-7`)", request));
  CHECK_FALSE(rule_holds("Header(`X-Tenant`, `blue`)", request));
  CHECK(rule_holds("HeaderRegexp(`X-Tenant`, `blue-[0-9]`)", request));
  CHECK_FALSE(rule_holds("Header(`X-Other`, `a`)", request));
}

TEST_CASE("rule: the fields that a session keeps for itself are there for rules, as Traefik sees them") {
  RequestView request = get("a", "/");
  for (const char* rule :
       {"HeaderRegexp(`Upgrade`, `.*`)", "HeaderRegexp(`Connection`, `.*`)", "HeaderRegexp(`TE`, `.*`)",
        "HeaderRegexp(`Content-Length`, `.*`)", "HeaderRegexp(`Expect`, `.*`)"}) {
    INFO(rule);
    CHECK_FALSE(rule_holds(rule, request));
  }
  request.upgrade = "websocket";
  CHECK(rule_holds("Header(`upgrade`, `websocket`)", request));
  CHECK(rule_holds("HeaderRegexp(`Connection`, `(?i)upgrade`)", request));
  CHECK_FALSE(rule_holds("Header(`Upgrade`, `h2c`)", request));
  request.content_length = 18'446'744'073'709'551'615U;
  CHECK(rule_holds("Header(`Content-Length`, `18446744073709551615`)", request));
  request.content_length = 0;
  CHECK(rule_holds("HeaderRegexp(`Content-Length`, `^0$`)", request));
  request.te_trailers = request.expect_continue = true;
  CHECK(rule_holds("Header(`TE`, `trailers`) && Header(`Expect`, `100-continue`)", request));
}

TEST_CASE("rule: Method is upper case, ClientIP a network, regular expressions are unanchored") {
  RequestView request = get("shop.example.com", "/v1/items");
  request.client_ip = IpAddress::parse("10.1.2.3").value();
  CHECK(rule_holds("Method(`get`)", request));
  CHECK_FALSE(rule_holds("Method(`POST`)", request));
  CHECK(rule_holds("ClientIP(`10.1.0.0/16`)", request));
  CHECK(rule_holds("ClientIP(`10.1.2.3`)", request));
  CHECK_FALSE(rule_holds("ClientIP(`10.2.0.0/16`)", request));
  CHECK(rule_holds("HostRegexp(`example`)", request));
  CHECK_FALSE(rule_holds("HostRegexp(`^example`)", request));
  CHECK_FALSE(rule_holds("HostRegexp(`EXAMPLE`)", request));
  CHECK(rule_holds("PathRegexp(`^/v[0-9]+/`)", request));
}

TEST_CASE("rule: depth, matchers and bytes have limits") {
  CHECK(error_of(repeat("(", kRuleDepthMax) + "Host(`a`)" + repeat(")", kRuleDepthMax)).empty());
  CHECK(error_of(repeat("(", kRuleDepthMax + 1) + "Host(`a`)") == "column 33: nested deeper than 32");
  CHECK(error_of(repeat("!", kRuleDepthMax) + "Host(`a`)").empty());
  CHECK(error_of(repeat("!", kRuleDepthMax + 1) + "Host(`a`)") == "column 33: nested deeper than 32");
  std::string most = repeat("Host(`a`)||", kRuleMatchersMax - 1) + "Host(`a`)";
  CHECK(error_of(most).empty());
  CHECK(error_of(most + "||Host(`a`)").find("more than 1024 matchers") != std::string::npos);
  std::string longest = "Path(`/" + repeat("a", kRuleBytesMax - 9) + "`)";
  REQUIRE(longest.size() == kRuleBytesMax);
  CHECK(error_of(longest).empty());
  CHECK(error_of(longest + " ") == "column 16385: a rule has at most 16384 bytes");
}
