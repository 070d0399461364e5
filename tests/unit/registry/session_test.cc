#include "catch.h"
#include "registry/kv_writes.h"
#include "registry/session_writes.h"
#include "store_fixture.h"

namespace weir::registry {
namespace {

constexpr const char* kId = "11111111-1111-1111-1111-111111111111";

struct SessionFixture : StoreFixture {
  SessionFixture() {
    REQUIRE(add_node("n1"));
    REQUIRE(add_check("n1", "serfHealth", "", kPassing));
  }
  Status create(Session session) {
    session.id = kId;
    if (session.node.empty()) session.node = "n1";
    return write([&](Transaction& tx) { return put_session(tx, session); });
  }
  void lock(const char* key) {
    REQUIRE(write([&](Transaction& tx) -> Status {
      REQUIRE(kv_lock(tx, {key, "v"}, kId).value());
      return {};
    }));
  }
  bool alive() { return store.tables().session(kId) != nullptr; }
};

}  // namespace

TEST_CASE("session: needs its node and checks that are not critical") {
  SessionFixture f;
  REQUIRE(f.add_check("n1", "sick", "", kCritical));
  CHECK(f.create({.node = "nope"}).error().message == "Missing node registration");
  CHECK(f.create({.node_checks = {"nope"}}).error().message == "Missing check 'nope' registration");
  CHECK(f.create({.node_checks = {"sick"}}).error().message == "Check 'sick' is in critical state");
  CHECK_FALSE(f.alive());
  CHECK(f.create({.node_checks = {"serfHealth"}}));
  CHECK(f.alive());
}

TEST_CASE("session: its end frees the keys it held and delays their next lock") {
  SessionFixture f;
  REQUIRE(f.create({}));
  f.lock("k");
  uint64_t before = f.store.tables().kv_entry("k")->stamps.modify_index;
  REQUIRE(f.write([](Transaction& tx) -> Status {
    end_session(tx, kId);
    return {};
  }));
  CHECK(f.store.tables().kv_entry("k")->session.empty());
  CHECK(f.store.tables().kv_entry("k")->stamps.modify_index > before);
  CHECK(f.store.lock_delayed("k"));
  f.clock.advance_ms(14'999);
  CHECK(f.store.lock_delayed("k"));
  f.clock.advance_ms(1);
  CHECK_FALSE(f.store.lock_delayed("k"));
}

TEST_CASE("session: with behaviour delete its end removes the keys it held") {
  SessionFixture f;
  REQUIRE(f.create({.behavior = Session::Behavior::remove}));
  f.lock("k");
  REQUIRE(f.write([](Transaction& tx) -> Status {
    end_session(tx, kId);
    return {};
  }));
  CHECK(f.store.tables().kv_entry("k") == nullptr);
  CHECK(f.store.lock_delayed("k"));
}

TEST_CASE("session: a lock is delayed for a minute at most") {
  SessionFixture f;
  REQUIRE(f.create({.lock_delay_ns = int64_t{3'600} * 1'000'000'000}));
  f.lock("k");
  REQUIRE(f.write([](Transaction& tx) -> Status {
    end_session(tx, kId);
    return {};
  }));
  f.clock.advance_ms(59'999);
  CHECK(f.store.lock_delayed("k"));
  f.clock.advance_ms(1);
  CHECK_FALSE(f.store.lock_delayed("k"));
}

TEST_CASE("session: ends with its node, with a listed check, and with a listed check going critical") {
  using Cause = std::function<void(SessionFixture&)>;
  Cause cause = GENERATE(Cause([](SessionFixture& f) { REQUIRE(f.add_check("n1", "c", "", kCritical)); }),
                         Cause([](SessionFixture& f) {
                           REQUIRE(f.write([](Transaction& tx) -> Status {
                             remove_check(tx, "n1", "c");
                             return {};
                           }));
                         }),
                         Cause([](SessionFixture& f) {
                           REQUIRE(f.write([](Transaction& tx) -> Status {
                             remove_node(tx, "N1");
                             return {};
                           }));
                         }));
  SessionFixture f;
  REQUIRE(f.add_check("n1", "c", "", kPassing));
  REQUIRE(f.create({.node_checks = {"c"}}));
  REQUIRE(f.add_check("n1", "c", "", kWarning));
  REQUIRE(f.add_check("n1", "unlisted", "", kCritical));
  REQUIRE(f.alive());
  cause(f);
  CHECK_FALSE(f.alive());
}

}  // namespace weir::registry
