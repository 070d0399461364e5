#pragma once
// Consul's key-value store, decoded. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::provider {

constexpr size_t kKvPairsMax = 100'000;
constexpr size_t kKvKeyBytesMax = 4 * 1024;

struct KvPair {
  std::string key;
  std::string value;
};

/// /v1/kv/<prefix>?recurse, sorted by key; "" (no such key) is an empty list. An error where the answer is not whole
/// and well formed.
Result<std::vector<KvPair>> decode_kv_pairs(std::string_view body);

}  // namespace weir::provider
