// The store's promise: nobody hears of a write before it is durable, and a failed commit leaves no trace.

#include "catch.h"
#include "registry/kv_writes.h"
#include "registry/queries.h"
#include "store_fixture.h"

namespace weir::registry {
namespace {

std::function<Status(Transaction&)> set(std::string key, std::string value) {
  return [=](Transaction& tx) -> Status {
    kv_set(tx, {key, value});
    return {};
  };
}

}  // namespace

TEST_CASE("store: a write is answered after its commit, and writes made meanwhile share the next one") {
  StoreFixture f;
  f.journal.hold = true;
  std::vector<std::string> order;
  for (const char* key : {"a", "b", "c"}) {
    f.store.write(set(key, "1"),
                  [&, key](const Status& status) { order.push_back(key + std::string(status ? "" : "!")); });
  }
  CHECK(order.empty());
  REQUIRE(f.journal.batches.size() == 1);
  CHECK(f.journal.batches[0].rows.size() == 1);
  f.journal.finish();
  CHECK(order == std::vector<std::string>{"a"});
  REQUIRE(f.journal.batches.size() == 2);
  CHECK(f.journal.batches[1].rows.size() == 2);
  f.journal.finish();
  CHECK(order == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("store: a read of what is not durable yet waits for it") {
  StoreFixture f;
  bool answered = false;
  f.store.when_durable([&](const Status&) { answered = true; });
  CHECK(answered);
  f.journal.hold = true;
  f.store.write(set("a", "1"), [](const Status&) {});
  answered = false;
  f.store.when_durable([&](const Status& status) { answered = status.has_value(); });
  CHECK_FALSE(answered);
  f.journal.finish();
  CHECK(answered);
}

TEST_CASE("store: watchers are woken by the commit, not by the write") {
  StoreFixture f;
  struct Flag final : Waiter {
    void on_changed() override { woken = true; }
    bool woken = false;
  };
  Flag waiter;
  f.store.watchers().wait(waiter, {{Resource::Kind::kv_key, "a"}});
  f.journal.hold = true;
  f.store.write(set("a", "1"), [](const Status&) {});
  CHECK_FALSE(waiter.woken);
  f.journal.finish();
  CHECK(waiter.woken);
}

TEST_CASE("store: a commit that fails takes back its batch and what was built on it") {
  StoreFixture f;
  REQUIRE(f.write(set("a", "old")));
  uint64_t index = f.store.last_index();
  f.journal.hold = true;
  std::vector<ErrorCode> errors;
  auto note = [&](const Status& status) { errors.push_back(status ? ErrorCode::cancelled : status.error().code); };
  f.store.write(set("a", "new"), note);
  f.store.write(set("b", "1"), note);
  f.store.when_durable(note);
  CHECK(f.store.tables().kv_entry("a")->value == "new");
  f.journal.finish(fail(ErrorCode::io, "disk full"));
  CHECK(errors == std::vector<ErrorCode>(3, ErrorCode::io));
  CHECK(f.store.tables().kv_entry("a")->value == "old");
  CHECK(f.store.tables().kv_entry("b") == nullptr);
  CHECK(f.store.last_index() == index);
  CHECK(kv_prefix_index(f.store, "") == index);

  f.store.write(set("b", "2"), note);
  f.journal.finish();
  CHECK(f.store.tables().kv_entry("b")->stamps.modify_index == index + 1);
}

TEST_CASE("store: of checks that are run otherwise it tells one by one, also when that was taken back") {
  StoreFixture f;
  std::vector<std::string> told;
  f.store.on_check_redefined([&](const std::string& id) { told.push_back(id); });
  REQUIRE(f.add_node("n"));
  const auto put = [](std::string id, std::string status, int64_t ttl_ns) {
    return [=](Transaction& tx) {
      Check check;
      check.node = "n";
      check.id = id;
      check.status = status;
      check.definition.kind = CheckDefinition::Kind::ttl;
      check.definition.ttl_ns = ttl_ns;
      return put_check(tx, check);
    };
  };
  REQUIRE(f.write(put("a", kPassing, 1)));
  REQUIRE(f.write(put("b", kPassing, 1)));
  REQUIRE(f.write(put("a", kCritical, 1)));
  CHECK(told == std::vector<std::string>{"a", "b"});
  REQUIRE(f.write(put("a", kCritical, 2)));
  f.journal.answer = fail(ErrorCode::io, "disk full");
  CHECK_FALSE(f.write(put("b", kPassing, 2)));
  f.journal.answer = {};
  REQUIRE(f.write([](Transaction& tx) -> Status {
    remove_node(tx, "n");
    return {};
  }));
  CHECK(told == std::vector<std::string>{"a", "b", "a", "b", "a", "b"});
}

TEST_CASE("store: a refused write leaves nothing behind and takes no number") {
  StoreFixture f;
  uint64_t index = f.store.last_index();
  Status status = f.write([](Transaction& tx) -> Status {
    kv_set(tx, {"a", "1"});
    put_node(tx, {.name = "n"});
    return fail(ErrorCode::invalid, "no");
  });
  CHECK(status.error().message == "no");
  CHECK(f.store.tables().kv().empty());
  CHECK(f.store.tables().nodes().empty());
  CHECK(f.store.last_index() == index);
  CHECK(nodes_index(f.store) == 1);
}

TEST_CASE("store: what was journaled loads again, and every index is above those handed out before") {
  StoreFixture f;
  REQUIRE(f.add_node("e1"));
  REQUIRE(f.add_service("e1", "A1", "A", {"t", "t"}));
  REQUIRE(f.add_check("e1", "c", "A1", kWarning, "out"));
  REQUIRE(f.write(set(std::string("k\0\xff", 3), std::string("v\0\xfe", 3))));
  REQUIRE(f.write(set("gone", "1")));
  REQUIRE(f.write([](Transaction& tx) -> Status {
    kv_remove(tx, "gone");
    return {};
  }));

  StoreFixture again;
  std::map<std::pair<uint8_t, std::string>, JournalRow> rows;
  for (const JournalBatch& batch : f.journal.batches) {
    for (const JournalRow& row : batch.rows) rows[{row.kind, row.key}] = row;
    again.journal.stored.last_index = batch.last_index;
  }
  for (const auto& [key, row] : rows) {
    if (row.row) again.journal.stored.rows.push_back(row);
  }
  CatalogStore reloaded(again.journal, again.clock);
  bool loaded = false;
  reloaded.load([&](const Status& status) { loaded = status.has_value(); });
  REQUIRE(loaded);
  CHECK(*reloaded.tables().node("e1") == *f.store.tables().node("e1"));
  CHECK(*reloaded.tables().service("e1", "A1") == *f.store.tables().service("e1", "A1"));
  CHECK(*reloaded.tables().check("e1", "c") == *f.store.tables().check("e1", "c"));
  CHECK(reloaded.tables().kv().size() == 1);
  CHECK(*reloaded.tables().kv_entry(std::string("k\0\xff", 3)) ==
        *f.store.tables().kv_entry(std::string("k\0\xff", 3)));
  for (uint64_t index : {service_index(reloaded, "A", true), service_index(reloaded, "none", true),
                         nodes_index(reloaded), kv_prefix_index(reloaded, "gone"), node_index(reloaded, "x")}) {
    CHECK(index > f.store.last_index());
  }
}

TEST_CASE("store: a row that cannot be read fails the load with its key") {
  FakeClock clock;
  FakeJournal journal;
  journal.stored.rows = {{0, "e1", R"({"name":"e1","surprise":1})"}};
  CatalogStore store(journal, clock);
  std::string error;
  store.load([&](const Status& status) { error = status ? "" : status.error().message; });
  CHECK(error == "row \"e1\" of kind 0: json: unknown field \"surprise\"");
  CHECK_FALSE(store.ready());
}

TEST_CASE("catalog: a check copies its service's name and tags, and follows them") {
  StoreFixture f;
  REQUIRE(f.add_node("e1"));
  REQUIRE(f.add_service("e1", "A1", "A", {"x"}));
  REQUIRE(f.add_check("e1", "c", "A1", kPassing));
  CHECK(f.store.tables().check("e1", "c")->service_tags == std::vector<std::string>{"x"});
  REQUIRE(f.add_service("e1", "A1", "B", {"y"}));
  CHECK(f.store.tables().check("e1", "c")->service_name == "B");
  CHECK(f.store.tables().check("e1", "c")->service_tags == std::vector<std::string>{"y"});
  CHECK(f.store.tables().instances("A").empty());
  CHECK(f.store.tables().instances("b").size() == 1);
}

TEST_CASE("catalog: a registration that fails half way leaves nothing") {
  StoreFixture f;
  Check check;
  check.id = "c";
  check.service_id = "nosvc";
  Status status = f.register_all({.node = {.name = "e1", .address = "1.2.3.4"}, .checks = {check}});
  CHECK(status.error().message == "failed inserting check: Missing service registration on node \"e1\"");
  CHECK(f.store.tables().nodes().empty());
  check.node = "other";
  status = f.register_all({.node = {.name = "e1", .address = "1.2.3.4"}, .checks = {check}});
  CHECK(status.error().message == "check node \"other\" does not match node \"e1\"");
}

}  // namespace weir::registry
