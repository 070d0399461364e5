#pragma once
// What a read's index is, and what to wait for until it moves. The pair belongs together: whatever can move the index
// of a read must be among its resources, or a wake-up is lost.

#include <cstdint>
#include <string_view>
#include <vector>

#include "registry/store.h"

namespace weir::registry {

/// health/service (with_checks) and catalog/service.
[[nodiscard]] uint64_t service_index(const CatalogStore& store, std::string_view name, bool with_checks);
[[nodiscard]] std::vector<Resource> service_resources(const CatalogStore& store, std::string_view name);

[[nodiscard]] uint64_t services_index(const CatalogStore& store);
[[nodiscard]] uint64_t nodes_index(const CatalogStore& store);
[[nodiscard]] uint64_t checks_index(const CatalogStore& store);
[[nodiscard]] uint64_t sessions_index(const CatalogStore& store);

/// catalog/node and catalog/node-services. For an absent node the last time any node went away.
[[nodiscard]] uint64_t node_index(const CatalogStore& store, std::string_view name);
[[nodiscard]] std::vector<Resource> node_resources(std::string_view name);

/// A found key has its own ModifyIndex, a missing one the table's.
[[nodiscard]] uint64_t kv_index(const CatalogStore& store, std::string_view key);
[[nodiscard]] uint64_t kv_prefix_index(const CatalogStore& store, std::string_view prefix);

}  // namespace weir::registry
