#pragma once
// The journal as one SQLite file, on a thread of its own.

#include <memory>
#include <string>

#include "registry/journal.h"
#include "weir/base/result.h"

namespace weir::event {
class Loop;
}

namespace weir::registry {

/// WAL with synchronous=FULL: a commit that succeeded survives kill -9 and power loss. The file is locked while open,
/// so two registries cannot share one. Callbacks come on the loop's thread, never from within a call, and not after
/// the destructor, which waits for a commit under way.
class SqliteJournal final : public Journal {
 public:
  /// Makes the file if it is absent. Fails when it is locked, not a database of ours, or of a newer version.
  static Result<std::unique_ptr<SqliteJournal>> open(event::Loop& loop, const std::string& path);
  ~SqliteJournal() override;

  void load(OnLoaded on_loaded) override;
  void commit(JournalBatch batch, OnCommitted on_committed) override;

 private:
  class Database;
  class Worker;
  explicit SqliteJournal(std::unique_ptr<Worker> worker);

  std::unique_ptr<Worker> worker_;
};

}  // namespace weir::registry
