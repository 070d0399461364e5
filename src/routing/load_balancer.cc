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
    if (endpoint.live && endpoint.weight > 0) slots_.push_back({static_cast<uint32_t>(i), endpoint.weight});
  }
  if (least_loaded_ || slots_.empty()) return;
  form_rings();
  slots_ = {};
}

void Balancer::form_rings() {
  struct First {
    uint64_t interval;
    Turn turn;
  };
  std::vector<First> all;
  // First turns at different parts of each one's interval, so that endpoints of equal weight take turns from the
  // beginning and a heavy one does not begin with a burst.
  const uint64_t count = slots_.size();
  const uint64_t start = position_ % count;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t interval = kTurn / slots_[i].weight;
    all.push_back({interval, {interval / count * ((i + count - start) % count + 1), slots_[i].endpoint}});
  }
  std::sort(all.begin(), all.end(), [](const First& a, const First& b) {
    return a.interval != b.interval ? a.interval < b.interval : before(a.turn, b.turn);
  });
  for (const First& one : all) {
    if (peers_.empty() || peers_.back().interval != one.interval) {
      peers_.push_back({one.turn, one.interval, static_cast<uint32_t>(turns_.size()), 0, 0});
    }
    turns_.push_back(one.turn);
    ++peers_.back().count;
  }
  for (size_t at = peers_.size(); at-- > 0;) sift_down(at);
}

size_t Balancer::pick(std::span<const uint32_t> in_flight, const ExcludedSet& tried) {
  size_t picked = least_loaded_ ? pick_least_loaded(in_flight, tried) : pick_in_turn(tried);
  if (picked != npos) ++position_;
  return picked;
}

size_t Balancer::pick_in_turn(const ExcludedSet& tried) {
  if (!tried.empty()) return pick_untried(tried);
  if (peers_.empty()) return npos;
  const size_t picked = take_turn(peers_.front(), 0);
  sift_down(0);
  return picked;
}

size_t Balancer::pick_untried(const ExcludedSet& tried) {
  Peers* best = nullptr;
  uint32_t best_place = 0;
  for (Peers& peers : peers_) {
    uint32_t place = 0;
    while (place < peers.count && tried.contains(turn(peers, place).endpoint)) ++place;
    if (place == peers.count) continue;
    if (best != nullptr && !before(turn(peers, place), turn(*best, best_place))) continue;
    best = &peers;
    best_place = place;
  }
  if (best == nullptr) return npos;
  const size_t picked = take_turn(*best, best_place);
  for (size_t at = peers_.size(); at-- > 0;) sift_down(at);
  return picked;
}

Balancer::Turn& Balancer::turn(const Peers& peers, uint32_t place) {
  const uint32_t at = peers.first + place;
  return turns_[peers.begin + (at < peers.count ? at : at - peers.count)];
}

// Gives the endpoint at that place of the ring its turn, and puts it where its next one is due.
size_t Balancer::take_turn(Peers& peers, uint32_t place) {
  Turn taken = turn(peers, place);
  const size_t picked = taken.endpoint;
  // One that was passed over for long gets its next turn in time, not all the turns it missed.
  now_ = std::max(now_, taken.deadline);
  taken.deadline = std::max(taken.deadline + peers.interval, now_);
  const uint32_t last = peers.count - 1;
  if (place == 0) {
    peers.first = peers.first == last ? 0 : peers.first + 1;  // its place is the last one now
  } else {
    for (uint32_t at = place; at < last; ++at) turn(peers, at) = turn(peers, at + 1);
  }
  uint32_t at = last;
  for (; at > 0 && before(taken, turn(peers, at - 1)); --at) turn(peers, at) = turn(peers, at - 1);
  turn(peers, at) = taken;
  peers.next = turn(peers, 0);
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
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < peers_.size(); ++child) {
      if (before(peers_[child].next, peers_[least].next)) least = child;
    }
    if (least == at) return;
    std::swap(peers_[at], peers_[least]);
    at = least;
  }
}

bool Balancer::before(const Turn& a, const Turn& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.endpoint < b.endpoint;
}

}  // namespace weir::routing
