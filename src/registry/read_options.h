#pragma once
// The query parameters that every read understands.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registry/api.h"

namespace weir::registry {

struct ReadOptions {
  uint64_t index = 0;
  uint64_t wait_ms = BlockingQueries::kWaitDefaultMs;
  std::string consistency = "leader";
};

/// The options, or the answer that refuses them.
struct ReadOptionsOrReply {
  ReadOptions options;
  std::optional<Reply> refusal;
};
ReadOptionsOrReply parse_read_options(const Call& call);

}  // namespace weir::registry
