#include "routing/rule.h"

#include "catch.h"
#include "routing/place.h"

using namespace weir;
using namespace weir::routing;

namespace {
// "host path", with "~" behind it where something is left to check, in the order of the keys.
std::vector<std::string> alternatives(const std::string& text) {
  auto rule = compile_rule(text);
  INFO(text.substr(0, 200));
  REQUIRE(rule);
  std::vector<std::string> out;
  for (const Alternative& one : (*rule)->alternatives) {
    std::string host = one.host.kind == HostKey::Kind::any ? "any" : one.host.name;
    if (one.host.kind == HostKey::Kind::wildcard) host.insert(0, "*.");
    out.push_back(host + " " + one.path.text + (one.path.exact ? "$" : "*") + (one.residual ? " ~" : ""));
  }
  return out;
}
using List = std::vector<std::string>;

std::string chain(size_t count, const std::string& before, const std::string& after) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += (i == 0 ? "" : "||") + before + std::to_string(i) + after;
  return out;
}
}  // namespace

TEST_CASE("rule: host and path become keys and leave nothing to check") {
  CHECK(alternatives("Host(`a`)") == List{"a *"});
  CHECK(alternatives("Host(`a`) && PathPrefix(`/x`)") == List{"a /x*"});
  CHECK(alternatives("Path(`/x`) && Host(`*.d`)") == List{"*.d /x$"});
  CHECK(alternatives("(Host(`a`) || Host(`b`)) && (PathPrefix(`/x`) || Path(`/y`))") ==
        List{"a /x*", "a /y$", "b /x*", "b /y$"});
  CHECK(alternatives("Host(`*`)") == List{"any *"});
  CHECK(alternatives("!!Host(`a`)") == List{"a *"});
  CHECK(alternatives("!(!Host(`a`) || !Path(`/x`))") == List{"a /x$"});
}

TEST_CASE("rule: keys that include one another are joined, and what excludes itself is gone") {
  CHECK(alternatives("Host(`a`) || Host(`a`)") == List{"a *"});
  CHECK(alternatives("PathPrefix(`/a`) && PathPrefix(`/a/b`)") == List{"any /a/b*"});
  CHECK(alternatives("PathPrefix(`/a`) && Path(`/a/b`)") == List{"any /a/b$"});
  CHECK(alternatives("Host(`x.d`) && Host(`*.d`)") == List{"x.d *"});
  CHECK(alternatives("Host(`a`) && Host(`b`)").empty());
  CHECK(alternatives("Path(`/a`) && PathPrefix(`/b`)").empty());
  CHECK(alternatives("Host(`a`) && !Host(`b`)") == List{"a *"});
  CHECK(alternatives("Host(`a`) && !Host(`a`)").empty());
  CHECK(alternatives("Host(`a.d`) && HostRegexp(`^a`)") == List{"a.d *"});
}

TEST_CASE("rule: what keys cannot say is left to check, where it is needed only") {
  CHECK(alternatives("Host(`a`) && Method(`GET`)") == List{"a * ~"});
  CHECK(alternatives("Host(`a`) || Host(`b`) && Method(`GET`)") == List{"a *", "b * ~"});
  CHECK(alternatives("Host(`a`) || Method(`GET`)") == List{"any * ~"});
  CHECK(alternatives("!Host(`a`)") == List{"any * ~"});
  CHECK(alternatives("Host(`*.d`) && !Host(`x.d`)") == List{"*.d * ~"});
  CHECK(alternatives("PathPrefix(`/a`) && !PathPrefix(`/a/b`)") == List{"any /a* ~"});
}

TEST_CASE("rule: beyond its limits it is one alternative for everything, and still the whole rule") {
  std::string hosts = chain(100, "Host(`h", "`)");
  CHECK(alternatives("(" + hosts + ") && (" + chain(10, "Path(`/", "`)") + ")").size() == 1000);
  // 1,100 places are more than 1,024: the ten paths alone are the keys, and the hosts are left to check.
  CHECK(alternatives("(" + hosts + ") && (" + chain(11, "Path(`/", "`)") + ")").size() == 11);
  // Each of 300 hosts would leave 300 queries to check: 300 * 300 > 16,384 only where they differ; these are shared.
  std::string queries = chain(300, "Query(`q`,`", "`)");
  CHECK(alternatives("(" + chain(300, "Host(`h", "`)") + ") && (" + queries + ")").size() == 300);
  std::string differ;
  for (int i = 0; i < 200; ++i) {
    std::string number = std::to_string(i);
    differ += (i == 0 ? "" : "||") + ("Host(`h" + number + "`)&&!Query(`" + number + "`)");
  }
  CHECK(alternatives(differ).size() == 200);
}

TEST_CASE("rule: residuals beyond their limit fold into the whole rule") {
  // Under the i-th of n nested prefixes the queries of those above are left, and both of those below: 1.5 * n * n.
  auto nested = [](size_t count) {
    std::string out;
    std::string path = "/";
    for (size_t i = 0; i < count; ++i) {
      path += 'a';
      out += (i == 0 ? "" : "||") + ("PathPrefix(`" + path + "`)&&Query(`" + std::to_string(i) + "`)");
    }
    return out;
  };
  CHECK(alternatives(nested(100)).size() == 100);       // 15,000 predicates
  CHECK(alternatives(nested(110)) == List{"any * ~"});  // 18,150
}
