#pragma once
// Where the parts of a table lie that every request reads: side by side, in huge pages where there are many.

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weir::routing {

/// Memory for objects that are found by a request's host among up to a million others. Spread over malloc's heap they
/// cost a walk through the page tables each; here they are dense, and beyond the first region (2 MiB) the kernel is
/// asked for huge pages. Blocks of one size (in steps of 32 bytes) are used again for that size only, and a region
/// never goes back to the system: a table has as many routers as the one before it, nearly always.
/// Owner: the process; it outlives every table. Any thread; a lock for each call, none of which a request makes.
/// Without memory from the system: std::bad_alloc. Under AddressSanitizer each block is operator new's.
class TableMemory {
 public:
  static constexpr size_t kAlignment = 32;

  [[nodiscard]] static void* allocate(size_t bytes);
  /// `bytes` as in allocate().
  static void release(void* block, size_t bytes) noexcept;
};

template <typename T>
struct TableAllocator {
  using value_type = T;
  static_assert(alignof(T) <= TableMemory::kAlignment);

  TableAllocator() = default;
  template <typename U>
  TableAllocator(const TableAllocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor): as allocators do

  T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(TableMemory::allocate(count * sizeof(T)));
  }
  void deallocate(T* at, size_t count) noexcept { TableMemory::release(at, count * sizeof(T)); }
  template <typename U>
  bool operator==(const TableAllocator<U>& /*other*/) const {
    return true;
  }
};

/// As std::make_shared.
template <typename T, typename... Args>
[[nodiscard]] std::shared_ptr<T> make_shared_in_table(Args&&... args) {
  return std::allocate_shared<T>(TableAllocator<std::remove_extent_t<T>>(), std::forward<Args>(args)...);
}

}  // namespace weir::routing
