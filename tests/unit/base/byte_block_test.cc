#include "weir/base/byte_block.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "catch.h"

using namespace weir;

namespace {
/// A text in memory of its own, so that a sanitizer sees who reads beyond it.
std::vector<char> random_text(std::mt19937& random, size_t size) {
  std::vector<char> out(size);
  for (char& c : out) c = static_cast<char>(random());
  return out;
}
}  // namespace

TEST_CASE("byte block: sets are what they say of every byte") {
  for (int c = 0; c < 256; ++c) {
    const std::string text(ByteBlock::kBytes, static_cast<char>(c));
    const ByteBlock block(text.data());
    auto all_or_none = [](bool all) { return all ? 0xffffU : 0U; };
    CHECK(block.equal('/').bits() == all_or_none(c == '/'));
    CHECK(block.within('0', '9').bits() == all_or_none(c >= '0' && c <= '9'));
    CHECK((~block.within(' ', '~')).bits() == all_or_none(c < ' ' || c > '~'));
    CHECK(block.letters().bits() == all_or_none((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')));
    CHECK((block.equal('a') | block.equal('b')).bits() == all_or_none(c == 'a' || c == 'b'));
    CHECK((block.within('a', 'c') & block.within('c', 'e')).empty() == (c != 'c'));
  }
}

TEST_CASE("byte block: a bit stands for the byte at its place") {
  CHECK(ByteBlock("0123456789abcdef").within('3', '5').bits() == 0b111000U);
}

TEST_CASE("byte block: of a text of every size each byte is looked at, and no other") {
  std::mt19937 random(1);
  auto zero = [](ByteBlock bytes) { return bytes.equal('\0'); };
  for (size_t size = 0; size <= 70; ++size) {
    std::vector<char> bytes(size, 'a');
    const std::string_view text(bytes.data(), size);
    CHECK(none_in(zero, text));
    for (size_t at = 0; at < size; ++at) {
      bytes[at] = '\0';
      INFO(size << " bytes, at " << at);
      CHECK(!none_in(zero, text));
      bytes[at] = static_cast<char>(1 + random() % 255);
    }
  }
}

TEST_CASE("byte block: texts beside each other are looked at by place") {
  auto doubled = [](ByteBlock bytes, ByteBlock next) { return bytes.equal('/') & next.equal('/'); };
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::vector<char> bytes(size, 'a');
      bytes[at] = '/';
      const std::string_view text(bytes.data(), size);
      INFO(size << " bytes, at " << at);
      CHECK(none_in(doubled, text.substr(0, size - 1), text.substr(1)));
      if (at == 0) continue;
      bytes[at - 1] = '/';
      CHECK(!none_in(doubled, text.substr(0, size - 1), text.substr(1)));
    }
  }
}

TEST_CASE("byte block: what is found first is the same as byte by byte") {
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {
    const std::vector<char> bytes = random_text(random, ByteBlock::kBytes + random() % 60);
    const std::string_view text(bytes.data(), bytes.size());
    const char* from = text.data() + random() % (text.size() + 1);
    const char least = static_cast<char>(random() % 128);
    const char* found = find_in([&](ByteBlock block) { return block.within(least, '\x7f'); }, text, from);
    CHECK(found == std::find_if(from, text.data() + text.size(), [&](char c) { return c >= least; }));
  }
}
