// /v1/catalog, /v1/health, /v1/kv, /v1/session, /v1/txn: answers and errors.

#include <array>
#include <random>

#include "api_fixture.h"
#include "catch.h"
#include "registry/service_list.h"

namespace weir::registry {
namespace {

constexpr const char* kRegister = "/v1/catalog/register";

}  // namespace

TEST_CASE("catalog: bad registrations are refused in Consul's words") {
  ApiFixture f;
  struct Row {
    const char* body;
    const char* answer;
  };
  const Row row =
      GENERATE(Row{"{}", "500 Must provide node"},
               Row{R"({"Node":"e"})", "500 Must provide address if SkipNodeUpdate is not set"},
               Row{R"({"Node":"e","Address":"1.1.1.1","Service":{"ID":"x"}})", "500 Must provide service name with ID"},
               Row{R"({"Node":"e","Address":"1.1.1.1","Check":{"Name":"c","ServiceID":"no"}})",
                   "500 failed inserting check: Missing service registration on node \"e\""},
               Row{R"({"Node":"e","Address":"1.1.1.1","Check":{"Node":"o","Name":"c"}})",
                   "500 check node \"o\" does not match node \"e\""},
               Row{R"({"Node":"e","Address":"1.1.1.1","WriteRequest":{}})",
                   "400 Request decode failed: json: unknown field \"WriteRequest\""},
               Row{R"({"Node":"e","Address":"1.1.1.1","ID":"abc"})", "500 Bad node ID: uuid string is wrong length"},
               Row{R"({"Node":"e","Address":"1.1.1.1","Service":{"Service":"x","Address":"0.0.0.0"}})",
                   "500 Invalid service address"},
               Row{R"({"Node":"e","Address":"1.1.1.1","Service":{"Service":"x","Meta":{"a b":"c"}}})",
                   "500 failed inserting service: Invalid Service Meta for node e and serviceID x: Couldn't load "
                   "metadata pair ('a b', 'c'): Key contains invalid characters"},
               Row{R"({"Node":"e","Address":"1.1.1.1","Check":{"Status":"passing"}})",
                   "500 failed inserting check: failed inserting check: object missing primary index on node \"e\""},
               Row{R"({"Node":"e","Address":"1.1.1.1","Datacenter":"dc9"})", "500 No path to datacenter"});
  CHECK(f.refused("PUT", kRegister, row.body) == row.answer);
}

TEST_CASE("catalog: an external node reads back, with null only for what is unknown") {
  ApiFixture f;
  REQUIRE(f.refused("PUT", kRegister,
                    R"({"Node":"ext","Address":"10.0.0.9","Service":{"Service":"db","Port":80,"Tags":["v1","A"]},
                        "Check":{"Name":"ck","ServiceID":"db","Status":"passing"}})") == "200 true");
  std::string health = f.get("/v1/health/service/DB?tag=V1&tag=a")->body();
  CHECK(health.find(R"("Node":{"ID":"","Node":"ext","Address":"10.0.0.9","Datacenter":"dc1")") != std::string::npos);
  CHECK(health.find(R"("ServiceTags":["v1","A"],"Type":"")") != std::string::npos);
  CHECK(f.get("/v1/health/service/db?tag=v1&tag=v2")->body() == "[]");
  CHECK(f.get("/v1/catalog/node/nope")->body() == "null");
  CHECK(f.get("/v1/catalog/node-services/nope")->body() == R"({"Node":null,"Services":null})");
  CHECK(f.get("/v1/catalog/nodes?node-meta=a:b")->body() == "[]");
  CHECK(f.get("/v1/health/state/warning")->body() == "[]");
  CHECK(f.refused("PUT", "/v1/catalog/deregister", R"({"Node":"nope"})") == "200 true");
  CHECK(f.refused("PUT", "/v1/catalog/deregister", "{}") == "500 Must provide node");
}

TEST_CASE("catalog: the server's own node, service and check stay whatever is said of them") {
  ApiFixture f;
  REQUIRE(f.put("/v1/agent/service/register", R"({"Name":"a"})")->status() == 200);
  const auto own = [&] { return f.get("/v1/catalog/node/n1")->body() + f.get("/v1/health/node/n1")->body(); };
  const std::string before = own();
  for (const char* body :
       {R"({"Node":"N1"})", R"({"Node":"n1","ServiceID":"consul"})", R"({"Node":"n1","CheckID":"serfHealth"})"}) {
    CHECK(f.refused("PUT", "/v1/catalog/deregister", body) == "200 true");
  }
  CHECK(f.refused("PUT", kRegister,
                  R"({"Node":"n1","Address":"9.9.9.9","Service":{"Service":"consul","Port":1},)"
                  R"("Check":{"CheckID":"serfHealth","Status":"critical"}})") == "200 true");
  CHECK(f.put("/v1/txn", R"([{"Node":{"Verb":"delete","Node":{"Node":"n1"}}},)"
                         R"({"Service":{"Verb":"delete","Node":"n1","Service":{"ID":"consul"}}},)"
                         R"({"Check":{"Verb":"delete","Check":{"Node":"n1","CheckID":"serfHealth"}}}])")
            ->status() == 200);
  CHECK(own() == before);
  // What else stands on the node comes and goes.
  CHECK(f.refused("PUT", kRegister, R"({"Node":"n1","Address":"9.9.9.9","Service":{"Service":"b"}})") == "200 true");
  CHECK(f.get("/v1/catalog/service/b")->body().find("\"Address\":\"127.0.0.1\"") != std::string::npos);
  CHECK(f.refused("PUT", "/v1/catalog/deregister", R"({"Node":"n1","ServiceID":"b"})") == "200 true");
  CHECK(f.get("/v1/catalog/service/b")->body() == "[]");
}

TEST_CASE("catalog: the list of services that is kept is the one that is made anew, whatever changes") {
  ApiFixture f;
  std::mt19937 random(11);
  auto below = [&](uint32_t limit) { return random() % limit; };
  const std::array<const char*, 4> names = {"a1", "A1", "b1", "c1"};
  const std::array<const char*, 4> tags = {"[]", R"(["x"])", R"(["y","x"])", R"(["x","<&>"])"};
  for (int step = 0; step < 300; ++step) {
    const std::string node = R"({"Node":"n)" + std::to_string(below(2)) + R"(","Address":"10.0.0.1")";
    const std::string id = "i" + std::to_string(below(5));
    if (const uint32_t kind = below(10); kind == 0) {
      (void)f.put("/v1/catalog/deregister", node + "}");
    } else if (kind < 4) {
      (void)f.put("/v1/catalog/deregister", node + R"(,"ServiceID":")" + id + "\"}");
    } else {
      const std::string service = R"(,"Service":{"ID":")" + id + R"(","Service":")" + names[below(4)] + R"(","Tags":)";
      REQUIRE(f.put(kRegister, node + service + tags[below(4)] + "}}")->body() == "true");
    }
    if (below(3) == 0) continue;  // sometimes several changes come together
    const auto kept = f.get("/v1/catalog/services");
    CHECK(kept->body() == f.get("/v1/catalog/services?filter=ServiceName+%21%3D+none")->body());
  }
}

TEST_CASE("service list: more changes than it remembers cost it nothing but the work") {
  auto service = std::make_shared<Service>();
  service->name = "web";
  service->tags = {"a"};
  ServiceList list;
  CHECK(list.json({}) == "{}");
  const ServiceList::Names names = {{"web", {{{"n", "web-1"}, service}}}};
  for (int i = 0; i < 20'000; ++i) list.touch("gone-" + std::to_string(i));
  list.touch("web");
  CHECK(list.json(names) == R"({"web":["a"]})");
  list.touch("web");
  CHECK(list.json({}) == "{}");
}

TEST_CASE("health: passing needs every check of node and service") {
  ApiFixture f;
  auto add = [&](const char* check) {
    std::string body =
        R"({"Node":"e","Address":"1.1.1.1","Service":{"Service":"a"},"Check":)" + std::string(check) + "}";
    REQUIRE(f.put(kRegister, body)->body() == "true");
  };
  add(R"({"Name":"s","ServiceID":"a","Status":"passing"})");
  CHECK(f.get("/v1/health/service/a?passing")->body() != "[]");
  add(R"({"Name":"n","Status":"warning"})");
  CHECK(f.get("/v1/health/service/a?passing=1")->body() == "[]");
  CHECK(f.get("/v1/health/service/a?passing=false")->body() != "[]");
}

TEST_CASE("health: instances of the own node carry serfHealth") {
  ApiFixture f;
  f.put("/v1/agent/service/register", R"({"Name":"web"})");
  CHECK(f.get("/v1/health/service/web")->body().find("\"CheckID\":\"serfHealth\"") != std::string::npos);
  CHECK(f.get("/v1/agent/checks")->body() == "{}");
}

TEST_CASE("kv: reads in every form") {
  ApiFixture f;
  CHECK(f.put("/v1/kv/a%2Fb?flags=3304740253564472344", "hello")->body() == "true");
  f.put("/v1/kv/empty");
  CHECK(
      f.get("/v1/kv/a/b")
          ->body()
          .starts_with(R"([{"LockIndex":0,"Key":"a/b","Flags":3304740253564472344,"Value":"aGVsbG8=","CreateIndex":)"));
  CHECK(f.get("/v1/kv/empty")->body().find("\"Value\":null") != std::string::npos);
  auto raw = f.get("/v1/kv/a/b?raw");
  CHECK(raw->body() == "hello");
  CHECK(raw->header("Content-Type") == "text/plain");
  CHECK(raw->header("X-Content-Type-Options") == "nosniff");
  CHECK(raw->header("Content-Security-Policy") == "sandbox");
  CHECK(f.get("/v1/kv/?keys")->body() == R"(["a/b","empty"])");
  CHECK(f.get("/v1/kv/?keys&separator=/")->body() == R"(["a/","empty"])");
  CHECK(f.get("/v1/kv/a/?keys&separator=/")->body() == R"(["a/b"])");
  CHECK(f.refused("GET", "/v1/kv/none?keys") == "404 ");
  CHECK(f.refused("GET", "/v1/kv/none?recurse") == "404 ");
}

TEST_CASE("kv: writes with conditions, and their errors") {
  ApiFixture f;
  CHECK(f.refused("GET", "/v1/kv/") == "400 Missing key name");
  CHECK(f.refused("GET", "/v1/kv/?keys") == "200 []");
  CHECK(f.refused("GET", "/v1/kv/?recurse") == "404 ");
  CHECK(f.refused("PUT", "/v1/kv/") == "400 Missing key name");
  CHECK(f.refused("PUT", "/v1/kv/k?cas=0", "x") == "200 true");
  CHECK(f.refused("PUT", "/v1/kv/k?cas=0", "x") == "200 false");
  CHECK(f.refused("PUT", "/v1/kv/k?cas=abc", "x") == "500 strconv.ParseUint: parsing \"abc\": invalid syntax");
  CHECK(f.refused("PUT", "/v1/kv/k?flags=-1", "x") == "500 strconv.ParseUint: parsing \"-1\": invalid syntax");
  CHECK(f.refused("PUT", "/v1/kv/k?cas=1&acquire=x", "x") == "400 Conflicting flags: acquire=x&cas=1");
  CHECK(f.refused("DELETE", "/v1/kv/k?recurse&cas=1") == "400 Conflicting flags: cas=1&recurse=");
  CHECK(f.refused("PUT", "/v1/kv/l?acquire=11111111-1111-1111-1111-111111111111", "x") ==
        "500 invalid session \"11111111-1111-1111-1111-111111111111\"");
  CHECK(f.refused("DELETE", "/v1/kv/none") == "200 true");
  CHECK(f.put("/v1/kv/big", std::string(524288, 'x'))->body() == "true");
  CHECK(f.refused("PUT", "/v1/kv/big", std::string(524289, 'x'))
            .starts_with("413 Request body(524289 bytes) too large, max size: 524288 bytes."));
}

TEST_CASE("session: created, listed, renewed, destroyed, and refused in Consul's words") {
  ApiFixture f;
  Result<JsonValue> made = JsonValue::parse(
      f.put("/v1/session/create", R"({"ttl":"15.0s","lockdelay":"0.001s","checks":[],"name":"n","Foo":1})")->body());
  REQUIRE(made);
  std::string id = made->find("ID")->text;
  std::string listed = f.get("/v1/session/list")->body();
  CHECK(listed.find(R"("Name":"n","Node":"n1","LockDelay":1000000,"Behavior":"release","TTL":"15.0s","NodeChecks":[],)"
                    R"("ServiceChecks":null)") != std::string::npos);
  CHECK(f.get("/v1/session/info/" + id)->body() == listed);
  CHECK(f.get("/v1/session/node/n1")->body() == listed);
  uint64_t index = f.index_of("/v1/session/list");
  CHECK(f.put("/v1/session/renew/" + id)->body() == listed);
  CHECK(f.index_of("/v1/session/list") == index);
  CHECK(f.put("/v1/kv/l?acquire=" + id, "x")->body() == "true");
  CHECK(f.put("/v1/session/destroy/" + id)->body() == "true");
  CHECK(f.put("/v1/session/destroy/" + id)->body() == "true");
  CHECK(f.refused("PUT", "/v1/session/renew/" + id) == "404 Session id '" + id + "' not found");
  CHECK(f.refused("PUT", "/v1/session/renew/nope") ==
        "500 failed session lookup: index error: UUID must be 36 characters");
  CHECK(f.refused("PUT", "/v1/session/create", R"({"TTL":"5s"})") ==
        "500 Invalid Session TTL '5000000000', must be between [10s=24h0m0s]");
  CHECK(f.refused("PUT", "/v1/session/create", R"({"TTL":"x"})") ==
        "500 Session TTL 'x' invalid: time: invalid duration \"x\"");
  CHECK(f.refused("PUT", "/v1/session/create", R"({"Behavior":"x"})") == "500 Invalid Behavior setting 'x'");
  CHECK(f.refused("PUT", "/v1/session/create", R"({"Checks":["nope"]})") == "500 Missing check 'nope' registration");
  CHECK(f.refused("PUT", "/v1/session/create", R"({"Node":"nope"})") == "500 Missing node registration");
  CHECK(f.put("/v1/session/create")->status() == 200);
}

TEST_CASE("txn: all or none") {
  ApiFixture f;
  auto both =
      f.put("/v1/txn", R"([{"KV":{"Verb":"set","Key":"t","Value":"dGVzdA=="}},{"KV":{"Verb":"get","Key":"t"}}])");
  CHECK(both->status() == 200);
  CHECK(both->body().find("\"Value\":null") != std::string::npos);
  CHECK(both->body().find("\"Value\":\"dGVzdA==\"") != std::string::npos);
  uint64_t index = f.f.store.last_index();
  CHECK(f.refused("PUT", "/v1/txn", R"([{"KV":{"Verb":"set","Key":"u"}},{"KV":{"Verb":"cas","Key":"t","Index":1}}])") ==
        R"(409 {"Results":null,"Errors":[{"OpIndex":1,"What":"failed to set key \"t\", index is stale"}]})");
  CHECK(f.get("/v1/kv/u")->status() == 404);
  CHECK(f.f.store.last_index() == index);
  CHECK(f.refused("PUT", "/v1/txn", R"([{"KV":{"Verb":"bogus","Key":"m"}}])") ==
        R"(409 {"Results":null,"Errors":[{"OpIndex":0,"What":"unknown KV verb \"bogus\""}],"Index":0,"LastContact":0,)"
        R"("KnownLeader":true,"ConsistencyLevel":""})");
  CHECK(f.refused("PUT", "/v1/txn", "x") ==
        "400 Failed to parse body: invalid character 'x' looking for beginning of value");
  CHECK(
      f.refused("PUT", "/v1/txn",
                R"([{"KV":{"Verb":"set","Key":"u"}},{"KV":{"Verb":"set"}},{"KV":{"Verb":"get","Key":""}}])") ==
      R"(409 {"Results":null,"Errors":[{"OpIndex":1,"What":"Must provide key"},{"OpIndex":2,"What":"Must provide key"}]})");
  CHECK(f.get("/v1/kv/u")->status() == 404);
  CHECK(f.put("/v1/txn", R"([{"KV":{"Verb":"delete-tree","Key":""}}])")->status() == 200);  // all keys
  for (const char* body : {R"([{"Bogus":1}])", R"([{"KV":{"Verb":"set","Key":"t","Bogus":1}}])"}) {
    CHECK(f.refused("PUT", "/v1/txn", body) == "400 Failed to parse body: json: unknown field \"Bogus\"");
  }
  CHECK(f.put("/v1/txn", R"([{},{"KV":null}])")->body().find("\"Results\":[]") != std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 129; ++i) many += std::string(i > 0 ? "," : "") + R"({"KV":{"Verb":"get","Key":"t"}})";
  CHECK(f.put("/v1/txn", many + "]")->status() == 413);
}

TEST_CASE("txn: a transaction is at most as large as a value, and so is a key in it") {
  ApiFixture f;
  std::string frame = R"([{"KV":{"Verb":"set","Key":""}}])";
  auto sized = [&](size_t bytes) {
    std::string body = frame;
    return body.insert(body.find("\"}}]"), bytes - frame.size(), 'k');
  };
  CHECK(f.put("/v1/txn", sized(524288))->status() == 200);
  CHECK(f.refused("PUT", "/v1/txn", sized(524289))
            .starts_with("413 Request body(524289 bytes) too large, max size: 524288 bytes."));
}

}  // namespace weir::registry
