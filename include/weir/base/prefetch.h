#pragma once

#include <cstddef>

namespace weir {

constexpr size_t kCacheLineBytes = 64;

/// Asks the memory for the line of the caches that `at` is in, and does not wait; any address will do. Whoever needs it
/// some 100 ns later saves as much.
inline void prefetch(const void* at) {
  __builtin_prefetch(at);
  // gcc takes a function that only prefetches for one without effect, and leaves out its calls.
  asm volatile("" : : "r"(at));
}

}  // namespace weir
