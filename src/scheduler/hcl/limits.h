#pragma once
// What one job file may ask of us. Real files stay far below all of these.

#include <cstddef>

namespace weir::scheduler::hcl {

inline constexpr size_t kSourceBytesMax = 1024 * 1024;
inline constexpr int kNestingDepthMax = 64;      // blocks in blocks, brackets in brackets, operators in a row
inline constexpr int kEvaluationDepthMax = 200;  // expression in local in expression ...
inline constexpr size_t kEvaluatedBytesMax = 32 * 1024 * 1024;  // sum over all values made while evaluating one file
inline constexpr size_t kTextBytesMax = 4 * 1024 * 1024;        // one string
inline constexpr size_t kListItemsMax = 10'000;                 // range(), for
inline constexpr size_t kNamesMax = 500;                        // variables, and locals, in one file

}  // namespace weir::scheduler::hcl
