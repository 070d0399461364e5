#pragma once
// From the address of an object of a table to what a worker keeps for it.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::proxy {

/// Saves the look-up by name that each request would need. Allocates nothing; two objects that fall into one slot take
/// turns. A worker's own. Addresses mean something only while their table lives: clear() with each new one.
template <typename Value>
class AddressCache {
 public:
  [[nodiscard]] Value* find(const void* address) const {
    const Slot& slot = slots_[slot_of(address)];
    return slot.address == address ? slot.value : nullptr;
  }
  void put(const void* address, Value& value) { slots_[slot_of(address)] = {address, &value}; }
  void clear() { slots_.fill({}); }

 private:
  static constexpr size_t kSlots = 512;
  struct Slot {
    const void* address = nullptr;
    Value* value = nullptr;
  };
  // Objects of a table are 100 bytes and more apart.
  static size_t slot_of(const void* address) {
    auto bits = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(address)) >> 5;
    return static_cast<size_t>((bits * 0x9E3779B97F4A7C15ULL) >> 55);  // the upper 9 bits: 512
  }
  std::array<Slot, kSlots> slots_{};
};

}  // namespace weir::proxy
