#include "weir/routing/load_balancer.h"

#include <algorithm>
#include <map>
#include <random>

#include "catch.h"

using namespace weir::routing;

namespace {
Service service(const std::string& strategy, const std::vector<uint32_t>& weights) {
  Service out;
  out.strategy = strategy;
  for (uint32_t weight : weights) {
    Endpoint endpoint;
    endpoint.id = std::to_string(out.endpoints.size());
    endpoint.weight = weight;
    out.endpoints.push_back(endpoint);
  }
  return out;
}

std::vector<size_t> picks(Balancer& balancer, size_t count, const std::vector<uint32_t>& in_flight = {}) {
  std::vector<size_t> out;
  for (size_t i = 0; i < count; ++i) out.push_back(balancer.pick(in_flight, {}));
  return out;
}

long count_of(const std::vector<size_t>& all, size_t endpoint) { return std::count(all.begin(), all.end(), endpoint); }
using Order = std::vector<size_t>;
}  // namespace

TEST_CASE("balancer: wrr takes turns where weights are equal") {
  Balancer balancer(service("wrr", {1, 1, 1}), 0);
  CHECK(picks(balancer, 6) == Order{0, 1, 2, 0, 1, 2});
}

TEST_CASE("balancer: each seed begins at another endpoint") {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Balancer balancer(service("wrr", {1, 1, 1}), seed);
    CHECK(picks(balancer, 3) == Order{seed % 3, (seed + 1) % 3, (seed + 2) % 3});
  }
}

TEST_CASE("balancer: wrr gives each its weight in every cycle, spread out") {
  for (uint64_t seed : {0, 1, 2, 77}) {
    Balancer balancer(service("wrr", {5, 1, 1}), seed);
    for (int cycle = 0; cycle < 100; ++cycle) {
      auto all = picks(balancer, 7);
      CHECK(count_of(all, 0) == 5);
      CHECK(count_of(all, 1) == 1);
      CHECK(count_of(all, 2) == 1);
    }
  }
  // The two light ones stand apart, not one after the other at the end of the cycle.
  Balancer balancer(service("wrr", {5, 1, 1}), 0);
  auto all = picks(balancer, 7);
  auto first = std::find_if(all.begin(), all.end(), [](size_t one) { return one != 0; });
  REQUIRE(first + 1 < all.end());
  CHECK(*(first + 1) == 0);
}

namespace {
// Earliest deadline first as it is written down: every endpoint is asked for every request.
class PlainOrder {
 public:
  PlainOrder(const std::vector<uint32_t>& weights, uint64_t seed) {
    const size_t count = weights.size();
    for (size_t i = 0; i < count; ++i) {
      intervals_.push_back((uint64_t{1} << 32) / weights[i]);
      due_.push_back(intervals_[i] / count * ((i + count - seed % count) % count + 1));
    }
  }
  size_t pick(const ExcludedSet& tried) {
    size_t best = Balancer::npos;
    for (size_t i = 0; i < due_.size(); ++i) {
      if (!tried.contains(i) && (best == Balancer::npos || due_[i] < due_[best])) best = i;
    }
    if (best == Balancer::npos) return best;
    now_ = std::max(now_, due_[best]);
    due_[best] = std::max(due_[best] + intervals_[best], now_);
    return best;
  }

 private:
  std::vector<uint64_t> intervals_;
  std::vector<uint64_t> due_;
  uint64_t now_ = 0;
};
}  // namespace

TEST_CASE("balancer: wrr's rings give the order of a plain search for the earliest deadline, whoever is passed over") {
  std::mt19937 random(20261121);
  auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
  const std::vector<uint32_t> huge = {1, 2, 0x7fffffff, 0xfffffffe, 0xffffffff};
  for (int round = 0; round < 300; ++round) {
    const uint32_t kinds = 1 + below(5);
    std::vector<uint32_t> weights(1 + below(20));
    for (uint32_t& weight : weights) weight = round % 10 == 0 ? huge[below(5)] : 1 + below(kinds);
    const uint64_t seed = below(30);
    Balancer balancer(service("wrr", weights), seed);
    PlainOrder plain(weights, seed);
    ExcludedSet tried;
    for (int i = 0; i < 300; ++i) {
      if (below(4) == 0) tried = {};
      if (below(6) == 0) tried.add(below(static_cast<uint32_t>(weights.size())));
      const size_t expected = plain.pick(tried);
      INFO("round " << round << ", pick " << i);
      REQUIRE(balancer.pick({}, tried) == expected);
    }
  }
}

TEST_CASE("balancer: a new balancer goes on where the replaced one stood") {
  Balancer before(service("wrr", {1, 1, 1, 1}), 0);
  CHECK(picks(before, 6) == Order{0, 1, 2, 3, 0, 1});
  Balancer after(service("wrr", {1, 1, 1, 1}), before.position());
  CHECK(picks(after, 4) == Order{2, 3, 0, 1});
}

TEST_CASE("balancer: the dead, the weightless and the tried are not picked") {
  for (const char* strategy : {"wrr", "p2c"}) {
    INFO(strategy);
    Service one = service(strategy, {1, 1, 0, 1, 1});
    one.endpoints[1].live = false;
    Balancer balancer(one, 1);
    CHECK(balancer.live_count() == 3);
    ExcludedSet tried;
    std::vector<size_t> order;
    for (int i = 0; i < 3; ++i) {
      order.push_back(balancer.pick(std::vector<uint32_t>(5, 0), tried));
      REQUIRE(tried.add(order.back()));
    }
    std::sort(order.begin(), order.end());
    CHECK(order == Order{0, 3, 4});
    CHECK(balancer.pick({}, tried) == Balancer::npos);
    auto all = picks(balancer, 300);
    CHECK(count_of(all, 1) + count_of(all, 2) == 0);
    CHECK(count_of(all, 0) > 0);
    CHECK(count_of(all, 3) > 0);
    CHECK(count_of(all, 4) > 0);
  }
}

TEST_CASE("balancer: without a live endpoint there is none") {
  for (const char* strategy : {"wrr", "p2c"}) {
    Balancer empty(service(strategy, {}), 5);
    CHECK(empty.pick({}, {}) == Balancer::npos);
    CHECK(empty.position() == 5);
    Balancer single(service(strategy, {3}), 5);
    CHECK(single.pick({}, {}) == 0);
    CHECK(single.pick({}, {}) == 0);
  }
}

TEST_CASE("balancer: pain 40, an endpoint that was passed over for long has its share when it is back, and no burst") {
  Balancer balancer(service("wrr", {1, 1}), 0);
  ExcludedSet without_first;
  without_first.add(0);
  for (int i = 0; i < 1000; ++i) CHECK(balancer.pick({}, without_first) == 1);
  auto all = picks(balancer, 10);
  CHECK(count_of(all, 0) <= 6);
  CHECK(count_of(all, 0) >= 4);
  // By load: once its requests are over it is drawn as often as the others, however long it was the slow one.
  Balancer by_load(service("p2c", {1, 1, 1}), 9);
  CHECK(count_of(picks(by_load, 1000, {0, 9, 0}), 1) == 0);
  CHECK(count_of(picks(by_load, 1000), 1) > 250);
}

TEST_CASE("balancer: p2c always takes the less loaded of two, for their weight") {
  Balancer two(service("p2c", {1, 1}), 9);
  for (int i = 0; i < 50; ++i) CHECK(two.pick(std::vector<uint32_t>{3, 2}, {}) == 1);
  Balancer weighted(service("p2c", {1, 4}), 9);
  for (int i = 0; i < 50; ++i) CHECK(weighted.pick(std::vector<uint32_t>{1, 5}, {}) == 1);
  // The most loaded of many never wins a draw.
  Balancer many(service("p2c", {1, 1, 1, 1}), 9);
  auto all = picks(many, 1000, {0, 9, 0, 0});
  CHECK(count_of(all, 1) == 0);
  for (size_t endpoint : {0, 2, 3}) CHECK(count_of(all, endpoint) > 200);
}

TEST_CASE("balancer: p2c draws evenly and by its seed alone") {
  Balancer one(service("p2c", {1, 1, 1, 1, 1}), 42);
  Balancer same(service("p2c", {1, 1, 1, 1, 1}), 42);
  Balancer other(service("p2c", {1, 1, 1, 1, 1}), 43);
  auto all = picks(one, 5000);
  CHECK(all == picks(same, 5000));
  CHECK(all != picks(other, 5000));
  for (size_t endpoint = 0; endpoint < 5; ++endpoint) {
    CHECK(count_of(all, endpoint) > 850);  // 1,000 each in the mean; the standard deviation is some 28
    CHECK(count_of(all, endpoint) < 1150);
  }
}

TEST_CASE("balancer: a request is tried at most as often as the set holds") {
  ExcludedSet tried;
  CHECK(tried.empty());
  for (size_t i = 0; i < ExcludedSet::kEndpointsMax; ++i) CHECK(tried.add(i));
  CHECK_FALSE(tried.add(100));
  CHECK(tried.size() == ExcludedSet::kEndpointsMax);
  CHECK(tried.contains(7));
  CHECK_FALSE(tried.contains(100));
}
