#pragma once
// One write in the making: changes to the tables and to the indexes, all of which can be taken back.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "registry/resource.h"
#include "registry/tables.h"

namespace weir::registry {

/// The last write that touched each resource.
using IndexTable = std::unordered_map<Resource, uint64_t, ResourceHash>;

/// Applies to the tables at once, so that later steps of the same write see the earlier ones, and keeps what is
/// needed to undo them. Lives during one write; its log goes into the store's open batch. Loop's thread.
class Transaction {
 public:
  struct IndexStep {
    Resource resource;
    uint64_t before = 0;  // 0: there was none
  };
  /// Until its holder's work has surely ended, nobody else gets the lock.
  struct LockDelay {
    std::string key;
    int64_t delay_ns = 0;
  };
  /// In the order made.
  struct Log {
    std::vector<Change> changes;
    std::vector<IndexStep> indexes;
    std::vector<LockDelay> lock_delays;
    std::vector<std::string> redefined_checks;  // ids: came, went or is run otherwise
  };

  Transaction(Tables& tables, IndexTable& indexes, uint64_t index)
      : tables_(tables), indexes_(indexes), index_(index) {}

  /// The number this write gets if it changes anything.
  [[nodiscard]] uint64_t index() const { return index_; }
  [[nodiscard]] const Tables& tables() const { return tables_; }
  [[nodiscard]] bool changed() const { return !log_.changes.empty() || !log_.indexes.empty(); }

  /// Stores the record that stands where `before` stood (null for a new one), stamped with this write.
  template <typename T>
  void put(const Ref<T>& before, T after) {
    after.stamps = {before ? before->stamps.create_index : index_, index_};
    record(Change{before, std::make_shared<const T>(std::move(after))});
  }
  void put_tombstone(Tombstone tombstone);
  template <typename T>
  void erase(const Ref<T>& before) {
    record(Change{before, Ref<T>{}});
  }

  /// The resource changed: its index becomes this write's, and whoever waits for it is woken at the commit.
  void touch(const Resource& resource);
  /// As touch(), for a resource that is gone: wakes, and forgets its index.
  void drop(const Resource& resource);

  void delay_lock(std::string key, int64_t delay_ns) { log_.lock_delays.push_back({std::move(key), delay_ns}); }

  /// Tells who runs checks; changes of status do not concern them.
  void redefine_check(const std::string& id) { log_.redefined_checks.push_back(id); }

  /// Takes everything back and leaves the log empty.
  void roll_back();
  [[nodiscard]] Log take_log() { return std::move(log_); }

  static void undo(const Log& log, Tables& tables, IndexTable& indexes);

 private:
  void record(Change change);

  Tables& tables_;
  IndexTable& indexes_;
  const uint64_t index_;
  Log log_;
};

}  // namespace weir::registry
