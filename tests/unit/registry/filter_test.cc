// The filter language. Answers and error texts are those of a real Consul 1.8.7.

#include "catch.h"
#include "registry/filter_rows.h"

namespace weir::registry {
namespace {

struct Sample {
  Node node;
  Service service;
  std::vector<Ref<Check>> checks;

  Sample() {
    node.name = "n1";
    node.tagged_addresses = {{"lan", "127.0.0.1"}};
    service.id = service.name = "fs";
    service.tags = {"x", "y"};
    service.port = 7;
    service.meta = {{"k", "v"}};
    service.tagged_addresses = {{"lan", {"1.2.3.4", 5}}};
    for (const char* status : {kPassing, kWarning}) {
      Check check;
      check.status = status;
      checks.push_back(std::make_shared<const Check>(check));
    }
  }
  std::string run(const std::string& text) const {
    FilterValue row = instance_row(node, service, checks, "dc1");
    Result<Filter> filter = Filter::compile(text, row);
    if (filter) return filter->keeps(row) ? "yes" : "no";
    constexpr std::string_view kPrefix = "Failed to create boolean expression evaluator: ";
    CHECK(filter.error().message.starts_with(kPrefix));
    return filter.error().message.substr(kPrefix.size());
  }
};

}  // namespace

TEST_CASE("filter: what each expression keeps") {
  struct Row {
    const char* text;
    const char* answer;
  };
  const Row row = GENERATE(
      Row{"", "yes"}, Row{"Service.Port == 7", "yes"}, Row{"Service.Port==7", "yes"},
      Row{"Service.Port == \"7\"", "yes"}, Row{"Service.Port == -7", "no"}, Row{"not Service.Port == 7", "no"},
      Row{"not not Service.Port == 7", "yes"}, Row{"(Service.Port == 7)", "yes"},
      Row{"( Service.Port == 8 ) or ( Service.Port == 7 )", "yes"},
      Row{"Service.Port == 7 or Service.Port == 8 and Service.Port == 9", "yes"},
      Row{"Service.Port == 7 and Service.Port == 8 or Service.Port == 7", "yes"}, Row{" Service.Port == 7 ", "yes"},
      Row{"x in Service.Tags", "yes"}, Row{"z not in Service.Tags", "yes"}, Row{"Service.Tags contains x", "yes"},
      Row{"Service.Tags not contains x", "no"}, Row{"Service.Tags is empty", "no"},
      Row{"Service.Tags is not empty", "yes"}, Row{"Service.Service contains \"f\"", "yes"},
      Row{"Service.Service not contains f", "no"}, Row{"Service.Service matches `^f.$`", "yes"},
      Row{"Service.Service not matches s", "no"}, Row{"Service.Service == \"f\\u0073\"", "yes"},
      Row{"Service.Meta.k == `v`", "yes"}, Row{"Service.Meta[\"k\"] == v", "yes"}, Row{"k in Service.Meta", "yes"},
      Row{"Service.Meta is not empty", "yes"}, Row{"Service.Meta.none == v", "no"},
      Row{"Service.Meta.none != v", "yes"}, Row{"Service.Meta.none not matches v", "yes"},
      Row{"Service.Meta.none matches v", "yes"}, Row{"Service.Meta.none contains v", "no"},
      Row{"Service.TaggedAddresses.lan.Address == \"1.2.3.4\"", "yes"},
      Row{"Service.TaggedAddresses.wan.Address == \"1.2.3.4\"", "no"}, Row{"lan in Service.TaggedAddresses", "yes"},
      Row{"Node.TaggedAddresses.lan == \"127.0.0.1\"", "yes"}, Row{"Service.EnableTagOverride == true", "no"},
      Row{"Service.EnableTagOverride != true", "yes"}, Row{"Service.Weights.Passing == 1", "yes"},
      Row{"Checks is empty", "no"}, Row{"Checks.Status == warning", "yes"}, Row{"Checks.Status == critical", "no"},
      Row{"Checks.ServiceTags is empty", "yes"}, Row{"Node.Datacenter == dc1", "yes"},
      Row{"Service.Kind == \"\"", "yes"});
  CAPTURE(row.text);
  CHECK(Sample().run(row.text) == row.answer);
}

TEST_CASE("filter: faults name their place and reason") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row row = GENERATE(
      Row{"Bogus == x", "Selector \"Bogus\" is not valid"},
      Row{"Service.Meta.k.z == x", "Selector \"Service.Meta.k.z\" is not valid"},
      Row{"Service.Tags == x", "Invalid match operator \"Equal\" for selector \"Service.Tags\""},
      Row{"Service.Tags not matches x", "Invalid match operator \"Not Matches\" for selector \"Service.Tags\""},
      Row{"1 in Service.Port", "Invalid match operator \"In\" for selector \"Service.Port\""},
      Row{"Service is empty", "Invalid match operator \"Is Empty\" for selector \"Service\""},
      Row{"Node.Meta[\"a b\"] is empty", "Invalid match operator \"Is Empty\" for selector \"Node.Meta.a b\""},
      Row{"Service.Port == abc",
          "Failed to coerce value \"abc\" for selector \"Service.Port\": strconv.ParseInt: parsing \"abc\": invalid "
          "syntax"},
      Row{"Service.EnableTagOverride == maybe",
          "Failed to coerce value \"maybe\" for selector \"Service.EnableTagOverride\": strconv.ParseBool: parsing "
          "\"maybe\": invalid syntax"},
      Row{"Service.Service matches \"(\"",
          "Failed to compile regular expression \"(\": error parsing regexp: missing closing ): `(`"},
      Row{"Service.Tags contains", "1:22 (21): no match found, expected: [ \\t\\r\\n]"},
      Row{"Service.Port == 7 and", "1:22 (21): no match found, expected: [ \\t\\r\\n]"},
      Row{"Service.Port",
          "1:13 (12): no match found, expected: \"!=\", \".\", \"==\", \"[\", [ \\t\\r\\n] or [a-zA-Z0-9_]"},
      Row{"Service.Port = 7",
          "1:14 (13): no match found, expected: \"!=\", \"==\", \"contains\", \"in\", \"is\", \"matches\", \"not\" or "
          "[ \\t\\r\\n]"},
      Row{"Service.Port == 7 Service.Port == 8",
          "1:19 (18): no match found, expected: \"and\", \"or\", [ \\t\\r\\n] or EOF"},
      Row{"Service.Port in 1", "1:17 (16): rule \"match\": Invalid selector"},
      Row{"Service.Meta[k] == v", "1:14 (13): rule \"index\": Invalid index"},
      Row{"\"abc", "1:5 (4): rule \"string\": Unterminated string literal"},
      Row{"Service.Port == 07", "1:18 (17): rule \"number\": Invalid number literal"},
      Row{"Service.Service == 7x", "1:21 (20): rule \"number\": Invalid number literal"});
  CAPTURE(row.text);
  CHECK(Sample().run(row.text) == row.error);
}

TEST_CASE("filter: length and depth have limits") {
  Sample sample;
  std::string deep;
  for (size_t i = 0; i < 70; ++i) deep += "not ";
  CHECK(sample.run(deep + "Service.Port == 7") == "the filter is nested too deeply");
  std::string text = "Service.Service == `" + std::string(8192 - 21, 'x') + "`";
  CHECK(text.size() == 8192);
  CHECK(sample.run(text) == "no");
  CHECK(sample.run(text + " ") == "the filter is longer than 8192 bytes");
}

}  // namespace weir::registry
