// Traefik's configuration as keys and values, one `key=value` a line: whatever they say comes to the same each time,
// and no table is broken by it.

#include <memory>
#include <string>
#include <vector>

#include "fuzz.h"
#include "weir/base/check.h"
#include "weir/base/text.h"
#include "weir/routing/dynamic_config.h"
#include "weir/routing/table.h"

using namespace weir;
using namespace weir::routing;

void fuzz::run(std::string_view input) {
  std::vector<ConfigValue> values;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    const std::string_view key = line.substr(0, line.find('='));
    ConfigValue& value = values.emplace_back();
    for (std::string_view rest = key;;) {
      const size_t slash = rest.find('/');
      value.path.emplace_back(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    value.value = line.substr(std::min(line.size(), key.size() + 1));
    value.place = "key " + std::string(key);
  }
  auto definitions = std::make_shared<const Definitions>(decode_dynamic_config(values, "consulkv"));
  const Definitions again = decode_dynamic_config(values, "consulkv");
  CHECK(again.routers == definitions->routers && again.services == definitions->services);
  CHECK(again.middlewares == definitions->middlewares && again.rejected == definitions->rejected);
  const BuildOutcome built = build_table({definitions}, nullptr);
  CHECK(build_table({definitions}, built.table).table == built.table);
}
