#include "registry/transaction.h"

namespace weir::registry {

void Transaction::record(Change change) {
  tables_.apply(change);
  log_.changes.push_back(std::move(change));
}

void Transaction::put_tombstone(Tombstone tombstone) {
  auto at = tables_.tombstones().find(tombstone.key);
  Ref<Tombstone> before = at == tables_.tombstones().end() ? nullptr : at->second;
  record(Change{before, std::make_shared<const Tombstone>(std::move(tombstone))});
}

void Transaction::touch(const Resource& resource) {
  uint64_t& index = indexes_[resource];
  if (index == index_) return;
  log_.indexes.push_back({resource, index});
  index = index_;
}

void Transaction::drop(const Resource& resource) {
  auto at = indexes_.find(resource);
  log_.indexes.push_back({resource, at == indexes_.end() ? 0 : at->second});
  if (at != indexes_.end()) indexes_.erase(at);
}

void Transaction::roll_back() {
  undo(log_, tables_, indexes_);
  log_ = {};
}

void Transaction::undo(const Log& log, Tables& tables, IndexTable& indexes) {
  for (auto change = log.changes.rbegin(); change != log.changes.rend(); ++change) tables.revert(*change);
  for (auto step = log.indexes.rbegin(); step != log.indexes.rend(); ++step) {
    if (step->before == 0) {
      indexes.erase(step->resource);
    } else {
      indexes[step->resource] = step->before;
    }
  }
}

}  // namespace weir::registry
