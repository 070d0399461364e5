#include "routing/table_memory.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "catch.h"
#include "weir/routing/table.h"

namespace weir::routing {
namespace {

struct Block {
  void* at;
  size_t bytes;
  unsigned char content;
};

bool holds_its_content(const Block& block) {
  const auto* bytes = static_cast<const unsigned char*>(block.at);
  for (size_t i = 0; i < block.bytes; ++i) {
    if (bytes[i] != block.content) return false;
  }
  return true;
}

// Blocks of all sizes, each filled, some released in between; true where none was ever in another's way.
bool fill_and_release(unsigned seed) {
  std::vector<Block> blocks;
  bool good = true;
  for (unsigned i = 0; i < 4000; ++i) {
    seed = seed * 1664525 + 1013904223;
    const size_t bytes = i % 100 == 0 ? 70'000 + i : 1 + (seed >> 8) % (i % 10 == 0 ? 9000 : 300);
    Block block{TableMemory::allocate(bytes), bytes, static_cast<unsigned char>(seed >> 16)};
    good = good && reinterpret_cast<uintptr_t>(block.at) % TableMemory::kAlignment == 0;
    std::memset(block.at, block.content, bytes);
    blocks.push_back(block);
    if (i % 3 != 0) continue;
    std::swap(blocks[(seed >> 4) % blocks.size()], blocks.back());
    good = good && holds_its_content(blocks.back());
    TableMemory::release(blocks.back().at, blocks.back().bytes);
    blocks.pop_back();
  }
  for (const Block& block : blocks) {
    good = good && holds_its_content(block);
    TableMemory::release(block.at, block.bytes);
  }
  return good;
}

}  // namespace

TEST_CASE("table memory: blocks of any size lie apart and aligned, beyond one region and above the largest pooled") {
  const size_t before = table_memory_bytes();
  CHECK(fill_and_release(7));
  CHECK(table_memory_bytes() == before);
}

TEST_CASE("table memory: what one thread takes another may give back while a third takes") {
  const size_t before = table_memory_bytes();
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(TableMemory::allocate(200));
  bool good = false;
  std::thread other([&] { good = fill_and_release(11); });
  std::thread third([&] {
    for (void* block : blocks) TableMemory::release(block, 200);
  });
  other.join();
  third.join();
  CHECK(good);
  CHECK(table_memory_bytes() == before);
}

TEST_CASE("table memory: a table that dies gives back what its routers and hosts took") {
  const size_t before = table_memory_bytes();
  std::shared_ptr<const RoutingTable> table;
  for (int version = 0; version < 3; ++version) {
    auto definitions = std::make_shared<Definitions>();
    definitions->provider = "file";
    for (int i = 0; i < 2000; ++i) {
      RouterDefinition router;
      router.name = "r" + std::to_string(i);
      router.rule = "Host(`h" + std::to_string(i * (version + 1)) + ".test`)";
      router.service = "s";
      definitions->routers.push_back(router);
    }
    table = build_table({std::shared_ptr<const Definitions>(definitions)}, table).table;
  }
  CHECK(table->routers().size() == 2000);
  table.reset();
  CHECK(table_memory_bytes() == before);
}

}  // namespace weir::routing
