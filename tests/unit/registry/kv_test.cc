#include "catch.h"
#include "registry/kv_writes.h"
#include "registry/session_writes.h"
#include "store_fixture.h"

namespace weir::registry {
namespace {

constexpr const char* kMine = "11111111-1111-1111-1111-111111111111";
constexpr const char* kOther = "22222222-2222-2222-2222-222222222222";

struct KvFixture : StoreFixture {
  KvFixture() {
    REQUIRE(add_node("n1"));
    REQUIRE(write([](Transaction& tx) -> Status {
      REQUIRE(put_session(tx, {.id = kMine, .node = "n1"}));
      return put_session(tx, {.id = kOther, .node = "n1"});
    }));
  }
  template <typename F>
  bool done(F change) {
    bool answer = false;
    REQUIRE(write([&](Transaction& tx) -> Status {
      answer = change(tx);
      return {};
    }));
    return answer;
  }
  bool lock(const char* value, const char* session) {
    return done([&](Transaction& tx) { return kv_lock(tx, {"k", value}, session).value(); });
  }
  const KvEntry& entry() { return *store.tables().kv_entry("k"); }
};

}  // namespace

TEST_CASE("kv: a dead or malformed session cannot lock") {
  KvFixture f;
  auto error_of = [&](const std::string& session) {
    std::string text;
    f.done([&](Transaction& tx) {
      text = kv_lock(tx, {"k", "v"}, session).error().message;
      return true;
    });
    return text;
  };
  CHECK(error_of("bad") == "failed session lookup: index error: UUID must be 36 characters");
  CHECK(error_of("33333333-3333-3333-3333-333333333333") == "invalid session \"33333333-3333-3333-3333-333333333333\"");
  CHECK(f.store.tables().kv_entry("k") == nullptr);
}

TEST_CASE("kv: a check-and-set needs the entry's own index, and 0 needs its absence") {
  KvFixture f;
  auto cas = [&](const char* value, uint64_t index) {
    return f.done([&](Transaction& tx) { return kv_set_if(tx, {"k", value}, index); });
  };
  CHECK_FALSE(cas("a", 7));
  CHECK(cas("a", 0));
  CHECK_FALSE(cas("b", 0));
  uint64_t at = f.entry().stamps.modify_index;
  CHECK_FALSE(cas("b", at + 1));
  CHECK(cas("b", at));
  CHECK(f.entry().value == "b");
  CHECK_FALSE(f.done([&](Transaction& tx) { return kv_remove_if(tx, "k", at); }));
  CHECK(f.done([&](Transaction& tx) { return kv_remove_if(tx, "k", f.entry().stamps.modify_index); }));
  CHECK(f.done([&](Transaction& tx) { return kv_remove_if(tx, "k", 5); }));
}

TEST_CASE("kv: one session holds a lock at a time, and the lock index counts acquisitions") {
  KvFixture f;
  CHECK(f.lock("v", kMine));
  CHECK(f.lock("w", kMine));
  CHECK(f.entry().lock_index == 1);
  CHECK_FALSE(f.lock("x", kOther));
  CHECK(f.entry().value == "w");
  CHECK_FALSE(f.done([](Transaction& tx) { return kv_unlock(tx, {"k", "x"}, kOther); }));
  CHECK(f.done([](Transaction& tx) { return kv_unlock(tx, {"k", "x"}, kMine); }));
  CHECK(f.entry().session.empty());
  CHECK(f.entry().lock_index == 1);
  CHECK(f.lock("y", kOther));
  CHECK(f.entry().lock_index == 2);
}

TEST_CASE("kv: a plain write passes a lock by and leaves the holder") {
  KvFixture f;
  CHECK(f.lock("v", kMine));
  f.done([](Transaction& tx) {
    kv_set(tx, {"k", "plain", 9});
    return true;
  });
  CHECK(f.entry().session == kMine);
  CHECK(f.entry().lock_index == 0);
  CHECK(f.entry().flags == 9);
}

TEST_CASE("kv: removing a prefix is by text, not by path") {
  KvFixture f;
  for (const char* key : {"a", "a/b", "ab", "b"}) {
    f.done([&](Transaction& tx) {
      kv_set(tx, {key, "1"});
      return true;
    });
  }
  f.done([](Transaction& tx) {
    kv_remove_below(tx, "a");
    return true;
  });
  CHECK(f.store.tables().kv().size() == 1);
  CHECK(f.store.tables().kv_entry("b") != nullptr);
}

TEST_CASE("kv: forgotten tombstones leave no index lower than it was") {
  KvFixture f;
  uint64_t highest = 0;
  for (size_t i = 0; i <= CatalogStore::kTombstonesMax + 1; ++i) {
    std::string key = "p" + std::to_string(i) + "/";
    f.done([&](Transaction& tx) {
      kv_set(tx, {key, "1"});
      return true;
    });
    f.done([&](Transaction& tx) {
      kv_remove(tx, key);
      return true;
    });
    if (i == 0) highest = f.store.index_of_prefix("p0/");
  }
  CHECK(f.store.tables().tombstones().size() <= CatalogStore::kTombstonesMax);
  CHECK(f.store.index_of_prefix("p0/") >= highest);
}

}  // namespace weir::registry
