#pragma once
// Where committed writes go so that they outlive the process.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"

namespace weir::registry {

/// One record's new row, or none when the record is gone. Kinds and keys are the store's business.
struct JournalRow {
  uint8_t kind = 0;
  std::string key;
  std::optional<std::string> row;
};

/// All rows of one group commit, and the global index reached with it.
struct JournalBatch {
  std::vector<JournalRow> rows;
  uint64_t last_index = 0;
};

/// Durable memory of the store. At most one commit is under way at a time. Callbacks come on the store's thread.
class Journal {
 public:
  using OnLoaded = std::function<void(Result<JournalBatch>)>;
  using OnCommitted = std::function<void(Status)>;

  virtual ~Journal() = default;
  /// Everything stored, once, before the first commit. May call back at once.
  virtual void load(OnLoaded on_loaded) = 0;
  /// Success means that the batch survives a crash; failure that nothing of it was kept. May call back at once.
  virtual void commit(JournalBatch batch, OnCommitted on_committed) = 0;
};

/// Keeps nothing: for a registry without a data folder.
class NullJournal final : public Journal {
 public:
  void load(OnLoaded on_loaded) override { on_loaded(JournalBatch{}); }
  void commit(JournalBatch, OnCommitted on_committed) override { on_committed({}); }
};

}  // namespace weir::registry
