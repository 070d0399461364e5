// What decides whether a request is sent again, and when a connection is too old for one.

#include "catch.h"
#include "proxy/keep_alive.h"
#include "proxy/retry_budget.h"
#include "proxy/retry_policy.h"

using namespace weir;
using namespace weir::proxy;
using http::Method;

TEST_CASE("retry policy: each reason is of its own, and a method must allow it") {
  config::RetryConfig config;
  config.on = {"closed", "503"};
  RetryPolicy policy(config);
  CHECK(policy.repeats(ProxyError::upstream_closed, Method::get));
  CHECK_FALSE(policy.repeats(ProxyError::response_timeout, Method::get));
  CHECK_FALSE(policy.repeats(ProxyError::upstream_malformed, Method::get));
  CHECK(policy.refuses(503));
  CHECK_FALSE(policy.refuses(502));
  CHECK_FALSE(policy.refuses(200));
  for (Method method : {Method::put, Method::del, Method::post, Method::patch, Method::other}) {
    CHECK_FALSE(policy.repeats(ProxyError::upstream_closed, method));
  }
  config.idempotent_methods = true;
  RetryPolicy more(config);
  for (Method method : {Method::put, Method::del}) CHECK(more.repeats(ProxyError::upstream_closed, method));
  for (Method method : {Method::post, Method::patch, Method::other}) {
    CHECK_FALSE(more.repeats(ProxyError::upstream_closed, method));
  }
  config.on = {};
  CHECK_FALSE(RetryPolicy(config).repeats(ProxyError::upstream_closed, Method::get));
}

TEST_CASE("retry budget: a share of the requests, and some a second whatever the share") {
  config::RetryConfig config;
  config.budget_percent = 20;
  config.budget_per_s_min = 2;
  RetryBudget budget;
  uint64_t now_ms = 5'000;
  CHECK(budget.take(config, now_ms));
  CHECK(budget.take(config, now_ms));
  CHECK_FALSE(budget.take(config, now_ms + 999));
  for (int i = 0; i < 4; ++i) budget.note_request(config);
  CHECK_FALSE(budget.take(config, now_ms + 999));
  budget.note_request(config);
  CHECK(budget.take(config, now_ms + 999));
  CHECK_FALSE(budget.take(config, now_ms + 999));
  CHECK(budget.take(config, now_ms + 1000));  // another second
  // What a quiet time saves has a limit: 100 and this second's other one.
  for (int i = 0; i < 100'000; ++i) budget.note_request(config);
  int taken = 0;
  while (budget.take(config, now_ms + 1000)) ++taken;
  CHECK(taken == 101);
}

TEST_CASE("retry budget: 0 and 0 is none") {
  config::RetryConfig config;
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.note_request(config);
  CHECK_FALSE(budget.take(config, 1));
}

TEST_CASE("keep-alive: a connection is given up before what the endpoint announces") {
  KeepAlive keep_alive;
  CHECK(keep_alive.retire_after_ms(30'000, 0) == 30'000);
  CHECK(keep_alive.retire_after_ms(0, 0) == 0);
  keep_alive.note_announced(5);
  CHECK(keep_alive.retire_after_ms(30'000, 0) == 4'000);
  CHECK(keep_alive.retire_after_ms(0, 0) == 4'000);
  CHECK(keep_alive.retire_after_ms(3'000, 0) == 3'000);
  keep_alive.note_announced(60);
  CHECK(keep_alive.retire_after_ms(30'000, 0) == 30'000);
  keep_alive.note_announced(1);
  CHECK(keep_alive.retire_after_ms(30'000, 0) == 750);
}

TEST_CASE("keep-alive: two closes at the same age tell the limit, one does not, and it is forgotten") {
  KeepAlive keep_alive;
  keep_alive.note_closed(5'010, 100'000);
  CHECK(keep_alive.retire_after_ms(30'000, 100'000) == 30'000);
  keep_alive.note_closed(9'000, 101'000);
  CHECK(keep_alive.retire_after_ms(30'000, 101'000) == 30'000);
  keep_alive.note_closed(9'100, 103'000);
  CHECK(keep_alive.retire_after_ms(30'000, 103'000) == 8'000);
  CHECK(keep_alive.retire_after_ms(30'000, 103'000 + 599'999) == 8'000);
  CHECK(keep_alive.retire_after_ms(30'000, 103'000 + 600'000) == 30'000);
}

TEST_CASE("keep-alive: a restart that closes all connections tells nothing, nor does one that closes young ones") {
  KeepAlive keep_alive;
  for (uint64_t idle_ms : {5'000, 5'010, 5'020, 700, 710}) keep_alive.note_closed(idle_ms, 100'000);
  CHECK(keep_alive.retire_after_ms(30'000, 100'000) == 30'000);
  KeepAlive young;
  for (uint64_t at_ms : {1'000, 2'000, 3'000}) young.note_closed(499, at_ms);
  CHECK(young.retire_after_ms(30'000, 3'000) == 30'000);
}
