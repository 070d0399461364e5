#pragma once
// From a service of a table to what a worker keeps for it.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/routing/table.h"

namespace weir::proxy {

/// Saves the look-up by name that each request would need. Allocates nothing but in make_room(); services that fall
/// into one place take turns. A worker's own. `State::service` keeps the service it is brought up to: while it does, no
/// other can have its address, so tables may come and go. clear() before a state dies.
template <typename State>
class ServiceCache {
 public:
  static constexpr size_t kPlacesMax = size_t{1} << 16;  // half a megabyte

  /// The state that is of that very version of the service, or null: not known.
  [[nodiscard]] State* find(const routing::Service& service) const {
    State* state = places_[place_of(&service)];
    return state != nullptr && state->service.get() == &service ? state : nullptr;
  }
  void put(State& state) { places_[place_of(state.service.get())] = &state; }
  void clear() { std::fill(places_.begin(), places_.end(), nullptr); }
  /// So that few of so many services share a place.
  void make_room(size_t services) {
    const size_t wanted = std::min(std::bit_ceil(services * 2), kPlacesMax);
    if (wanted > places_.size()) places_.assign(wanted, nullptr);
  }

 private:
  [[nodiscard]] size_t place_of(const routing::Service* service) const {
    // Objects of a table are 100 bytes and more apart.
    const uint64_t bits = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(service)) >> 5;
    return static_cast<size_t>((bits * 0x9E3779B97F4A7C15ULL) >> 32) & (places_.size() - 1);
  }
  std::vector<State*> places_ = std::vector<State*>(512);  // a power of two of them
};

}  // namespace weir::proxy
