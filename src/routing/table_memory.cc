#include "routing/table_memory.h"

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <utility>

#include "weir/base/sanitized.h"
#include "weir/routing/table.h"

namespace weir::routing {
namespace {

constexpr size_t kRegionBytes = size_t{2} << 20;  // a huge page of x86-64, and of most arm64 kernels
constexpr size_t kStep = TableMemory::kAlignment;
constexpr size_t kPooledMax = size_t{64} << 10;  // what is larger is operator new's
// Under a sanitizer every block is operator new's, so that one used after its end is found.
constexpr bool kPools = !kAddressSanitized;

constexpr size_t rounded(size_t bytes) { return (bytes + kStep - 1) / kStep * kStep; }

class Regions {
 public:
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    used_bytes_ += bytes;
    if (Free*& head = free_[bytes / kStep]; head != nullptr) return std::exchange(head, head->next);
    if (left_ < bytes) add_region();
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }
  void give_back(void* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    used_bytes_ -= bytes;
    Free*& head = free_[bytes / kStep];
    head = new (block) Free{head};
  }
  size_t used_bytes() {
    const std::lock_guard lock(mutex_);
    return used_bytes_;
  }

 private:
  struct Free {
    Free* next;
  };

  void add_region() {
    // Twice as much of the address space, and what lies beside an aligned region goes back.
    void* mapped = ::mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* begin = static_cast<char*>(mapped);
    const size_t before = (kRegionBytes - reinterpret_cast<uintptr_t>(begin) % kRegionBytes) % kRegionBytes;
    if (before > 0) ::munmap(begin, before);
    if (const size_t behind = kRegionBytes - before; behind > 0) ::munmap(begin + before + kRegionBytes, behind);
    // What is left of the region before is less than a block; it stays unused.
    next_ = begin + before;
    left_ = kRegionBytes;
    // A table that fits into one region has ordinary pages, since it would take a huge one for a few routers. The
    // advice may be refused (a kernel without huge pages): then all are ordinary.
    ::madvise(next_, kRegionBytes, first_ == nullptr ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    if (first_ == nullptr) {
      first_ = next_;
    } else {
      ::madvise(first_, kRegionBytes, MADV_HUGEPAGE);  // by and by, by the kernel's own thread
    }
  }

  std::mutex mutex_;
  std::array<Free*, kPooledMax / kStep + 1> free_{};  // by size
  char* next_ = nullptr;                              // in the newest region
  size_t left_ = 0;
  char* first_ = nullptr;
  size_t used_bytes_ = 0;
};

// Never destroyed: a table may die with the process's last thread.
Regions& regions() {
  static auto* const of_process = new Regions;
  return *of_process;
}

}  // namespace

void* TableMemory::allocate(size_t bytes) {
  if (!kPools || bytes > kPooledMax) return ::operator new(bytes, std::align_val_t(kAlignment));
  return regions().take(rounded(bytes));
}

void TableMemory::release(void* block, size_t bytes) noexcept {
  if (!kPools || bytes > kPooledMax) {
    ::operator delete(block, std::align_val_t(kAlignment));
  } else {
    regions().give_back(block, rounded(bytes));
  }
}

size_t table_memory_bytes() { return kPools ? regions().used_bytes() : 0; }

}  // namespace weir::routing
