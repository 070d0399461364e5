// Blocking queries, as the transcript of blk.py shows them.

#include "api_fixture.h"
#include "catch.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

std::string registration(const std::string& service) {
  return R"({"Node":"e9","Address":"10.9.0.1","Service":{"ID":")" + service + R"(","Service":")" + service +
         R"(","Port":1}})";
}

struct BlockingFixture : ApiFixture {
  void add(const std::string& service) {
    REQUIRE(put("/v1/catalog/register", registration(service))->body() == "true");
  }
  void remove(const std::string& service) {
    std::string body = R"({"Node":"e9","ServiceID":")" + service + R"("})";
    REQUIRE(put("/v1/catalog/deregister", body)->body() == "true");
  }
  std::shared_ptr<KeptAnswer> block(const std::string& path) {
    return get(path + "?wait=5m&index=" + std::to_string(index_of(path)));
  }
};

}  // namespace

TEST_CASE("blocking: the current index waits; an older one, 0 and one that was never given are answered at once") {
  BlockingFixture f;
  f.add("A");
  uint64_t index = f.index_of("/v1/health/service/A");
  CHECK(f.get("/v1/health/service/A?wait=5m&index=" + std::to_string(index - 1))->answered());
  CHECK(f.get("/v1/health/service/A?wait=5m&index=0")->answered());
  CHECK_FALSE(f.get("/v1/health/service/A?wait=5m&index=" + std::to_string(index))->answered());
  f.add("B");  // a number that A's index has not reached has been given all the same
  CHECK_FALSE(f.get("/v1/health/service/A?wait=5m&index=" + std::to_string(index + 1))->answered());
  CHECK(f.api->blocking().count() == 2);
  auto lost = f.get("/v1/health/service/A?wait=5m&index=" + std::to_string(index + 2));
  REQUIRE(lost->answered());
  CHECK(lost->index() == index);
}

TEST_CASE("blocking: a watch on an absent service wakes when it appears, not for others") {
  BlockingFixture f;
  f.add("gone");
  f.remove("gone");
  auto watch = f.block("/v1/health/service/Z");
  f.add("W");
  CHECK_FALSE(watch->answered());
  f.add("Z");
  REQUIRE(watch->answered());
  CHECK(watch->body() != "[]");
}

TEST_CASE("blocking: a watch wakes with [] and a higher index when the last instance goes") {
  BlockingFixture f;
  f.add("Z");
  uint64_t before = f.index_of("/v1/health/service/Z");
  auto watch = f.block("/v1/health/service/Z");
  f.add("W");
  CHECK_FALSE(watch->answered());
  f.remove("Z");
  REQUIRE(watch->answered());
  CHECK(watch->body() == "[]");
  CHECK(watch->index() > before);
}

TEST_CASE("blocking: a change that the filter hides still wakes") {
  BlockingFixture f;
  f.add("A");
  std::string path = "/v1/health/service/A?passing&wait=5m&index=" + std::to_string(f.index_of("/v1/health/service/A"));
  auto watch = f.get(path);
  f.put("/v1/catalog/register",
        R"({"Node":"e9","Address":"10.9.0.1","Check":{"Name":"c","ServiceID":"A","Status":"critical"}})");
  REQUIRE(watch->answered());
  CHECK(watch->body() == "[]");
}

TEST_CASE("blocking: catalog/services sleeps through check changes") {
  BlockingFixture f;
  f.add("A");
  auto watch = f.block("/v1/catalog/services");
  f.put("/v1/catalog/register",
        R"({"Node":"e9","Address":"10.9.0.1","Check":{"Name":"c","ServiceID":"A","Status":"critical"}})");
  CHECK_FALSE(watch->answered());
  f.add("B");
  CHECK(watch->answered());
}

TEST_CASE("blocking: a key wakes on its own changes only, and when it is created or deleted") {
  BlockingFixture f;
  auto missing = f.block("/v1/kv/k");
  f.put("/v1/kv/other", "1");
  CHECK_FALSE(missing->answered());
  f.put("/v1/kv/k", "1");
  REQUIRE(missing->answered());
  CHECK(missing->status() == 200);

  auto watch = f.block("/v1/kv/k");
  f.put("/v1/kv/other", "2");
  f.put("/v1/kv/k", "1");
  CHECK_FALSE(watch->answered());
  f.send("DELETE", "/v1/kv/k");
  REQUIRE(watch->answered());
  CHECK(watch->status() == 404);
  CHECK(watch->index() > 1);
}

TEST_CASE("blocking: a prefix wakes on keys below it and on their deletion") {
  BlockingFixture f;
  f.put("/v1/kv/p/a", "1");
  auto watch = f.get("/v1/kv/p/?recurse&wait=5m&index=" + f.get("/v1/kv/p/?recurse")->header("X-Consul-Index"));
  f.put("/v1/kv/q", "1");
  CHECK_FALSE(watch->answered());
  f.send("DELETE", "/v1/kv/p/a");
  REQUIRE(watch->answered());
  CHECK(watch->status() == 404);
}

TEST_CASE("blocking: a client that leaves is forgotten, and finish_all answers the rest") {
  BlockingFixture f;
  auto first = f.block("/v1/catalog/nodes");
  auto second = f.block("/v1/catalog/nodes");
  first->leave();
  CHECK(f.api->blocking().count() == 1);
  CHECK(f.f.store.watchers().count() == 2);  // the other client and the session timers
  f.api->blocking().finish_all();
  CHECK_FALSE(first->answered());
  CHECK(second->answered());
  CHECK(f.block("/v1/catalog/nodes")->answered());  // read together with the signal
  CHECK(f.api->blocking().count() == 0);
}

TEST_CASE("blocking: the time is up after the wait and at most a 16th more") {
  BlockingFixture f;
  std::string path = "/v1/catalog/nodes";
  f.loop.update_time();
  uint64_t start_ms = f.loop.now_ms();
  auto watch = f.get(path + "?wait=32ms&index=" + std::to_string(f.index_of(path)));
  CHECK_FALSE(watch->answered());
  event::Timer deadline(f.loop, [&] { f.loop.stop(); });
  event::Timer look(f.loop, [&] {
    if (watch->answered()) f.loop.stop();
  });
  deadline.start_once(10'000);
  look.start_every(1);
  f.loop.run();
  REQUIRE(watch->answered());
  CHECK(f.loop.now_ms() - start_ms >= 32);
  CHECK(watch->index() == f.index_of(path));
}

TEST_CASE("blocking: agent/service blocks by hash") {
  BlockingFixture f;
  f.put("/v1/agent/service/register", R"({"Name":"web","Port":1})");
  std::string hash = f.get("/v1/agent/service/web")->header("X-Consul-Contenthash");
  CHECK(hash.size() == 16);
  CHECK(f.get("/v1/agent/service/web?hash=old&wait=5m")->answered());
  auto watch = f.get("/v1/agent/service/web?wait=5m&hash=" + hash);
  f.add("other");
  CHECK_FALSE(watch->answered());
  f.put("/v1/agent/service/register", R"({"Name":"web","Port":2})");
  REQUIRE(watch->answered());
  CHECK(watch->header("X-Consul-Contenthash") != hash);
}

TEST_CASE("blocking: events wake by difference") {
  BlockingFixture f;
  f.put("/v1/event/fire/deploy", "v1");
  auto first = f.get("/v1/event/list");
  CHECK(f.get("/v1/event/list?wait=5m&index=18446744073709551615")->answered());
  auto watch = f.get("/v1/event/list?wait=5m&index=" + first->header("X-Consul-Index"));
  CHECK_FALSE(watch->answered());
  f.put("/v1/event/fire/deploy", "v2");
  CHECK(watch->answered());
}

}  // namespace weir::registry
