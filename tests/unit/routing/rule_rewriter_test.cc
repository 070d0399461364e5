// Rules of Traefik v2 and constraints: what they become, and what is refused.

#include "routing/rule_rewriter.h"

#include "catch.h"
#include "routing/expression.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

std::string v3(std::string_view rule) {
  auto made = rule_of_v2(rule);
  return made ? *made : "error: " + made.error().message;
}

std::string error_of(std::string_view rule) {
  auto made = rule_of_v2(rule);
  return made ? "" : made.error().message;
}

bool holds_v2(std::string_view rule, const RequestView& asked) {
  auto expression = parse_expression(v3(rule));
  INFO(v3(rule));
  REQUIRE(expression);
  return holds(*expression, asked);
}

}  // namespace

TEST_CASE("rule v2: several values to a matcher are alternatives, pairs must all hold") {
  CHECK(v3("Host(`a`, `b`) && !Method(`GET`)") == "(Host(`a`) || Host(`b`)) && !Method(`GET`)");
  CHECK(v3("HostHeader(`a`)") == "Host(`a`)");
  CHECK(v3("Path(`/a`,`/b`) || ClientIP(`10.0.0.0/8`, `::1`)") ==
        "(Path(`/a`) || Path(`/b`)) || (ClientIP(`10.0.0.0/8`) || ClientIP(`::1`))");
  CHECK(v3("Headers(`X-A`, `1`)") == "Header(`X-A`, `1`)");
  CHECK(v3("Query(`a=1`, `b=2=3`)") == "(Query(`a`, `1`) && Query(`b`, `2=3`))");
  CHECK(v3("Query(`a=`)") == "QueryRegexp(`a`, `.*`)");
  CHECK(error_of("Headers(`X-A`, ``)") == "column 16: an empty value");
  CHECK(error_of("HostRegexp(``)") == "column 12: an empty value");
  CHECK(v3("Host(`a`,)") == "Host(`a`)");
  CHECK(v3("Path(\"/a`b\")") == "Path(\"/a`b\")");
}

TEST_CASE("rule v2: what stands in braces is a regular expression") {
  CHECK(holds_v2("HostRegexp(`{sub:[a-z]+}.Shop.test`)", request("x.shop.test", "/")));
  CHECK_FALSE(holds_v2("HostRegexp(`{sub:[a-z]+}.shop.test`)", request("x1.shop.test", "/")));
  CHECK_FALSE(holds_v2("HostRegexp(`{sub}.shop.test`)", request("y.x.shop.test", "/")));
  CHECK(holds_v2("Path(`/a/{id:[0-9]{2}}`)", request("h", "/a/12")));
  CHECK_FALSE(holds_v2("Path(`/a/{id:[0-9]{2}}`)", request("h", "/a/123")));
  CHECK(holds_v2("PathPrefix(`/a/{id}/`)", request("h", "/a/q/r")));
  CHECK_FALSE(holds_v2("PathPrefix(`/a.b/{id}`)", request("h", "/axb/q")));
  RequestView asked = request("h", "/");
  asked.query = "a=x12";
  CHECK(holds_v2("Query(`a={v:x[0-9]+}`)", asked));
  asked.query = "a=yx12";
  CHECK_FALSE(holds_v2("Query(`a={v:x[0-9]+}`)", asked));
}

TEST_CASE("rule v2: what is no rule of v2 is refused with its place") {
  CHECK(error_of("Hosts(`a`)").starts_with("column 1: unknown matcher `Hosts`"));
  CHECK(error_of("Host()") == "column 1: Host takes a value");
  CHECK(error_of("Host(`*.a`)") == "column 6: in v2 a host has no `*`");
  CHECK(error_of("Headers(`X-A`)") == "column 1: Headers takes names and values in turn");
  CHECK(error_of("Query(`a`)") == "column 7: expected key=value");
  CHECK(error_of("Path(`/{a`)") == "column 6: expected {name} or {name:regexp}");
  CHECK(error_of("Path(`/a}`)") == "column 6: expected {name} or {name:regexp}");
  CHECK(error_of("Path(`/{:x}`)") == "column 6: expected {name} or {name:regexp}");
  CHECK(error_of("Path(`a`)") == "column 6: a path begins with `/`");
  CHECK(error_of("Host(`a`").starts_with("column "));
  CHECK(error_of("Host(Host(`a`))").starts_with("column 6: "));
  CHECK_FALSE(error_of(std::string(kRuleBytesMax + 1, ' ')).empty());
}

TEST_CASE("constraints: as Traefik's, over an instance's tags") {
  const std::vector<std::string> tags = {"public", "eu-west"};
  auto hold = [&](std::string_view text) {
    auto parsed = Constraints::parse(text);
    INFO(text);
    REQUIRE(parsed);
    return parsed->hold(tags);
  };
  CHECK(hold(""));
  CHECK(hold("Tag(`public`)"));
  CHECK_FALSE(hold("Tag(`publi`)"));
  CHECK_FALSE(hold("Tag(`Public`)"));
  CHECK(hold("TagRegex(`^eu-`) && !Tag(`private`)"));
  CHECK(hold("Tag(`private`) || (Tag(`public`) && TagRegex(`west`))"));
  CHECK_FALSE(Constraints::parse("Tag(`a`, `b`)"));
  CHECK_FALSE(Constraints::parse("Label(`a`)"));
  CHECK_FALSE(Constraints::parse("TagRegex(`[`)"));
  CHECK_FALSE(Constraints::parse("Tag(`a`) &&"));
}
