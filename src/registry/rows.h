#pragma once
// Records as rows of the journal: JSON, so that a person with sqlite3 can read them.

#include <optional>

#include "registry/journal.h"
#include "registry/tables.h"
#include "weir/base/result.h"

namespace weir::registry {

/// Nothing for records that are not kept (tombstones).
[[nodiscard]] std::optional<JournalRow> encode_row(const Change& change);
[[nodiscard]] Result<Record> decode_row(const JournalRow& row);
/// A null reference of the same kind.
[[nodiscard]] Record empty_like(const Record& record);

}  // namespace weir::registry
