#include "weir/routing/load_balancer.h"

#include <algorithm>

namespace weir::routing {

namespace {

constexpr uint64_t kTurn = uint64_t{1} << 32;  // virtual time between two turns of an endpoint of weight 1

// splitmix64: one multiplication chain per number, good enough to draw endpoints by.
uint64_t next_random(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

// Uniform enough below `bound`: the high half of a product, without a division.
size_t random_below(uint64_t& state, size_t bound) { return ((next_random(state) >> 32) * bound) >> 32; }

}  // namespace

Balancer::Balancer(const Service& service, uint64_t seed)
    : position_(seed), random_(seed), least_loaded_(service.strategy == "p2c") {
  for (size_t i = 0; i < service.endpoints.size(); ++i) {
    const Endpoint& endpoint = service.endpoints[i];
    if (!endpoint.live || endpoint.weight == 0) continue;
    slots_.push_back({0, kTurn / endpoint.weight, static_cast<uint32_t>(i), endpoint.weight});
  }
  if (least_loaded_ || slots_.empty()) return;
  // First turns at different parts of each one's interval, so that endpoints of equal weight take turns from the
  // beginning and a heavy one does not begin with a burst.
  uint64_t count = slots_.size();
  uint64_t start = seed % count;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t turn = (i + count - start) % count + 1;
    slots_[i].deadline = slots_[i].interval / count * turn;
  }
  for (size_t at = slots_.size(); at-- > 0;) sift_down(at);
}

size_t Balancer::pick(std::span<const uint32_t> in_flight, const ExcludedSet& tried) {
  size_t picked = least_loaded_ ? pick_least_loaded(in_flight, tried) : pick_in_turn(tried);
  if (picked != npos) ++position_;
  return picked;
}

size_t Balancer::pick_in_turn(const ExcludedSet& tried) {
  size_t best = npos;
  if (tried.empty()) {
    best = slots_.empty() ? npos : 0;
  } else {
    for (size_t at = 0; at < slots_.size(); ++at) {
      if (tried.contains(slots_[at].endpoint)) continue;
      if (best == npos || before(slots_[at], slots_[best])) best = at;
    }
  }
  if (best == npos) return npos;
  Slot& slot = slots_[best];
  size_t picked = slot.endpoint;
  // One that was passed over for long gets its next turn in time, not all the turns it missed.
  now_ = std::max(now_, slot.deadline);
  slot.deadline = std::max(slot.deadline + slot.interval, now_);
  sift_down(best);
  return picked;
}

size_t Balancer::pick_least_loaded(std::span<const uint32_t> in_flight, const ExcludedSet& tried) {
  size_t remaining = slots_.size();
  if (!tried.empty()) {
    remaining = static_cast<size_t>(
        std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return !tried.contains(slot.endpoint); }));
  }
  if (remaining == 0) return npos;
  const Slot& first = slots_[draw(remaining, tried, npos)];
  if (remaining == 1) return first.endpoint;
  const Slot& second = slots_[draw(remaining - 1, tried, first.endpoint)];
  auto load = [&](const Slot& slot) {
    return uint64_t{slot.endpoint < in_flight.size() ? in_flight[slot.endpoint] : 0U} + 1;
  };
  // load / weight, without the division.
  return load(second) * first.weight < load(first) * second.weight ? second.endpoint : first.endpoint;
}

// The slot that is drawn among the `remaining` that are neither excluded nor the endpoint `other`.
size_t Balancer::draw(size_t remaining, const ExcludedSet& tried, size_t other) {
  size_t left = random_below(random_, remaining);
  if (tried.empty()) {
    if (other == npos) return left;
    // Slots stand in the order of their endpoints here, so those from `other` on move by one.
    return slots_[left].endpoint < other ? left : left + 1;
  }
  for (size_t at = 0; at < slots_.size(); ++at) {
    if (tried.contains(slots_[at].endpoint) || slots_[at].endpoint == other) continue;
    if (left-- == 0) return at;
  }
  return 0;
}

void Balancer::sift_down(size_t at) {
  while (true) {
    size_t least = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < slots_.size(); ++child) {
      if (before(slots_[child], slots_[least])) least = child;
    }
    if (least == at) return;
    std::swap(slots_[at], slots_[least]);
    at = least;
  }
}

bool Balancer::before(const Slot& a, const Slot& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.endpoint < b.endpoint;
}

}  // namespace weir::routing
