#pragma once
// Sixteen bytes looked at together, by the vector instructions that every CPU of a kind has (SSE2, NEON): what nearly
// all texts of a request are made of is found to be harmless in a few instructions.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

class ByteBlock {
  using Lanes = uint8_t __attribute__((vector_size(16)));

 public:
  static constexpr size_t kBytes = 16;

  /// Bytes of a block that something holds of.
  class Set {
   public:
    explicit Set(Lanes lanes) : lanes_(lanes) {}
    Set operator|(Set other) const { return Set(lanes_ | other.lanes_); }
    Set operator&(Set other) const { return Set(lanes_ & other.lanes_); }
    Set operator~() const { return Set(~lanes_); }
    [[nodiscard]] bool empty() const { return bits() == 0; }
    /// Bit i stands for byte i.
    [[nodiscard]] uint32_t bits() const {
#if defined(__SSE2__)
      return static_cast<uint32_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(lanes_)));
#else
      uint32_t bits = 0;
      for (size_t i = 0; i < kBytes; ++i) bits |= (lanes_[i] & 1U) << i;
      return bits;
#endif
    }

   private:
    Lanes lanes_;  // each 0 or 0xff
  };

  /// `from` has kBytes.
  explicit ByteBlock(const char* from) { std::memcpy(&lanes_, from, kBytes); }
  /// All bytes of a text of 1 to 16, and no other: some of them more than once, at places that only the size decides.
  static ByteBlock of_short(std::string_view text) {
    const char* last = text.data() + text.size();
    uint64_t low = 0;
    uint64_t high = 0;
    if (text.size() >= 8) {
      std::memcpy(&low, text.data(), 8);
      std::memcpy(&high, last - 8, 8);
    } else if (text.size() >= 4) {
      std::memcpy(&low, text.data(), 4);
      std::memcpy(&high, last - 4, 4);
      low = high = low | high << 32;
    } else {
      const auto byte = [&](size_t at) { return uint64_t{static_cast<uint8_t>(text[at])}; };
      constexpr uint64_t kEachFourth = 0x0000000100000001;
      low = high = (byte(0) | byte(text.size() / 2) << 8 | byte(text.size() - 1) * 0x1010000) * kEachFourth;
    }
    const uint64_t words[] = {low, high};
    return ByteBlock(reinterpret_cast<const char*>(words));
  }

  [[nodiscard]] Set equal(char c) const { return Set(lanes_ == static_cast<uint8_t>(c)); }
  [[nodiscard]] Set within(char first, char last) const {
    return Set(lanes_ - static_cast<uint8_t>(first) <= static_cast<uint8_t>(last - first));
  }
  /// Letters of either case.
  [[nodiscard]] Set letters() const { return Set((lanes_ | 0x20) - 'a' <= 'z' - 'a'); }

 private:
  Lanes lanes_;
};

/// Whether `found`, asked about blocks that hold all of `text` between them, finds nothing: ByteBlock -> Set. It may be
/// asked about further texts of the same size beside it: of each the bytes of the same places.
template <typename Found, typename... Texts>
[[nodiscard]] bool none_in(Found found, std::string_view text, Texts... beside) {
  if (text.empty()) return true;
  if (text.size() <= ByteBlock::kBytes) return found(ByteBlock::of_short(text), ByteBlock::of_short(beside)...).empty();
  const size_t last = text.size() - ByteBlock::kBytes;
  auto none_at = [&](size_t at) {
    return found(ByteBlock(text.data() + at), ByteBlock(beside.data() + at)...).empty();
  };
  for (size_t at = 0; at < last; at += ByteBlock::kBytes) {
    if (!none_at(at)) return false;
  }
  return none_at(last);  // it may overlap the one before it
}

/// The first byte from `at` on that `found` finds in its block; text's end where there is none. `text` has a block's
/// bytes at least, and `at` lies in it or at its end.
template <typename Found>
[[nodiscard]] const char* find_in(Found found, std::string_view text, const char* at) {
  const char* end = text.data() + text.size();
  const char* last = end - ByteBlock::kBytes;
  for (; at <= last; at += ByteBlock::kBytes) {
    const uint32_t bits = found(ByteBlock(at)).bits();
    if (bits != 0) return at + std::countr_zero(bits);
  }
  if (at == end) return end;
  const uint32_t bits = found(ByteBlock(last)).bits() >> (at - last);  // without what lies before
  return bits != 0 ? at + std::countr_zero(bits) : end;
}

}  // namespace weir
