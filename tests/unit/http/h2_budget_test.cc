#include "weir/http/h2_budget.h"

#include "catch.h"

using namespace weir::http;
using Cost = H2Budget::Cost;

TEST_CASE("h2 budget: a burst, then so many a second, each kind for itself") {
  H2Budget budget;
  uint64_t now_ms = 1000;
  for (size_t kind = 0; kind < H2Budget::kCosts; ++kind) {
    auto cost = static_cast<Cost>(kind);
    for (uint32_t i = 0; i < H2Budget::rate(cost).burst; ++i) REQUIRE(budget.spend(cost, now_ms));
    CHECK_FALSE(budget.spend(cost, now_ms));
  }
  CHECK_FALSE(budget.spend(Cost::ping, now_ms + 999));
  now_ms += 1000;
  for (uint32_t i = 0; i < H2Budget::rate(Cost::ping).a_second; ++i) REQUIRE(budget.spend(Cost::ping, now_ms));
  CHECK_FALSE(budget.spend(Cost::ping, now_ms));
  now_ms += 3'600'000;  // no more than the burst, however long it was quiet
  for (uint32_t i = 0; i < H2Budget::rate(Cost::ping).burst; ++i) REQUIRE(budget.spend(Cost::ping, now_ms));
  CHECK_FALSE(budget.spend(Cost::ping, now_ms));
}

TEST_CASE("h2 budget: window updates are earned by body, crumbs do not earn them") {
  H2Budget budget;
  for (uint32_t i = 0; i < H2Budget::rate(Cost::window_update).burst; ++i)
    REQUIRE(budget.spend(Cost::window_update, 1));
  for (int i = 0; i < 1023; ++i) budget.earn_by_body(1, false);
  CHECK_FALSE(budget.spend(Cost::window_update, 1));
  budget.earn_by_body(1, false);
  CHECK(budget.spend(Cost::window_update, 1));
  CHECK(budget.spend(Cost::window_update, 1));  // of the stream and of the connection
  CHECK_FALSE(budget.spend(Cost::window_update, 1));
}

TEST_CASE("h2 budget: a small message sent whole earns a PING and windows, one cut by a small window does not") {
  H2Budget budget;
  while (budget.spend(Cost::ping, 1)) {
  }
  while (budget.spend(Cost::window_update, 1)) {
  }
  for (int i = 0; i < 100; ++i) budget.earn_by_body(1, false);
  CHECK_FALSE(budget.spend(Cost::ping, 1));
  for (int i = 0; i < 3; ++i) {
    budget.earn_by_body(1, true);
    CHECK(budget.spend(Cost::ping, 1));
    CHECK(budget.spend(Cost::window_update, 1));
    CHECK(budget.spend(Cost::window_update, 1));
    CHECK_FALSE(budget.spend(Cost::ping, 1));
    CHECK_FALSE(budget.spend(Cost::window_update, 1));
  }
}
