#include "weir/routing/route_file.h"

#include "catch.h"
#include "routing/middleware.h"
#include "weir/base/file.h"
#include "weir/base/text.h"
#include "weir/routing/table.h"

using namespace weir;
using namespace weir::routing;

namespace {

using Texts = std::vector<std::string>;

Definitions decode(std::string_view text) {
  auto out = decode_route_file(text, "routes.d/shop.toml");
  REQUIRE(out);
  return *out;
}

Texts rejections(const Definitions& definitions) {
  Texts out;
  for (const Rejection& each : definitions.rejected)
    out.push_back(each.kind + " " + each.name + " " + each.origin + ": " + each.reason);
  return out;
}

std::string rule_of(std::string_view members) {
  Definitions out = decode("[[route]]\nservice = \"s\"\n" + std::string(members));
  REQUIRE(out.routers.size() == 1);
  return out.routers[0].rule;
}

}  // namespace

TEST_CASE("route file: a text that is no TOML is an error with its place") {
  auto out = decode_route_file("[[route]]\nhost = \n", "routes.d/shop.toml");
  REQUIRE_FALSE(out);
  CHECK(out.error().file == "routes.d/shop.toml");
  CHECK(out.error().line == 2);
}

TEST_CASE("route file: one bad route drops only that route, with every error and its place") {
  Definitions out = decode(
      "[[route]]\nhost = \"a.localhost\"\nservice = \"s\"\n"
      "[[route]]\nhots = \"b.localhost\"\nhost = \"b`\"\npriority = \"high\"\n"
      "[[route]]\nhost = \"c.localhost\"\nservice = \"s\"\n");
  CHECK(out.routers.size() == 2);
  CHECK(rejections(out) ==
        Texts{"router shop/b`@file routes.d/shop.toml:5:1: unknown key \"hots\"; known are name, host, path_prefix, "
              "path, rule, "
              "service, middlewares, entry_points, priority, tls, tls_options",
              "router shop/b`@file routes.d/shop.toml:6:8: \"b`\": it holds a `",
              "router shop/b`@file routes.d/shop.toml:7:12: expected a whole number, found a string",
              "router shop/b`@file routes.d/shop.toml:4:1: no service"});
}

TEST_CASE("route file: a route says what it matches in exactly one way") {
  CHECK(rejections(decode("[[route]]\nservice = \"s\"\n")) ==
        Texts{"router shop, route 1 routes.d/shop.toml:1:1: no host, path_prefix, path or rule"});
  CHECK(decode("[[route]]\nservice = \"s\"\nhost = \"a\"\nrule = \"Host(`a`)\"\n").routers.empty());
  CHECK(decode("[[route]]\nservice = \"s\"\nhost = []\n").routers.empty());
  CHECK(decode("[[route]]\nservice = \"s\"\nhost = 5\n").routers.empty());
  CHECK(decode("[[route]]\nservice = \"s\"\nhost = [\"a\", 5]\n").routers.empty());
  CHECK(decode("[[route]]\nservice = \"s\"\npath = \"no-slash\"\n").routers.empty());
  CHECK(decode("[[route]]\nservice = 5\nhost = \"a\"\n").routers.empty());
}

TEST_CASE("route file: an error of a rule names the rule's place and the column in it") {
  Texts errors = rejections(decode("[[route]]\nservice = \"s\"\nrule = \"Host(`a`) &&\"\n"));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("routes.d/shop.toml:3:8: rule: column") != std::string::npos);
}

TEST_CASE("route file: wrong shapes at the top are reported and the rest is read") {
  Definitions out = decode("routes = 5\nservices = 5\nroute = 5\n[middlewares]\nm = 5\n");
  CHECK(out.rejected.size() == 4);
  CHECK(decode("[route]\nhost = \"a\"\n").rejected[0].reason == "write [[route]], with two brackets");
  CHECK(decode("route = [5]\n").rejected.size() == 1);
  CHECK(decode("").rejected.empty());
}

TEST_CASE("route file: a bad server drops that server, a bad service that service") {
  Definitions out = decode(
      "[services.s]\nservers = [\"http://127.0.0.1:9001\", \"ftp://x\", 5, {weight = 2}, \"http://x/path\", {url = "
      "\"http://127.0.0.1:9000\", weight = -1}]\n"
      "[services.t]\nservers = \"http://x\"\n"
      "[services.u]\n"
      "[services.v]\nservers = []\ncolour = \"red\"\n"
      "[services.\"a@b\"]\nservers = []\n");
  REQUIRE(out.services.size() == 1);
  CHECK(out.services[0].endpoints.size() == 1);
  Texts errors = rejections(out);
  REQUIRE(errors.size() == 9);
  CHECK(errors[0] == "file s@file routes.d/shop.toml:2:37: bad URL \"ftp://x\": the scheme must be http, https or h2c");
  CHECK(errors[5] == "service t@file routes.d/shop.toml:4:1: servers: expected a list of URLs");
  CHECK(errors[6].starts_with("service u@file routes.d/shop.toml:5:11: servers"));
}

TEST_CASE("route file: a service whose servers are all bad is refused, so that its last good version serves on") {
  Definitions out = decode("[services.s]\nservers = [\"htp://127.0.0.1:9001\"]\n[services.t]\nservers = []\n");
  REQUIRE(out.services.size() == 1);
  CHECK(out.services[0].name == "t");
  Texts errors = rejections(out);
  REQUIRE(errors.size() == 2);
  CHECK(errors[1] == "service s@file routes.d/shop.toml:2:11: none of its servers can be read");
}

TEST_CASE("route file: services take weights, the Host choice and a strategy") {
  Definitions out = decode(
      "[services.s]\nservers = [{ url = \"https://b.localhost\", weight = 3 }, \"http://[::1]:9000\"]\n"
      "pass_host_header = false\nstrategy = \"p2c\"\n");
  REQUIRE(out.services.size() == 1);
  const ServiceDefinition& service = out.services[0];
  CHECK_FALSE(service.pass_host_header);
  CHECK(service.strategy == "p2c");
  REQUIRE(service.endpoints.size() == 2);
  CHECK(service.endpoints[0].host == "::1");
  CHECK(service.endpoints[1].port == 443);
  CHECK(service.endpoints[1].weight == 3);
}

TEST_CASE("route file: a middleware needs a type and plain options") {
  Definitions out = decode(
      "[middlewares.a]\nprefixes = [\"/a\"]\n"
      "[middlewares.b]\ntype = 5\n"
      "[middlewares.c]\ntype = \"stripPrefix\"\nprefixes = [5]\n"
      "[middlewares.d]\ntype = \"stripPrefix\"\nprefixes = 1.5\n");
  CHECK(out.middlewares.empty());
  CHECK(out.rejected.size() == 4);
  for (const Rejection& each : out.rejected) CHECK(each.kind == "middleware");
}

TEST_CASE("route file: elements of an option's list may hold commas") {
  Definitions out = decode("[middlewares.a]\ntype = \"stripPrefix\"\nprefixes = [\"/a,b\", \"/c\"]\n");
  REQUIRE(out.middlewares.size() == 1);
  auto made = compile_middleware(out.middlewares[0], "a");
  REQUIRE(made);
  CHECK(made->values == Texts{"/a,b", "/c"});
}

TEST_CASE("route file: a middleware in our form and in Traefik's reads the same") {
  Definitions out = decode(
      "[middlewares.a]\ntype = \"stripPrefix\"\nprefixes = [\"/a\", \"/b\"]\n"
      "[middlewares.b.stripPrefix]\nprefixes = [\"/a\", \"/b\"]\n"
      "[middlewares.h]\ntype = \"headers\"\n[middlewares.h.customRequestHeaders]\nX-One = \"1\"\n"
      "[middlewares.r]\ntype = \"redirectScheme\"\nscheme = \"https\"\npermanent = true\nport = 8443\n");
  CHECK(out.rejected.empty());
  REQUIRE(out.middlewares.size() == 4);
  CHECK(out.middlewares[0].options == out.middlewares[1].options);
  CHECK(out.middlewares[0].type == out.middlewares[1].type);
  CHECK(out.middlewares[2].options.at("customrequestheaders.x-one") == "1");
  CHECK(out.middlewares[3].options.at("permanent") == "true");
  CHECK(out.middlewares[3].options.at("port") == "8443");
}

TEST_CASE("route file: the short form becomes a rule") {
  CHECK(rule_of("host = \"a\"\n") == "Host(`a`)");
  CHECK(rule_of("host = [\"a\", \"*.b\"]\npath_prefix = \"/x\"\n") == "(Host(`a`) || Host(`*.b`)) && PathPrefix(`/x`)");
  CHECK(rule_of("path = \"/x\"\n") == "Path(`/x`)");
  CHECK(rule_of("rule = \"Host(`a`) || Path(`/`)\"\n") == "Host(`a`) || Path(`/`)");
}

TEST_CASE("route file: a route without a name is called after what it matches, wherever it stands") {
  std::string a = "[[route]]\nhost = [\"a\", \"b\"]\npath_prefix = \"/@x\"\nservice = \"s\"\n";
  std::string b = "[[route]]\npath = \"/x\"\nservice = \"s\"\n";
  std::string c = "[[route]]\nrule = \"Host(`c`)\"\nservice = \"s\"\n";
  Definitions out = decode(a + b + c);
  REQUIRE(out.routers.size() == 3);
  CHECK(out.routers[0].name == "shop/a,b/%40x");
  CHECK(out.routers[1].name == "shop/=/x");
  CHECK(decode(c + a).routers[0].name == out.routers[2].name);
}

TEST_CASE("route file: of two routes of one name the first stays") {
  Definitions out = decode("[[route]]\nhost = \"a\"\nservice = \"s\"\n[[route]]\nhost = \"a\"\nservice = \"t\"\n");
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].service == "s");
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].kind == "file");
  CHECK(out.rejected[0].origin == "routes.d/shop.toml:4:1");
}

TEST_CASE("route file: all fields arrive") {
  Definitions out = decode(
      "[[route]]\nname = \"r\"\nhost = \"a\"\nservice = \"web@consul\"\nmiddlewares = [\"z\", \"a\"]\nentry_points = "
      "[\"web\"]\n"
      "priority = -5\ntls = true\n");
  REQUIRE(out.routers.size() == 1);
  const RouterDefinition& router = out.routers[0];
  CHECK(router.name == "r");
  CHECK(router.service == "web@consul");
  CHECK(router.middlewares == Texts{"z", "a"});
  CHECK(router.entry_points == Texts{"web"});
  CHECK(router.priority == -5);
  CHECK(router.tls);
  CHECK(router.origin.text == "routes.d/shop.toml:1:1");
}

TEST_CASE("route file: of two files that define a name the first stays and the other is reported") {
  auto file = [](const char* name, const char* service) {
    std::string text = "[[route]]\nname = \"r\"\nhost = \"a\"\nservice = \"" + std::string(service) + "\"\n[services." +
                       service + "]\nservers = []\n";
    return std::make_shared<const Definitions>(*decode_route_file(text, name));
  };
  std::vector<std::shared_ptr<const Definitions>> files = {file("a.toml", "s"), file("b.toml", "t")};
  Definitions out = merge_route_files(files);
  CHECK(out.provider == "file");
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].service == "s");
  CHECK(out.services.size() == 2);
  CHECK(rejections(out) == Texts{"file r@file b.toml:1:1: the name is taken by a.toml:1:1"});
}

TEST_CASE("route file: a wrong edit of a route keeps its last good version in the table") {
  auto table_of = [](const char* host, const std::shared_ptr<const RoutingTable>& previous) {
    std::string text = "[[route]]\nname = \"r\"\nhost = \"" + std::string(host) +
                       "\"\nservice = \"s\"\n[services.s]\nservers = [\"http://127.0.0.1:9000\"]\n";
    return build_table({std::make_shared<const Definitions>(decode(text))}, previous).table;
  };
  RequestView request{"GET", "a.localhost", "/", "", {}, {}, "web", false};
  auto good = table_of("a.localhost", nullptr);
  REQUIRE(good->match(request) != nullptr);
  auto broken = table_of("a b", good);
  CHECK(broken->match(request) != nullptr);
}

TEST_CASE("route file: conf/routes.d/example.toml loads without a rejection, its commented parts too") {
  auto text = read_file(WEIR_CONF_DIR "/routes.d/example.toml");
  REQUIRE(text);
  Definitions out = decode(*text);
  CHECK(rejections(out).empty());
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].rule == "Host(`example.localhost`)");
  CHECK(out.routers[0].service == "frontend@consul");

  std::string all;
  for (std::string_view line : split(*text, '\n')) {
    bool is_toml = line.starts_with("# [") || (line.starts_with("# ") && line.find(" = ") != std::string_view::npos);
    all += std::string(line.substr(is_toml ? 2 : 0)) + "\n";
  }
  out = decode(all);
  CHECK(rejections(out).empty());
  CHECK(out.routers.size() == 2);
  CHECK(out.services.size() == 1);
  CHECK(out.middlewares.size() == 1);
}
