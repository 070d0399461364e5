#include "registry/queries.h"

#include <algorithm>

namespace weir::registry {

using Kind = Resource::Kind;

uint64_t service_index(const CatalogStore& store, std::string_view name, bool with_checks) {
  if (!store.tables().instances(name).empty()) return store.index_of({Kind::service, fold_name(name)});
  if (uint64_t extinction = store.index_or_zero({Kind::service_extinction}); extinction > 0) return extinction;
  uint64_t index = std::max(store.index_of({Kind::nodes}), store.index_of({Kind::services}));
  return with_checks ? std::max(index, store.index_of({Kind::checks})) : index;
}

std::vector<Resource> service_resources(const CatalogStore& store, std::string_view name) {
  Resource own{Kind::service, fold_name(name)};
  if (!store.tables().instances(name).empty()) return {own};
  // While nothing has died out the index follows the tables; but what they change there cannot make the answer differ,
  // so only the birth of the service, or the first extinction, is worth a wake-up.
  return {own, {Kind::service_extinction}};
}

uint64_t services_index(const CatalogStore& store) { return store.index_of({Kind::services}); }
uint64_t nodes_index(const CatalogStore& store) { return store.index_of({Kind::nodes}); }
uint64_t checks_index(const CatalogStore& store) { return store.index_of({Kind::checks}); }
uint64_t sessions_index(const CatalogStore& store) { return store.index_of({Kind::sessions}); }

uint64_t node_index(const CatalogStore& store, std::string_view name) {
  if (store.tables().node(name)) return store.index_of({Kind::node, fold_name(name)});
  return store.index_of({Kind::node_extinction});
}

std::vector<Resource> node_resources(std::string_view name) { return {{Kind::node, fold_name(name)}}; }

uint64_t kv_index(const CatalogStore& store, std::string_view key) {
  if (Ref<KvEntry> entry = store.tables().kv_entry(key)) return entry->stamps.modify_index;
  return store.index_of({Kind::kv});
}

uint64_t kv_prefix_index(const CatalogStore& store, std::string_view prefix) { return store.index_of_prefix(prefix); }

}  // namespace weir::registry
