#include "http/h2_memory.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstdint>
#include <cstring>
#include <utility>

#include "weir/base/check.h"
#include "weir/base/sanitized.h"
#include "weir/http/h2_stream.h"

namespace weir::http {
namespace {

constexpr size_t kStepBytes = 64;
constexpr size_t kClasses = 16;   // up to 1 KiB; larger pieces are not kept
constexpr size_t kKeptMax = 512;  // of each class: for two connections with all their streams

/// In front of each piece. Keeps it aligned as malloc does.
struct alignas(std::max_align_t) Head {
  size_t bytes = 0;  // that the owner may use
  Head* next = nullptr;
};

/// Of one thread.
class Spare {
 public:
  Spare() = default;
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  ~Spare() {
    for (Head* first : lists_) {
      while (first != nullptr) std::free(std::exchange(first, first->next));
    }
  }
  Head* take(size_t which) {
    Head* head = lists_[which];
    if (head == nullptr) return nullptr;
    lists_[which] = head->next;
    --counts_[which];
    return head;
  }
  bool keep(Head* head, size_t which) {
    if (counts_[which] >= kKeptMax) return false;
    ++counts_[which];
    head->next = std::exchange(lists_[which], head);
    return true;
  }

 private:
  std::array<Head*, kClasses> lists_{};
  std::array<size_t, kClasses> counts_{};
};

// Under a sanitizer every piece is malloc's, so that one used after its end is found.
constexpr bool kKeeps = !kAddressSanitized;

Spare& spare() {
  thread_local Spare of_thread;
  return of_thread;
}

size_t class_of(size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / kStepBytes; }

void* allocate(size_t bytes, void*) {
  size_t which = class_of(bytes);
  bool small = kKeeps && which < kClasses;
  Head* head = small ? spare().take(which) : nullptr;
  if (head == nullptr) {
    size_t room = small ? (which + 1) * kStepBytes : bytes;
    head = static_cast<Head*>(std::malloc(sizeof(Head) + room));
    if (head == nullptr) return nullptr;
    head->bytes = room;
  }
  return head + 1;
}

Head* head_of(void* piece) { return static_cast<Head*>(piece) - 1; }

void release(void* piece, void*) {
  if (piece == nullptr) return;
  Head* head = head_of(piece);
  size_t which = class_of(head->bytes);
  if (!kKeeps || which >= kClasses || !spare().keep(head, which)) std::free(head);
}

void* allocate_zeroed(size_t count, size_t bytes, void* user) {
  if (bytes != 0 && count > SIZE_MAX / bytes) return nullptr;
  void* piece = allocate(count * bytes, user);
  if (piece != nullptr) std::memset(piece, 0, count * bytes);
  return piece;
}

void* reallocate(void* piece, size_t bytes, void* user) {
  if (piece == nullptr) return allocate(bytes, user);
  size_t before = head_of(piece)->bytes;
  if (kKeeps && bytes <= before && class_of(before) < kClasses) return piece;
  void* other = allocate(bytes, user);
  if (other == nullptr) return nullptr;
  std::memcpy(other, piece, before < bytes ? before : bytes);
  release(piece, user);
  return other;
}

}  // namespace

void* H2Stream::operator new(size_t bytes) {
  void* piece = allocate(bytes, nullptr);
  CHECK(piece != nullptr);
  return piece;
}
void H2Stream::operator delete(void* piece) { release(piece, nullptr); }

nghttp2_mem* h2_memory() {
  static nghttp2_mem functions{nullptr, allocate, release, allocate_zeroed, reallocate};
  return &functions;
}

}  // namespace weir::http
