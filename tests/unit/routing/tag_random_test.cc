// Tags come from everybody who may register a service: whatever they hold, decoding ends and harms no other service.

#include "catalog_fixture.h"
#include "catch.h"
#include "weir/base/random.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/route_file.h"
#include "weir/routing/table.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::testing;

namespace {

/// Pieces of both grammars in random order, with random bytes between them.
std::string random_text(Random& random, const std::vector<std::string>& pieces) {
  std::string out;
  for (uint64_t count = random.below(8); count > 0; --count) {
    if (random.below(10) == 0) {
      out += static_cast<char>(random.below(256));
    } else {
      out += pieces[random.below(pieces.size())];
    }
  }
  return out;
}

const std::vector<std::string> kTagPieces = {"http",
                                             ".",
                                             ".routers.",
                                             ".services.",
                                             ".middlewares.",
                                             "r",
                                             "=",
                                             "rule",
                                             "Host(`a`)",
                                             "tls",
                                             "enable",
                                             "true",
                                             "priority",
                                             "-1",
                                             "99999999999999999999",
                                             "loadbalancer.server.",
                                             "port",
                                             "weight",
                                             "0",
                                             "stripprefix",
                                             ".prefixes",
                                             "/a",
                                             ",",
                                             " ",
                                             "strip=",
                                             "weight=0.5",
                                             "*.",
                                             "${DC}",
                                             "$",
                                             "[0]",
                                             "@consul",
                                             "`",
                                             "url=",
                                             "http://[::1",
                                             "consulcatalog.canary"};

const std::vector<std::string> kFilePieces = {"[[route]]\n",
                                              "[services.s]\n",
                                              "[middlewares.m]\n",
                                              "host = ",
                                              "\"a\"\n",
                                              "rule = ",
                                              "\"Host(`a`)\"\n",
                                              "service = ",
                                              "[",
                                              "]",
                                              "{",
                                              "}",
                                              "servers = ",
                                              "[\"http://x\"]\n",
                                              "{ url = \"http://x\", weight = 1 }",
                                              "priority = ",
                                              "5\n",
                                              "1.5\n",
                                              "true\n",
                                              "type = ",
                                              "\"stripPrefix\"\n",
                                              "prefixes = ",
                                              "\n",
                                              "path = ",
                                              "\"/x\"\n",
                                              "name = ",
                                              "1979-05-27\n",
                                              ","};

}  // namespace

TEST_CASE("tags: random tags never crash, never take another service's route, and decode the same twice") {
  uint64_t seed = Random().next();
  INFO("seed " << seed);
  Random random(seed);
  auto good = service("good", {instance("g", {"weir.http.routers.keep.rule=Host(`keep.localhost`)"}, 1)});
  RequestView request{"GET", "keep.localhost", "/", "", {}, {}, "web", false};
  std::shared_ptr<const RoutingTable> table;
  CatalogOptions options;
  options.tombstone_ms = 0;  // or what an earlier round had would be there too
  CatalogDecoder decoder{options};
  for (int round = 0; round < 300; ++round) {
    std::vector<catalog::Instance> instances;
    for (uint64_t count = random.below(4); count > 0; --count) {
      std::vector<std::string> tags;
      for (uint64_t n = random.below(5); n > 0; --n) {
        const char* prefixes[] = {"weir.http", "traefik.", "urlprefix-", "weir.http.routers.r.", "weir.http.services."};
        tags.push_back(prefixes[random.below(5)] + random_text(random, kTagPieces));
      }
      instances.push_back(instance(std::string(1, static_cast<char>('a' + count)), tags, 5 + random.below(5)));
    }
    auto now = snapshot({good, service("wild", instances)});
    auto decoded = decoder.decode(now);
    Definitions again = definitions_from_catalog(now, {});
    Definitions steps = list(*decoded);
    CHECK(steps.routers == again.routers);
    CHECK(steps.services == again.services);
    CHECK(steps.rejected == again.rejected);
    table = build_table({decoded}, table).table;
    bool kept = false;
    for (const Router* router : table->match_all(request)) kept = kept || router->name == "keep@consul";
    CHECK(kept);
  }
}

TEST_CASE("route file: random files never crash, and what is rejected has a place") {
  uint64_t seed = Random().next();
  INFO("seed " << seed);
  Random random(seed);
  size_t parsed = 0;
  for (int round = 0; round < 2000; ++round) {
    auto decoded = decode_route_file(random_text(random, kFilePieces), "f.toml");
    if (!decoded) {
      CHECK(decoded.error().file == "f.toml");
      CHECK(decoded.error().line > 0);
      continue;
    }
    ++parsed;
    for (const Rejection& each : decoded->rejected) {
      INFO(each.kind << " " << each.name << ": " << each.reason);
      CHECK(each.origin.starts_with("f.toml:"));
      CHECK(each.origin.find(":0") == std::string::npos);
    }
  }
  CHECK(parsed > 0);
}

TEST_CASE("route file: a damaged file never crashes") {
  uint64_t seed = Random().next();
  INFO("seed " << seed);
  Random random(seed);
  const std::string whole =
      "[[route]]\nname = \"\u00e9\" # \u00fc\nhost = ['a', \"b\"]\nservice = \"\"\"\\\n s\"\"\"\n"
      "[services.\"s\"]\nservers = [\"http://x\", { url = 'http://y', weight = 0x1_F }]\nx = [1.5e3, inf, -nan, +0o7, "
      "0b1]\n"
      "[middlewares.m.stripPrefix]\nprefixes = ['/a']\nw = 1979-05-27T07:32:00.5-07:00\nv = 07:32:00\nu.\"t\" = "
      "\"\\u00e9\\U0001F600\"\n";
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (uint64_t edits = 1 + random.below(4); edits > 0 && !text.empty(); --edits) {
      uint64_t at = random.below(text.size());
      uint64_t length = random.below(6);
      switch (random.below(4)) {
        case 0: text[at] = static_cast<char>(random.below(256)); break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(at, text.substr(random.below(text.size()), length)); break;
        default: text.resize(at + 1);
      }
    }
    auto decoded = decode_route_file(text, "f.toml");
    if (!decoded) CHECK(decoded.error().file == "f.toml");
  }
}
