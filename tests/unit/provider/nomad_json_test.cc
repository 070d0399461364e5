#include "provider/nomad_json.h"

#include "catch.h"

using namespace weir;
using namespace weir::provider;

namespace {

const std::string kRow =
    R"({"ID":"_nomad-task-1","ServiceName":"web","Namespace":"default","NodeID":"n1","Datacenter":"dc1","JobID":"j",)"
    R"("AllocID":"a1","Tags":["x","y"],"Address":"10.0.0.1","Port":8080,"CreateIndex":5,"ModifyIndex":7})";

/// The row with one member another way.
std::string row_with(const std::string& from, const std::string& to) {
  std::string out = kRow;
  return "[" + out.replace(out.find(from), from.size(), to) + "]";
}

}  // namespace

TEST_CASE("nomad json: the list of services, namespaces together, null for no tags") {
  auto names = decode_nomad_services(
      R"([{"Namespace":"a","Services":[{"ServiceName":"web","Tags":["x","y"]},{"ServiceName":"db","Tags":null}]},)"
      R"({"Namespace":"b","Services":[{"ServiceName":"web","Tags":["y","z"]}]},{"Namespace":"c","Services":null}])");
  REQUIRE(names);
  CHECK(*names == ServiceTags{{"db", {}}, {"web", {"x", "y", "z"}}});
  CHECK(decode_nomad_services("[]")->empty());
}

TEST_CASE("nomad json: a registration becomes an instance that passes") {
  auto answer = decode_nomad_service("web", "[" + kRow + "]");
  REQUIRE(answer);
  REQUIRE(answer->service.instances.size() == 1);
  const catalog::Instance& one = answer->service.instances[0];
  CHECK(answer->service.name == "web");
  CHECK(one.id == "_nomad-task-1");
  CHECK(one.node == "n1");
  CHECK(one.datacenter == "dc1");
  CHECK(one.address == "10.0.0.1");
  CHECK(one.port == 8080);
  CHECK(one.tags == std::vector<std::string>{"x", "y"});
  CHECK(one.health == catalog::Health::passing);
  CHECK_FALSE(one.has_checks);
  CHECK(one.modify_index == 7);
  CHECK(decode_nomad_service("web", "[]")->service.instances.empty());
}

TEST_CASE("nomad json: what nobody can connect to costs its instance only") {
  for (const auto& [from, to] : {std::pair{"10.0.0.1", ""}, {"10.0.0.1", "a/b"}, {"8080", "65536"}, {"8080", "-1"}}) {
    INFO(to);
    auto answer = decode_nomad_service("web", row_with(from, to));
    REQUIRE(answer);
    CHECK(answer->service.instances.empty());
    CHECK(answer->skipped.size() == 1);
  }
}

TEST_CASE("nomad json: an answer that is not whole or of other types is an error, never a shorter list") {
  for (const char* body : {"", "null", "{}", "[", "[1]", R"([{"Namespace":"a","Services":{}}])",
                           R"([{"Services":[{"Tags":[]}]}])", R"([{"Services":[{"ServiceName":"a","Tags":"x"}]}])"}) {
    INFO(body);
    CHECK_FALSE(decode_nomad_services(body));
  }
  for (const auto& [from, to] : {std::pair{"\"web\"", "\"other\""},
                                 {"\"web\"", "1"},
                                 {"8080", "\"8080\""},
                                 {"\"_nomad-task-1\"", "\"\""},
                                 {"[\"x\",\"y\"]", "{}"},
                                 {"\"10.0.0.1\"", "7"}}) {
    INFO(to);
    CHECK_FALSE(decode_nomad_service("web", row_with(from, to)));
  }
  CHECK_FALSE(decode_nomad_service("web", "[" + kRow));
  CHECK_FALSE(decode_nomad_service("web", "{}"));
}

TEST_CASE("nomad json: a line of events names the services it has touched, and no other topic's") {
  auto line = decode_nomad_events(
      R"({"Index":12,"Events":[{"Topic":"Service","Payload":{"Service":{"ServiceName":"web","Port":1}}},)"
      R"({"Topic":"Job","Payload":{"Job":{}}},{"Topic":"Service","Payload":{"Service":{"ServiceName":"db"}}}]})");
  REQUIRE(line);
  CHECK(line->index == 12);
  CHECK(line->names == std::vector<std::string>{"web", "db"});
  auto alive = decode_nomad_events("{}");
  REQUIRE(alive);
  CHECK(alive->index == 0);
  CHECK(decode_nomad_events(R"({"Index":3,"Events":null})")->names.empty());
  for (const char* bad :
       {"", "[]", "1", R"({"Index":"x"})", R"({"Index":1,"Events":{}})", R"({"Index":1,"Events":[1]})",
        R"({"Index":1,"Events":[{}]})", R"({"Index":1,"Events":[{"Topic":"Service"}]})",
        R"({"Index":1,"Events":[{"Topic":"Service","Payload":{"Service":{"ServiceName":""}}}]})"}) {
    INFO(bad);
    CHECK_FALSE(decode_nomad_events(bad));
  }
}
