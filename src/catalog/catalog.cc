#include "weir/catalog/catalog.h"

#include <algorithm>
#include <array>

namespace weir::catalog {

namespace {
constexpr std::array kHealths = {Health::passing, Health::warning, Health::critical, Health::maintenance};

size_t live_of(const Service& service) {
  if (service.freshness == Freshness::stale) return 0;
  return static_cast<size_t>(std::count_if(service.instances.begin(), service.instances.end(),
                                           [](const Instance& one) { return one.health <= Health::warning; }));
}
}  // namespace

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

std::string_view key_of(const Service& service) { return service.name; }

const std::string& name_of(const Service& service) { return service.name; }

void ServiceMap::put(Pointer service) {
  std::string name(key_of(*service));
  if (const Pointer* before = list_.find(name)) live_instances_ -= live_of(**before);
  live_instances_ += live_of(*service);
  list_ = list_.edited({{std::move(name), std::move(service)}});
}

void ServiceMap::erase(std::string_view name) {
  const Pointer* before = list_.find(name);
  if (before == nullptr) return;
  live_instances_ -= live_of(**before);
  list_ = list_.edited({{std::string(name), nullptr}});
}

CatalogDiff diff(const CatalogSnapshot& before, const CatalogSnapshot& after) {
  CatalogDiff out;
  for_each_difference(before.services.list(), after.services.list(), [&](const auto* old_one, const auto* new_one) {
    if (new_one == nullptr) {
      out.removed.push_back((*old_one)->name);
    } else if (old_one == nullptr) {
      out.added.push_back((*new_one)->name);
    } else if (**old_one != **new_one) {
      out.changed.push_back((*new_one)->name);
    }
  });
  return out;
}

size_t count_live_instances(const CatalogSnapshot& snapshot) { return snapshot.services.live_instances(); }

}  // namespace weir::catalog
