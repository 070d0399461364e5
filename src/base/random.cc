#include "weir/base/random.h"

#include <sys/random.h>

#include <bit>

#include "weir/base/check.h"

namespace weir {
namespace {

void kernel_random(void* out, size_t bytes) {
  // getrandom() gives up to 256 bytes whole and uninterrupted once the generator is ready.
  CHECK(getrandom(out, bytes, 0) == static_cast<ssize_t>(bytes));
}

uint64_t split_mix(uint64_t& seed) {
  uint64_t z = (seed += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random() { kernel_random(state_, sizeof state_); }

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = split_mix(seed);
}

uint64_t Random::next() {
  uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::below(uint64_t bound) {
  ASSERT(bound > 0);
  return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
}

std::string make_uuid() {
  char bytes[16];
  kernel_random(bytes, sizeof bytes);
  return uuid_text({bytes, sizeof bytes}, 4);
}

std::string uuid_text(std::string_view bytes, unsigned version) {
  ASSERT(bytes.size() >= 16);
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 6) byte = static_cast<unsigned char>((byte & 0x0f) | version << 4);
    if (i == 8) byte = static_cast<unsigned char>((byte & 0x3f) | 0x80);
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace weir
