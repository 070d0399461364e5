#include "registry/watchers.h"

#include <functional>
#include <memory>

#include "catch.h"

namespace weir::registry {
namespace {

using Kind = Resource::Kind;

struct Probe final : Waiter {
  void on_changed() override {
    ++woken;
    if (then) then();
  }
  int woken = 0;
  std::function<void()> then;
};

}  // namespace

TEST_CASE("watchers: a waiter is woken once for many changes, and only for its own") {
  Watchers watchers;
  Probe a, b;
  watchers.wait(a, {{Kind::nodes}, {Kind::services}});
  watchers.wait(b, {{Kind::service, "x"}});
  watchers.notify({{Kind::services}, {Kind::nodes}, {Kind::service, "y"}});
  CHECK(a.woken == 1);
  CHECK(b.woken == 0);
  CHECK(watchers.count() == 1);
  watchers.notify({{Kind::nodes}});
  CHECK(a.woken == 1);
}

TEST_CASE("watchers: a woken waiter may wait again without being woken twice") {
  Watchers watchers;
  Probe a;
  a.then = [&] { watchers.wait(a, {{Kind::nodes}}); };
  watchers.wait(a, {{Kind::nodes}});
  watchers.notify({{Kind::nodes}});
  CHECK(a.woken == 1);
  CHECK(a.waiting());
  watchers.notify({{Kind::nodes}});
  CHECK(a.woken == 2);
}

TEST_CASE("watchers: a waiter may destroy itself and others while woken") {
  Watchers watchers;
  auto a = std::make_unique<Probe>();
  auto b = std::make_unique<Probe>();
  a->then = [&] { b.reset(); };
  b->then = [&] { a.reset(); };
  watchers.wait(*a, {{Kind::nodes}});
  watchers.wait(*b, {{Kind::nodes}});
  watchers.notify({{Kind::nodes}});
  CHECK((a != nullptr) != (b != nullptr));
  CHECK(watchers.count() == 0);
}

TEST_CASE("watchers: a key wakes the prefixes it begins with") {
  Watchers watchers;
  Probe all, folder, key, sibling;
  watchers.wait(all, {{Kind::kv_prefix, ""}});
  watchers.wait(folder, {{Kind::kv_prefix, "a/"}});
  watchers.wait(key, {{Kind::kv_prefix, "a/b"}});
  watchers.wait(sibling, {{Kind::kv_prefix, "a/c"}});
  watchers.notify({{Kind::kv_key, "a/b"}});
  CHECK(all.woken == 1);
  CHECK(folder.woken == 1);
  CHECK(key.woken == 1);
  CHECK(sibling.woken == 0);
}

// Each of its lengths looked up would be some 10^13 bytes to copy and hash: this ends within a day, or at once.
TEST_CASE("watchers: a key of megabytes costs what is watched, not its length squared") {
  Watchers watchers;
  const std::string key(4'000'000, 'k');
  Probe half, longer;
  watchers.wait(half, {{Kind::kv_prefix, key.substr(0, key.size() / 2)}});
  watchers.wait(longer, {{Kind::kv_prefix, key + "k"}});
  watchers.notify({{Kind::kv_key, key}});
  CHECK(half.woken == 1);
  CHECK(longer.woken == 0);
}

TEST_CASE("watchers: of prefixes of one length each is woken by its own key, and one that has left by none") {
  Watchers watchers;
  Probe a, b;
  auto left = std::make_unique<Probe>();
  watchers.wait(a, {{Kind::kv_prefix, "a/"}});
  watchers.wait(b, {{Kind::kv_prefix, "b/"}, {Kind::kv_prefix, ""}});
  watchers.wait(*left, {{Kind::kv_prefix, "a/"}});
  left.reset();
  watchers.notify({{Kind::kv_key, "a/x"}});
  CHECK(a.woken == 1);
  CHECK(b.woken == 1);  // by ""
  watchers.wait(b, {{Kind::kv_prefix, "b/"}});
  watchers.notify({{Kind::kv_key, "a/x"}, {Kind::kv_key, "b/x"}});
  CHECK(a.woken == 1);
  CHECK(b.woken == 2);
}

TEST_CASE("watchers: destroying a waiter leaves nothing behind") {
  Watchers watchers;
  {
    Probe a;
    watchers.wait(a, {{Kind::nodes}, {Kind::kv_prefix, "x"}});
    CHECK(watchers.count() == 1);
  }
  CHECK(watchers.count() == 0);
  watchers.notify({{Kind::nodes}, {Kind::kv_key, "xy"}});
}

TEST_CASE("watchers: a crowd is woken, each once") {
  Watchers watchers;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 5000; ++i) {
    probes.push_back(std::make_unique<Probe>());
    watchers.wait(*probes.back(), {{Kind::service, std::to_string(i % 7)}, {Kind::nodes}});
  }
  watchers.notify({{Kind::nodes}, {Kind::service, "3"}});
  int woken = 0;
  for (const auto& probe : probes) woken += probe->woken;
  CHECK(woken == 5000);
  CHECK(watchers.count() == 0);
}

}  // namespace weir::registry
