#pragma once
// The registry's state: records, indexes, and the rule that nobody hears of a write before it is durable.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "registry/journal.h"
#include "registry/tables.h"
#include "registry/transaction.h"
#include "registry/watchers.h"
#include "weir/base/clock.h"
#include "weir/base/result.h"

namespace weir::registry {

/// Holds everything and hands out one strictly increasing number a write. Writes are applied to memory at once and
/// gathered; while one batch is being committed the next one fills. Answers wait in when_durable(). A batch that
/// cannot be committed is taken back, together with what was built on it. Loop's thread; outlives its users.
class CatalogStore {
 public:
  using Done = std::function<void(Status)>;

  CatalogStore(Journal& journal, const Clock& clock) : journal_(journal), clock_(clock) {}
  CatalogStore(const CatalogStore&) = delete;
  CatalogStore& operator=(const CatalogStore&) = delete;

  /// Reads the journal; until `done` the store is not ready() and nothing else may be called.
  void load(Done done);
  [[nodiscard]] bool ready() const { return ready_; }

  [[nodiscard]] const Tables& tables() const { return tables_; }
  [[nodiscard]] Watchers& watchers() { return watchers_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] uint64_t last_index() const { return last_index_; }

  /// Runs `change` now. Its failure takes back what it had done and is passed to `done`; otherwise `done` is called
  /// once everything up to here is durable, or could not be made so (ErrorCode::io). May be called from within.
  void write(const std::function<Status(Transaction&)>& change, Done done);
  /// Calls `done` as soon as what the tables hold now is durable: at once if it is already.
  void when_durable(Done done);

  /// Told of each check that a committed write, or one that was taken back, let come, go or be run otherwise. One
  /// listener; null: none.
  void on_check_redefined(std::function<void(const std::string& id)> told) { on_redefined_ = std::move(told); }

  /// The last write that touched the resource: never 0, and not less than before a restart.
  [[nodiscard]] uint64_t index_of(const Resource& resource) const;
  /// 0 when no write has touched it since the store was new.
  [[nodiscard]] uint64_t index_or_zero(const Resource& resource) const;
  /// Of the keys below a prefix, deletions included; the whole table's when nothing is known of the prefix.
  [[nodiscard]] uint64_t index_of_prefix(std::string_view prefix) const;

  /// True while a key may not be locked because its last holder lost it.
  [[nodiscard]] bool lock_delayed(const std::string& key) const;

  static constexpr size_t kTombstonesMax = 4096;
  /// The index of what no write has touched; the first write gets the next one.
  static constexpr uint64_t kNothingYet = 1;

 private:
  struct Batch {
    std::vector<Transaction::Log> logs;
    std::vector<Done> waiting;
    uint64_t last_index = 0;
    [[nodiscard]] bool empty() const { return logs.empty(); }
  };

  void start_commit();
  void on_committed(Status status);
  void take_back(Batch& batch);
  void wake(const Batch& batch);
  void tell_redefined(const Batch& batch) const;
  void trim_tombstones();

  Journal& journal_;
  const Clock& clock_;
  Tables tables_;
  IndexTable indexes_;
  Watchers watchers_;
  bool ready_ = false;
  uint64_t last_index_ = kNothingYet;
  uint64_t floor_index_ = 0;      // after a restart, every resource counts as touched by it
  uint64_t tombstone_floor_ = 0;  // the newest tombstone that was forgotten
  uint64_t committed_index_ = kNothingYet;
  Batch open_;        // applied, not yet given to the journal
  Batch committing_;  // with the journal
  bool commit_under_way_ = false;
  std::function<void(const std::string& id)> on_redefined_;
  std::unordered_map<std::string, uint64_t> lock_delays_ms_;  // key -> monotonic end
};

}  // namespace weir::registry
