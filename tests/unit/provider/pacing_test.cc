#include "provider/pacing.h"

#include "catch.h"

using namespace weir;
using namespace weir::provider;

TEST_CASE("token bucket: a burst is free, then each permission costs its share of a second") {
  TokenBucket bucket(8, 20);
  for (int i = 0; i < 8; ++i) CHECK(bucket.take(1'000) == 0);
  CHECK(bucket.take(1'000) == 50);
  CHECK(bucket.take(1'050) == 50);  // the ninth used what has come in since
  CHECK(bucket.take(10'000) == 0);
}

TEST_CASE("token bucket: a long silence does not save up more than one burst") {
  TokenBucket bucket(2, 10);
  CHECK(bucket.take(1) == 0);
  CHECK(bucket.take(1'000'000) == 0);
  CHECK(bucket.take(1'000'000) == 0);
  CHECK(bucket.take(1'000'000) == 100);
}

TEST_CASE("token bucket: whoever waits as told gets the rate and not more") {
  TokenBucket bucket(8, 20);
  uint64_t now_ms = 5'000;
  int taken = 0;
  while (now_ms < 15'000) {
    now_ms += bucket.take(now_ms);
    ++taken;
  }
  CHECK(taken <= 8 + 20 * 10 + 1);
  CHECK(taken >= 20 * 10);
}

TEST_CASE("pacing: a busy server is left alone as long as it asks, for a minute at most") {
  CHECK(asked_pause_ms(429, "2") == 2'000);
  CHECK(asked_pause_ms(503, " 60 ") == 60'000);
  CHECK(asked_pause_ms(503, "61") == 60'000);
  CHECK(asked_pause_ms(429, "18446744073709551615") == 60'000);
  for (const char* text : {"", "0", "-1", "1.5", "18446744073709551616", "Sun, 22 Nov 2026 21:00:00 GMT"}) {
    INFO(text);
    CHECK(asked_pause_ms(429, text) == 0);
  }
  for (int status : {200, 404, 500, 502}) CHECK(asked_pause_ms(status, "2") == 0);
}

TEST_CASE("backoff: doubles up to its maximum, with at most half of it as jitter") {
  Random random(7);
  Backoff backoff(100, 10'000);
  for (uint64_t step : {100, 200, 400, 800, 1'600, 3'200, 6'400, 10'000, 10'000}) {
    const uint64_t delay = backoff.next_ms(random);
    CHECK(delay >= step / 2);
    CHECK(delay <= step);
  }
  backoff.reset();
  CHECK(backoff.next_ms(random) <= 100);
}

TEST_CASE("backoff: below a limit it stops growing, and goes on from there without it") {
  Random random(7);
  Backoff backoff(100, 10'000);
  for (int i = 0; i < 20; ++i) CHECK(backoff.next_ms(random, 2'000) <= 2'000);
  const uint64_t next = backoff.next_ms(random);
  CHECK(next >= 1'600);
  CHECK(next <= 3'200);
}

TEST_CASE("backoff: a million failures neither overflow nor stop waiting") {
  Random random(7);
  Backoff backoff(100, 10'000);
  for (int i = 0; i < 1'000'000; ++i) {
    const uint64_t delay = backoff.next_ms(random);
    if (delay < 50 || delay > 10'000) FAIL("delay " << delay << " after " << i << " failures");
  }
}
