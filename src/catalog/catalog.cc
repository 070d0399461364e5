#include "weir/catalog/catalog.h"

#include <algorithm>
#include <array>

namespace weir::catalog {

namespace {
constexpr std::array kHealths = {Health::passing, Health::warning, Health::critical, Health::maintenance};
}

std::string_view to_string(Health health) {
  switch (health) {
    case Health::passing: return "passing";
    case Health::warning: return "warning";
    case Health::critical: return "critical";
    case Health::maintenance: return "maintenance";
  }
  return "unknown";
}

Result<Health> parse_health(std::string_view text) {
  for (Health health : kHealths) {
    if (text == to_string(health)) return health;
  }
  return fail(ErrorCode::invalid,
              "not a health: \"" + std::string(text) + "\" (expected passing, warning, critical or maintenance)");
}

CatalogDiff diff(const CatalogSnapshot& before, const CatalogSnapshot& after) {
  CatalogDiff out;
  auto old_it = before.services.begin();
  auto new_it = after.services.begin();
  while (old_it != before.services.end() || new_it != after.services.end()) {
    if (new_it == after.services.end() || (old_it != before.services.end() && old_it->first < new_it->first)) {
      out.removed.push_back((old_it++)->first);
    } else if (old_it == before.services.end() || new_it->first < old_it->first) {
      out.added.push_back((new_it++)->first);
    } else {
      // Unchanged services are the same pointer, so the values are compared only where something may have changed.
      if (old_it->second != new_it->second && *old_it->second != *new_it->second) out.changed.push_back(new_it->first);
      ++old_it;
      ++new_it;
    }
  }
  return out;
}

size_t count_live_instances(const CatalogSnapshot& snapshot) {
  size_t live = 0;
  for (const auto& [name, service] : snapshot.services) {
    live += static_cast<size_t>(std::count_if(service->instances.begin(), service->instances.end(),
                                              [](const Instance& one) { return one.health <= Health::warning; }));
  }
  return live;
}

}  // namespace weir::catalog
