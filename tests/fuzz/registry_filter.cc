// Filters of ?filter=: a text is refused with words or it compiles, and then says of each row yes or no, each time the
// same; `not` of it says the opposite.

#include <string>

#include "fuzz.h"
#include "registry/filter.h"
#include "registry/filter_rows.h"
#include "weir/base/check.h"

using namespace weir;
using namespace weir::registry;

namespace {

Service service_of(std::string name, std::vector<std::string> tags, int64_t port) {
  Service out;
  out.id = name + "-1";
  out.name = std::move(name);
  out.tags = std::move(tags);
  out.port = port;
  out.meta = {{"version", "2"}, {"dotted.key", ""}};
  out.tagged_addresses = {{"lan", {"10.0.0.1", 8000}}};
  return out;
}

}  // namespace

void fuzz::run(std::string_view input) {
  static const Node kNode = [] {
    Node node;
    node.name = "n1";
    node.address = "10.0.0.1";
    node.meta = {{"rack", "a"}};
    return node;
  }();
  static const Service kServices[] = {service_of("web", {"primary", "v2"}, 80), service_of("", {}, 0)};
  const FilterValue sample = catalog_row(kNode, kServices[0], "dc1");
  auto filter = Filter::compile(input, sample);
  if (!filter) {
    CHECK(!filter.error().message.empty());
    return;
  }
  auto opposite = Filter::compile("not (" + std::string(input) + ")", sample);
  for (const Service& service : kServices) {
    const FilterValue row = catalog_row(kNode, service, "dc1");
    const bool keeps = filter->keeps(row);
    CHECK(filter->keeps(row) == keeps);
    if (opposite && !filter->keeps_all()) CHECK(opposite->keeps(row) != keeps);
  }
}
