#pragma once
// Random numbers: a fast per-owner generator for jitter and choice, and UUIDs from the kernel's generator.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// xoshiro256**. Not for secrets. Not thread-safe: one an owner.
class Random {
 public:
  /// Seeds from the kernel.
  Random();
  explicit Random(uint64_t seed);
  uint64_t next();
  /// 0 <= result < bound; bound > 0.
  uint64_t below(uint64_t bound);

 private:
  uint64_t state_[4];
};

/// A version 4 UUID in lower case from getrandom().
std::string make_uuid();
/// The first 16 bytes as a UUID of that version in lower case; six of their bits say version and variant instead.
std::string uuid_text(std::string_view bytes, unsigned version);
/// 36 characters, dashes in place, lower- or upper-case hex digits.
bool is_uuid(std::string_view text);

}  // namespace weir
