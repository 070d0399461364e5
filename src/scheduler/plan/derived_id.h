#pragma once
// Ids that a pure planner can make.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::scheduler {

/// A version 4 UUID in form, made of an evaluation's (random) id, a kind and a sequence: unique among evaluations, and
/// the same for the same input.
std::string derive_uuid(std::string_view eval_id, std::string_view kind, uint64_t sequence);

}  // namespace weir::scheduler
