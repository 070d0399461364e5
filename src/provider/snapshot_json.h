#pragma once
// The last good catalog as text, for the disk. Pure.
// One line "weir-catalog 1 <fnv1a of the rest, 16 hex digits>", then one JSON object. Every changed byte is noticed:
// FNV-1a maps different inputs of one length that differ in one byte to different sums.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/catalog/catalog.h"

namespace weir::provider {

struct SavedSnapshot {
  std::shared_ptr<const catalog::CatalogSnapshot> snapshot;
  int64_t saved_wall_ns = 0;
};

/// The newest format we write, and the only one we read: an older file is a cache that starts empty, not a migration.
constexpr int kSnapshotVersion = 1;

std::string encode_snapshot(const catalog::CatalogSnapshot& snapshot, int64_t saved_wall_ns);
/// Errors say what is wrong with the file: no snapshot, another version, a wrong sum, a wrong type.
Result<SavedSnapshot> decode_snapshot(std::string_view text);

}  // namespace weir::provider
