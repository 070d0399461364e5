#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace weir::bench {

/// The bytes of every body, the same on both ends: so the client can compare each byte it gets, which is more than a
/// checksum and costs less. The period is a prime, so that a lost or doubled block of any usual size shows.
class Pattern {
 public:
  static constexpr size_t kPeriod = 65521;
  static constexpr size_t kPieceBytesMax = 1024 * 1024;

  Pattern() : bytes_(kPeriod + kPieceBytesMax) {
    uint32_t state = 2463534242;  // xorshift32 with its author's seed
    for (size_t i = 0; i < kPeriod; ++i) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      bytes_[i] = static_cast<char>(state >> 24);
    }
    for (size_t i = kPeriod; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kPeriod];
  }

  /// The body's bytes from `offset` on; kPieceBytesMax of them may be read.
  const char* at(uint64_t offset) const { return bytes_.data() + offset % kPeriod; }

  bool matches(uint64_t offset, const char* bytes, size_t count) const {
    while (count > 0) {
      size_t piece = count < kPieceBytesMax ? count : kPieceBytesMax;
      if (std::memcmp(at(offset), bytes, piece) != 0) return false;
      offset += piece;
      bytes += piece;
      count -= piece;
    }
    return true;
  }

 private:
  std::vector<char> bytes_;
};

}  // namespace weir::bench
