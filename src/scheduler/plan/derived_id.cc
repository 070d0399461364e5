#include "scheduler/plan/derived_id.h"

#include <cstdio>

#include "weir/base/text.h"

namespace weir::scheduler {

std::string derive_uuid(std::string_view eval_id, std::string_view kind, uint64_t sequence) {
  std::string text = std::string(eval_id) + "/" + std::string(kind) + "/" + std::to_string(sequence);
  uint64_t high = fnv1a(text);
  uint64_t low = fnv1a(text, high ^ 0x9e3779b97f4a7c15ULL);
  high = (high & ~0xf000ULL) | 0x4000ULL;        // version 4
  low = (low & ~(3ULL << 62U)) | (1ULL << 63U);  // variant 1
  char out[37];
  std::snprintf(out, sizeof out, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>(high >> 16U & 0xffffU), static_cast<unsigned>(high & 0xffffU),
                static_cast<unsigned>(low >> 48U), static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return out;
}

}  // namespace weir::scheduler
