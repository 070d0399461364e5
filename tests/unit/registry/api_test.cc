// What all endpoints share: routes, methods, parameters, headers, and loading.

#include "api_fixture.h"
#include "catch.h"

namespace weir::registry {

TEST_CASE("api: paths, methods and parameters are refused in Consul's words") {
  ApiFixture f;
  struct Row {
    const char* method;
    const char* target;
    const char* answer;
  };
  const Row row = GENERATE(
      Row{"GET", "/v1/foo", "404 Invalid URL path: not a recognized HTTP API endpoint"},
      Row{"GET", "/v2/kv/x", "404 Invalid URL path: not a recognized HTTP API endpoint"},
      Row{"POST", "/v1/kv/a", "405 method POST not allowed"}, Row{"HEAD", "/v1/kv/a", "405 method HEAD not allowed"},
      Row{"GET", "/v1/agent/service/register", "405 method GET not allowed"},
      Row{"GET", "/v1/kv/%zz", "400 400 Bad Request"}, Row{"GET", "/v1/kv/a%0ab", "400 "},
      Row{"GET", "/v1/kv/x?a=%zz", "500 "}, Row{"GET", "/v1/kv/x?index=-1", "400 Invalid index"},
      Row{"GET", "/v1/kv/x?index=1&wait=5", "400 Invalid wait time"},
      Row{"GET", "/v1/health/service/x?stale&consistent",
          "400 Cannot specify ?stale with ?consistent, conflicting semantics."},
      Row{"GET", "/v1/health/service/x?cached&consistent",
          "400 Cannot specify ?cached with ?consistent, conflicting semantics."},
      Row{"GET", "/v1/catalog/nodes?max_stale=5", "400 Invalid max_stale value \"5\""},
      Row{"GET", "/v1/catalog/nodes?dc=dc9", "500 No path to datacenter"},
      Row{"PUT", "/v1/kv/x?dc=dc9", "500 No path to datacenter"},
      Row{"GET", "/v1/catalog/services?ns=x",
          "400 Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise feature"},
      Row{"GET", "/v1/acl/tokens", "401 ACL support disabled"},
      Row{"GET", "/v1/health/service/", "400 Missing service name"},
      Row{"GET", "/v1/health/service/x?passing=maybe", "400 Invalid value for ?passing"},
      Row{"GET", "/v1/health/node/", "400 Missing node name"},
      Row{"GET", "/v1/health/state/", "400 Missing check state"},
      Row{"GET", "/v1/health/service/x?filter=Bogus+%3D%3D+x",
          "500 Failed to create boolean expression evaluator: Selector \"Bogus\" is not valid"});
  CHECK(f.refused(row.method, row.target) == row.answer);
}

TEST_CASE("api: every matched endpoint sends the common headers, and reads their metadata") {
  ApiFixture f;
  auto read = f.get("/v1/catalog/nodes?stale");
  CHECK(read->header("Vary") == "Accept-Encoding");
  CHECK(read->header("Content-Type") == "application/json");
  CHECK(read->header("X-Consul-Knownleader") == "true");
  CHECK(read->header("X-Consul-Lastcontact") == "0");
  CHECK(read->header("X-Consul-Effective-Consistency") == "stale");
  CHECK(read->index() > 0);
  auto missing = f.get("/v1/kv/none");
  CHECK(missing->status() == 404);
  CHECK(missing->body().empty());
  CHECK(missing->header("X-Consul-Index") == "1");
  CHECK(missing->header("X-Consul-Effective-Consistency").empty());
  auto options = f.send("OPTIONS", "/v1/kv/x");
  CHECK(options->status() == 200);
  CHECK(options->header("Allow") == "OPTIONS,GET,PUT,DELETE");
  auto moved = f.get("/v1//catalog/services?x=1");
  CHECK(moved->status() == 301);
  CHECK(moved->header("Location") == "/v1/catalog/services?x=1");
}

TEST_CASE("api: until the store is served every read fails, so that nobody takes it for empty") {
  StoreFixture f;
  event::Loop loop;
  Identity self;
  HealthChecker checker(loop, f.store, self);
  SessionTimers sessions(loop, f.store);
  EventLog events(f.store.watchers());
  Api api({loop, f.store, checker, sessions, events, self, false});
  http::Request request;
  request.method = "GET";
  request.path = "/v1/catalog/services";
  auto answer = std::make_shared<KeptAnswer>();
  api.serve(std::move(request), answer);
  CHECK(answer->status() == 500);
  CHECK(answer->body() == "No cluster leader");
}

TEST_CASE("api: GET for old writes only when asked for") {
  ApiFixture strict;
  CHECK(strict.refused("GET", "/v1/agent/check/pass/x") == "405 method GET not allowed");
  ApiFixture legacy(true);
  CHECK(legacy.get("/v1/agent/check/pass/x")->status() == 404);
  CHECK(legacy.refused("GET", "/v1/agent/service/register") == "405 method GET not allowed");
}

TEST_CASE("api: a write is answered when it is durable, and refused with 500 when it cannot be") {
  ApiFixture f;
  f.f.journal.hold = true;
  auto write = f.put("/v1/kv/a", "1");
  auto read = f.get("/v1/kv/a?raw");
  CHECK_FALSE(write->answered());
  CHECK_FALSE(read->answered());
  f.f.journal.finish();
  CHECK(write->body() == "true");
  CHECK(read->body() == "1");

  auto lost = f.put("/v1/kv/a", "2");
  auto reader = f.get("/v1/kv/a?raw");
  f.f.journal.finish(fail(ErrorCode::io, "database or disk is full"));
  CHECK(lost->status() == 500);
  CHECK(lost->body() == "database or disk is full");
  // A read is never failed by a write: it looks again.
  CHECK(reader->status() == 200);
  CHECK(reader->body() == "1");
}

TEST_CASE("api: status, self and datacenters answer without an index") {
  ApiFixture f;
  CHECK(f.get("/v1/status/leader")->body() == "\"127.0.0.1:8300\"");
  CHECK(f.get("/v1/status/peers?pretty")->body() == "[\n    \"127.0.0.1:8300\"\n]\n");
  CHECK(f.get("/v1/catalog/datacenters")->body() == "[\"dc1\"]");
  CHECK(f.get("/v1/catalog/datacenters")->header("X-Consul-Index").empty());
  Result<JsonValue> self = JsonValue::parse(f.get("/v1/agent/self")->body());
  REQUIRE(self);
  for (const auto& [name, value] : self->members) {
    CHECK((value.kind == JsonValue::Kind::object || value.is_null()));
  }
  CHECK(self->find("Config")->find("NodeName")->text == "n1");
}

}  // namespace weir::registry
