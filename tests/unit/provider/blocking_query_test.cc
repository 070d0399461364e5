#include "provider/blocking_query.h"

#include "catch.h"
#include "scripted_catalog.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

constexpr uint64_t kHourMs = 3'600'000;

/// A query that, once it has failed, would wait for an hour.
struct QueryWorld {
  event::Loop loop;
  ScriptedCatalog catalog{loop};
  Random random{7};
  int back = 0;
  int answers = 0;
  int failures = 0;
  SourceLink link{loop, {.addresses = {*Url::parse(catalog.url())}}, [] {}, [this] { ++back; }};
  BlockingQuery query{loop,
                      link,
                      random,
                      {.backoff_first_ms = kHourMs, .backoff_max_ms = kHourMs, .backoff_refused_ms = kHourMs},
                      {.path = "/v1/catalog/services"},
                      [this](const QueryAnswer&) -> Status {
                        ++answers;
                        return {};
                      },
                      [this](const Error&) { ++failures; }};

  bool until(const int& count, int wanted) {
    return run_until(loop, [&] { return count == wanted; });
  }
};

}  // namespace

TEST_CASE("blocking query: one that was refused asks at once when it is told that the address answers") {
  QueryWorld world;
  world.catalog.stop_listening();
  world.query.start();
  REQUIRE(world.until(world.failures, 1));
  world.catalog.listen_again();
  world.query.wake();
  CHECK(world.until(world.answers, 1));
  CHECK(world.back == 1);
}

TEST_CASE("blocking query: one whose resource is in trouble goes on backing off when the address answers") {
  QueryWorld world;
  world.catalog.lie = [](const auto&, const auto& to) {
    to->respond({500, {}, ""});
    return true;
  };
  world.query.start();
  REQUIRE(world.until(world.failures, 1));
  world.catalog.requests.clear();
  world.query.wake();
  run_for(world.loop, 200);
  CHECK(world.catalog.requests.empty());
}

TEST_CASE("catalog link: it is said once that the address is back, and only after failures") {
  QueryWorld world;
  world.link.note_success(world.link.generation());
  CHECK(world.back == 0);
  world.link.note_failure(world.link.generation(), false);
  world.link.note_failure(world.link.generation(), false);
  world.link.note_success(world.link.generation() + 1);
  CHECK(world.back == 0);
  world.link.note_success(world.link.generation());
  world.link.note_success(world.link.generation());
  CHECK(world.back == 1);
}
