// Tags of two instances of a service, one a line, an empty line between them: whatever they say, they come to the same
// each time, no table is broken by them, and what explain() tells is what match() does.

#include <memory>
#include <string>

#include "fuzz.h"
#include "weir/base/check.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/explain.h"
#include "weir/routing/lint.h"
#include "weir/routing/table.h"

using namespace weir;
using namespace weir::routing;

namespace {

catalog::Instance instance(uint16_t port) {
  catalog::Instance out;
  out.id = out.node = std::to_string(port);
  out.address = "10.0.0.1";
  out.port = port;
  out.modify_index = port;
  out.has_checks = true;
  out.check_states = {catalog::Health::passing};
  return out;
}

}  // namespace

void fuzz::run(std::string_view input) {
  catalog::Service service{"web", {instance(1), instance(2)}};
  size_t at = 0;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (line.empty()) at = 1;
    if (!line.empty()) service.instances[at].tags.emplace_back(line);
  }
  catalog::CatalogSnapshot snapshot;
  snapshot.provider = "consul";
  snapshot.services.put(std::make_shared<const catalog::Service>(service));
  auto definitions = std::make_shared<const Definitions>(definitions_from_catalog(snapshot, {}));
  CHECK(decode_service(service, {}) == decode_service(service, {}));
  const BuildOutcome built = build_table({definitions}, nullptr);
  CHECK(build_table({definitions}, built.table).table == built.table);
  for (std::string_view path : {"/", "/a", "/a/b.c"}) {
    for (std::string_view host : {"web", "a.test", "x.a.test", ""}) {
      const RequestView request{.method = "GET", .host = host, .path = path};
      CHECK(explain(*built.table, request).winner == built.table->match(request));
    }
  }
  (void)lint(*built.table);
}
