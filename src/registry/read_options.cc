#include "registry/read_options.h"

#include <algorithm>

#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::registry {
namespace {

std::optional<Reply> parse_blocking(const Call& call, ReadOptions& out) {
  if (std::string index = call.parameter("index"); !index.empty()) {
    std::optional<uint64_t> number = parse_u64(index);
    if (!number) return Reply::text(400, "Invalid index");
    out.index = *number;
  }
  if (std::string wait = call.parameter("wait"); !wait.empty()) {
    Result<int64_t> ms = parse_duration_ms(wait);
    if (!ms) return Reply::text(400, "Invalid wait time");
    if (*ms > 0) out.wait_ms = std::min(static_cast<uint64_t>(*ms), BlockingQueries::kWaitMaxMs);
  }
  return std::nullopt;
}

std::optional<Reply> parse_consistency(const Call& call, ReadOptions& out) {
  bool stale = call.has("stale");
  bool consistent = call.has("consistent");
  if (std::string max_stale = call.parameter("max_stale"); !max_stale.empty()) {
    if (!parse_duration_ns(max_stale)) return Reply::text(400, "Invalid max_stale value \"" + max_stale + "\"");
    stale = true;
  }
  for (const char* other : {"stale", "cached"}) {
    if (!consistent || !(call.has(other) || (stale && other == std::string_view("stale")))) continue;
    return Reply::text(400, "Cannot specify ?" + std::string(other) + " with ?consistent, conflicting semantics.");
  }
  if (stale) out.consistency = "stale";
  if (consistent) out.consistency = "consistent";
  return std::nullopt;
}

}  // namespace

ReadOptionsOrReply parse_read_options(const Call& call) {
  ReadOptionsOrReply result;
  result.refusal = parse_blocking(call, result.options);
  if (!result.refusal) result.refusal = parse_consistency(call, result.options);
  return result;
}

}  // namespace weir::registry
