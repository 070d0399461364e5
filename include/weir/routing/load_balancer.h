#pragma once
// Which endpoint gets the next request. Pure state machines: no clock, no lock, no randomness but the seed's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "weir/routing/table.h"

namespace weir::routing {

/// The endpoints one request has tried already, by index. A value on the Exchange; allocates nothing.
class ExcludedSet {
 public:
  static constexpr size_t kEndpointsMax = 8;

  /// False when it is full: then the request has been tried often enough.
  bool add(size_t endpoint) {
    if (size_ == kEndpointsMax) return false;
    endpoints_[size_++] = static_cast<uint32_t>(endpoint);
    return true;
  }
  [[nodiscard]] bool contains(size_t endpoint) const {
    for (size_t i = 0; i < size_; ++i) {
      if (endpoints_[i] == endpoint) return true;
    }
    return false;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  std::array<uint32_t, kEndpointsMax> endpoints_{};
  size_t size_ = 0;
};

/// Picks among the live endpoints of one Service by its strategy. Owned by the worker's state of that service, one per
/// worker; that worker's thread only. It copies what it needs, so the Service may die first. Indexes are positions in
/// Service::endpoints. An endpoint that is not live, or whose weight is 0, is never picked.
///   "wrr": earliest deadline first over 1 / weight. In each full cycle every endpoint is picked exactly as often as
///          its weight says, spread out and not in bursts. O(log of how many different weights there are); with
///          excluded endpoints O(n).
///   "p2c": of two different ones drawn at random, the one with fewer requests in flight for its weight. O(1); with
///          excluded endpoints O(n).
class Balancer {
 public:
  static constexpr size_t npos = std::numeric_limits<size_t>::max();

  /// `seed` says where to begin: workers pass their index, so that they do not all begin at the same endpoint. When a
  /// service changes, pass position() of the balancer that is replaced, to go on where it stood.
  Balancer(const Service& service, uint64_t seed);

  /// The endpoint for the next request, or npos when none is left. `in_flight` stands in parallel to
  /// Service::endpoints (used by p2c; wrr takes an empty one). Allocates nothing.
  size_t pick(std::span<const uint32_t> in_flight, const ExcludedSet& tried);

  [[nodiscard]] uint64_t position() const { return position_; }
  /// How many endpoints may be picked.
  [[nodiscard]] size_t live_count() const { return least_loaded_ ? slots_.size() : turns_.size(); }

 private:
  struct Slot {
    uint32_t endpoint = 0;
    uint32_t weight = 1;
  };
  struct Turn {
    uint64_t deadline = 0;  // virtual time of the endpoint's next turn
    uint32_t endpoint = 0;
  };
  // Endpoints of one weight. They take turns in a ring: whoever had its turn is the last of them.
  struct Peers {
    Turn next;              // of the first of them
    uint64_t interval = 0;  // virtual time between two turns of one: 2^32 / weight
    uint32_t begin = 0;     // of turns_
    uint32_t count = 0;
    uint32_t first = 0;  // where the ring begins
  };

  void form_rings();
  size_t pick_in_turn(const ExcludedSet& tried);
  size_t pick_untried(const ExcludedSet& tried);
  [[nodiscard]] Turn& turn(const Peers& peers, uint32_t place);
  size_t take_turn(Peers& peers, uint32_t place);
  size_t pick_least_loaded(std::span<const uint32_t> in_flight, const ExcludedSet& tried);
  size_t draw(size_t remaining, const ExcludedSet& tried, size_t other);
  void sift_down(size_t at);
  [[nodiscard]] static bool before(const Turn& a, const Turn& b);

  std::vector<Slot> slots_;   // of p2c: in the order of the endpoints
  std::vector<Peers> peers_;  // of wrr: a binary heap by their next turns
  std::vector<Turn> turns_;   // of all peers, a ring each, by deadline
  uint64_t position_ = 0;     // seed and picks so far
  uint64_t random_ = 0;
  uint64_t now_ = 0;  // the latest deadline served
  bool least_loaded_ = false;
};

}  // namespace weir::routing
