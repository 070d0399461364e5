// The list of services: what is read piecewise must be what is read whole.

#include "provider/service_names.h"

#include <nlohmann/json.hpp>

#include "catch.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::provider;

namespace {

using Strings = std::vector<std::string>;

std::string list_text(const ServiceTags& services) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [name, tags] : services) out[name] = tags;
  return out.dump();
}

/// As it comes: in pieces.
Result<Strings> take(ServiceNames& names, std::string_view body, size_t piece_bytes = 7) {
  names.text().begin();
  for (; body.size() > piece_bytes; body.remove_prefix(piece_bytes)) names.text().take(body.substr(0, piece_bytes));
  names.text().take(body);
  return names.read(kConsulDialect);
}

Strings read(ServiceNames& names, std::string_view body, size_t piece_bytes = 7) {
  auto changed = take(names, body, piece_bytes);
  REQUIRE(changed);
  return *changed;
}

}  // namespace

TEST_CASE("service names: an answer tells what is new, gone or tagged otherwise") {
  ServiceNames names;
  CHECK(read(names, R"({"a":[],"b":["x"],"c":[]})") == Strings{"a", "b", "c"});
  CHECK(read(names, R"({"a":[],"b":["x"],"c":[]})").empty());
  CHECK(read(names, R"({"a":[],"b":["y"],"c":[]})") == Strings{"b"});
  CHECK(read(names, R"({"a":[],"c":[]})") == Strings{"b"});
  CHECK(read(names, R"({"a":[],"bb":[],"c":[],"d":[]})") == Strings{"bb", "d"});
  CHECK(read(names, R"({"a":[]})") == Strings{"bb", "c", "d"});
  CHECK(read(names, "{}") == Strings{"a"});
  CHECK(names.all().empty());
}

TEST_CASE("service names: an answer that is cut or no JSON in its middle changes nothing") {
  ServiceNames names;
  const std::string good = R"({"a":["1"],"b":["2"],"c":["3"]})";
  read(names, good);
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    INFO(bytes);
    CHECK_FALSE(take(names, std::string_view(good).substr(0, bytes)));
  }
  for (const char* bad :
       {R"({"a":["1"],"b":["2",,"c":["3"]})", R"({"a":["1"],,"c":["3"]})", R"({"a":["1"],"c":["3"],})",
        R"({"a":["1"],"b":[2],"c":["3"]})", R"({"a":["1"],"b":["2"]]"c":["3"]})"}) {
    INFO(bad);
    CHECK_FALSE(take(names, bad));
  }
  CHECK(read(names, good).empty());
}

TEST_CASE("service names: tags that look like JSON, and a name that comes twice") {
  ServiceNames names;
  read(names, R"({"a":["],\"b\":["],"b":["x],"],"c":["\\"],"d":[]})");
  CHECK(read(names, R"({"a":["],\"b\":["],"b":["z],"],"c":["\\"],"d":[]})") == Strings{"b"});
  CHECK(names.all().at("a") == Strings{"],\"b\":["});
  CHECK(names.all().at("b") == Strings{"z],"});
  CHECK(read(names, "{ \"a\" : [ ] , \"b\" : [ \"x\" ] , \"c\" : [ ] }") == Strings{"a", "b", "c", "d"});
  CHECK(read(names, "{ \"a\" : [ ] , \"b\" : [ \"y\" ] , \"c\" : [ ] }") == Strings{"b"});
  const Strings changed = read(names, "{ \"a\" : [ ] , \"c\" : [ \"y\" ] , \"c\" : [ ] }");
  CHECK(changed == Strings{"b"});
  CHECK(names.all().size() == 2);
}

TEST_CASE("service names: over any changes, what is read piecewise is what is read whole") {
  Random random(7);
  ServiceNames names;
  ServiceTags services;
  const Strings words = {"a", "aa", "b\"", "],", "{\"", "\\", "x=y", ""};
  auto word = [&] { return words[random.below(words.size())]; };
  for (int round = 0; round < 3'000; ++round) {
    const ServiceTags before = services;
    for (uint64_t i = random.below(4); i > 0; --i) {
      const std::string name = "s" + word() + std::to_string(random.below(20));
      if (random.below(3) == 0) {
        services.erase(name);
      } else {
        services[name].assign(random.below(3), word());
      }
    }
    const Strings changed = read(names, list_text(services), 1 + random.below(300));
    REQUIRE(names.all() == services);
    Strings expected;
    for (const auto& [name, tags] : before) {
      if (!services.contains(name) || services.at(name) != tags) expected.push_back(name);
    }
    for (const auto& [name, tags] : services) {
      if (!before.contains(name)) expected.push_back(name);
    }
    std::sort(expected.begin(), expected.end());
    REQUIRE(changed == expected);
  }
}
