// Which indexes each write moves: the matrix that a real Consul showed, with the per-node index of newer versions.

#include <map>
#include <sstream>

#include "catch.h"
#include "registry/kv_writes.h"
#include "registry/queries.h"
#include "registry/session_writes.h"
#include "store_fixture.h"

namespace weir::registry {
namespace {

/// The indexes a client sees, by the names of the transcript.
std::map<std::string, uint64_t> seen(const CatalogStore& store) {
  return {
      {"hs:A", service_index(store, "A", true)}, {"cs:A", service_index(store, "A", false)},
      {"hs:B", service_index(store, "B", true)}, {"hs:none", service_index(store, "none", true)},
      {"svcs", services_index(store)},           {"nodes", nodes_index(store)},
      {"node:e1", node_index(store, "e1")},      {"node:e2", node_index(store, "e2")},
      {"checks", checks_index(store)},           {"kv:x", kv_index(store, "x")},
      {"kvl:p/", kv_prefix_index(store, "p/")},  {"kvkeys", kv_prefix_index(store, "")},
      {"sess", sessions_index(store)},
  };
}

struct Probe {
  StoreFixture f;
  std::map<std::string, uint64_t> last = seen(f.store);

  /// The names whose index moved, sorted, and whether one went back.
  std::string moved() {
    std::map<std::string, uint64_t> now = seen(f.store);
    std::ostringstream names;
    for (const auto& [name, index] : now) {
      if (index != last[name]) names << (names.tellp() > 0 ? " " : "") << name << (index < last[name] ? "(back)" : "");
    }
    last = now;
    return names.str();
  }
  std::string after(const Status& status) {
    REQUIRE(status);
    return moved();
  }
  std::string kv(const std::function<void(Transaction&)>& change) {
    return after(f.write([&](Transaction& tx) -> Status {
      change(tx);
      return {};
    }));
  }
};

}  // namespace

TEST_CASE("index: catalog writes move what they moved in Consul, and identical ones nothing") {
  Probe p;
  StoreFixture& f = p.f;
  // Something must have died before, or the index of absent services follows the tables.
  REQUIRE(f.add_node("old"));
  REQUIRE(f.add_service("old", "old", "old"));
  REQUIRE(f.write([](Transaction& tx) -> Status {
    remove_node(tx, "old");
    return {};
  }));
  p.moved();

  CHECK(p.after(f.add_node("e1")) == "node:e1 nodes");
  CHECK(p.after(f.add_node("e1")) == "");
  CHECK(p.after(f.add_node("e2", "10.1.0.2")) == "node:e2 nodes");
  CHECK(p.after(f.add_service("e1", "A1", "A")) == "cs:A hs:A node:e1 svcs");
  CHECK(p.after(f.add_service("e1", "A1", "A")) == "");
  CHECK(p.after(f.add_service("e2", "A2", "A")) == "cs:A hs:A node:e2 svcs");
  CHECK(p.after(f.add_service("e1", "B1", "B")) == "hs:B node:e1 svcs");
  CHECK(p.after(f.add_check("e1", "cA", "A1", kPassing)) == "checks cs:A hs:A");
  CHECK(p.after(f.add_check("e1", "cA", "A1", kPassing)) == "");
  CHECK(p.after(f.add_check("e1", "cA", "A1", kPassing, "new")) == "checks cs:A hs:A");
  CHECK(p.after(f.add_check("e1", "cA", "A1", kCritical, "new")) == "checks cs:A hs:A");
  CHECK(p.after(f.add_check("e1", "nc", "", kPassing)) == "checks cs:A hs:A hs:B");
  CHECK(p.after(f.add_check("e1", "nc", "", kCritical)) == "checks cs:A hs:A hs:B");
  CHECK(p.after(f.add_check("e1", "nc", "A1", kCritical)) == "checks cs:A hs:A hs:B");  // B has a check less
  CHECK(p.after(f.add_check("e1", "nc", "", kCritical)) == "checks cs:A hs:A hs:B");
  auto without = [&](auto remove) { return p.kv(remove); };
  CHECK(without([](Transaction& tx) { remove_check(tx, "e1", "nc"); }) == "checks cs:A hs:A hs:B node:e1 svcs");
  CHECK(without([](Transaction& tx) { remove_check(tx, "e1", "cA"); }) == "checks cs:A hs:A");
  CHECK(p.after(f.add_node("e1", "10.1.0.11")) == "cs:A hs:A hs:B node:e1 nodes");
  CHECK(p.after(f.add_service("e1", "A1", "A", {"t"})) == "cs:A hs:A node:e1 svcs");
  CHECK(without([](Transaction& tx) { remove_service(tx, "e1", "A1"); }) == "checks cs:A hs:A node:e1 svcs");
  CHECK(without([](Transaction& tx) { remove_service(tx, "e2", "A2"); }) == "checks cs:A hs:A hs:none node:e2 svcs");
  CHECK(without([](Transaction& tx) { remove_service(tx, "e1", "B1"); }) ==
        "checks cs:A hs:A hs:B hs:none node:e1 svcs");
  CHECK(without([](Transaction& tx) { remove_service(tx, "e1", "B1"); }) == "");
  CHECK(without([](Transaction& tx) { remove_node(tx, "e1"); }) == "node:e1 nodes");
}

TEST_CASE("index: key-value writes move their key, its prefixes and the table") {
  Probe p;
  auto set = [&](const char* key, const char* value) {
    return p.kv([&](Transaction& tx) { kv_set(tx, {key, value}); });
  };
  auto remove = [&](const char* key) { return p.kv([&](Transaction& tx) { kv_remove(tx, key); }); };

  CHECK(set("x", "1") == "kv:x kvkeys kvl:p/");
  CHECK(set("x", "1") == "");
  CHECK(set("p/a", "1") == "kvkeys kvl:p/");
  CHECK(set("p/b", "1") == "kvkeys kvl:p/");
  CHECK(set("q", "1") == "kvkeys");
  CHECK(remove("p/b") == "kvkeys kvl:p/");
  CHECK(remove("x") == "kv:x kvkeys");
  CHECK(remove("x") == "");
  CHECK(p.kv([](Transaction& tx) { kv_remove_below(tx, "p/"); }) == "kv:x kvkeys kvl:p/");
  CHECK(remove("q") == "kv:x kvkeys");
}

TEST_CASE("index: sessions and locks move as in Consul") {
  Probe p;
  REQUIRE(p.f.add_node("n1"));
  p.kv([](Transaction& tx) { kv_set(tx, {"p/known", "1"}); });
  const std::string id = "11111111-1111-1111-1111-111111111111";
  CHECK(p.kv([&](Transaction& tx) { REQUIRE(put_session(tx, {.id = id, .node = "n1"})); }) == "sess");
  auto lock = [&](const char* value) {
    return p.kv([&](Transaction& tx) { CHECK(kv_lock(tx, {"x", value}, id).value_or(false)); });
  };
  CHECK(lock("v") == "kv:x kvkeys");
  CHECK(lock("v") == "");
  CHECK(lock("w") == "kv:x kvkeys");
  CHECK(p.kv([](Transaction& tx) { kv_set(tx, {"x", "z"}); }) == "kv:x kvkeys");
  CHECK(p.kv([&](Transaction& tx) {
    CHECK_FALSE(kv_unlock(tx, {"x", "z"}, "22222222-2222-2222-2222-222222222222"));
  }) == "");
  CHECK(p.kv([&](Transaction& tx) { end_session(tx, id); }) == "kv:x kvkeys sess");
}

TEST_CASE("index: a service that was never there follows the tables until some service dies out") {
  Probe p;
  CHECK(p.last["hs:none"] == 1);
  CHECK(p.after(p.f.add_node("e1")) == "cs:A hs:A hs:B hs:none node:e1 nodes");
}

TEST_CASE("index: an absent node's index never goes back") {
  Probe p;
  REQUIRE(p.f.add_node("e1"));
  uint64_t alive = node_index(p.f.store, "e1");
  REQUIRE(p.f.write([](Transaction& tx) -> Status {
    remove_node(tx, "e1");
    return {};
  }));
  CHECK(node_index(p.f.store, "e1") > alive);
}

TEST_CASE("index: what moves an index is also woken") {
  StoreFixture f;
  REQUIRE(f.add_node("e1"));
  REQUIRE(f.add_service("e1", "A1", "A"));
  struct Counter final : Waiter {
    void on_changed() override { ++woken; }
    int woken = 0;
  };
  Counter waiter;
  f.store.watchers().wait(waiter, service_resources(f.store, "A"));
  REQUIRE(f.add_service("e1", "B1", "B"));
  CHECK(waiter.woken == 0);
  REQUIRE(f.add_check("e1", "nc", "", kPassing));
  CHECK(waiter.woken == 1);
  f.store.watchers().wait(waiter, service_resources(f.store, "A"));
  REQUIRE(f.add_node("e1", "10.9.9.9"));
  CHECK(waiter.woken == 2);
  f.store.watchers().wait(waiter, service_resources(f.store, "A"));
  REQUIRE(f.write([](Transaction& tx) -> Status {
    remove_service(tx, "e1", "A1");
    return {};
  }));
  CHECK(waiter.woken == 3);
  f.store.watchers().wait(waiter, service_resources(f.store, "A"));
  REQUIRE(f.add_service("e1", "A1", "A"));
  CHECK(waiter.woken == 4);
}

}  // namespace weir::registry
