// /v1/agent: registration and what a repeated one keeps, TTL checks, maintenance, health by status code.

#include "api_fixture.h"
#include "catch.h"

namespace weir::registry {
namespace {

constexpr const char* kRegister = "/v1/agent/service/register";

struct AgentFixture : ApiFixture {
  AgentFixture() : ApiFixture() {}
  void add(const std::string& body) { REQUIRE(refused("PUT", kRegister, body) == "200 "); }
  std::string status_of(const std::string& check) {
    Ref<Check> found = f.store.tables().check("n1", check);
    return found ? found->status + ":" + found->output : "(none)";
  }
};

}  // namespace

TEST_CASE("agent: bad registrations are refused in Consul's words") {
  AgentFixture f;
  struct Row {
    const char* body;
    const char* answer;
  };
  const Row row = GENERATE(
      Row{"", "400 Request decode failed: EOF"}, Row{"{}", "400 Missing service name"},
      Row{"null", "400 Missing service name"},
      Row{R"({"Name":"x","Bogus":1})", "400 Request decode failed: json: unknown field \"Bogus\""},
      Row{R"({"Name":"x","Port":"1"})",
          "400 Request decode failed: json: cannot unmarshal string into Go struct field .Port of type int"},
      Row{R"({"Name":"x","Address":"0.0.0.0"})", "400 Invalid service address"},
      Row{R"({"Name":"x","Address":"::"})", "400 Invalid service address"},
      Row{R"({"Name":"x","Address":"[::]"})", "400 Invalid service address"},
      Row{R"({"Name":"x","Weights":{"Passing":65536}})", "400 Invalid Weights: DNS Weight must be between 0 and 65535"},
      Row{R"({"Name":"x","EnableTagOverride":1})",
          "400 Request decode failed: json: cannot unmarshal number into Go struct field .EnableTagOverride of type "
          "bool"},
      Row{R"({"Name":"x","Check":{"CheckID":"serfHealth","TTL":"5s"}})",
          "400 Invalid check ID: \"serfHealth\" is the server's own"},
      Row{R"({"Name":"x","Weights":{"Passing":0}})", "400 Invalid Weights: Passing must be greater than 0"},
      Row{R"({"Name":"x","Meta":{"a b":"c"}})",
          "400 Invalid Service Meta: Couldn't load metadata pair ('a b', 'c'): Key contains invalid characters"},
      Row{R"({"Name":"x","Meta":{"consul-x":"c"}})",
          "400 Invalid Service Meta: Couldn't load metadata pair ('consul-x', 'c'): Key prefix 'consul-' is reserved "
          "for "
          "internal use"},
      Row{R"({"Name":"x","Check":{"TTL":"abc"}})", "400 Request decode failed: time: invalid duration \"abc\""},
      Row{R"({"Name":"x","Check":{"TTL":"5s","ID":"c"}})", "400 Request decode failed: json: unknown field \"ID\""},
      Row{R"({"Name":"x","Checks":[{}]})", "400 Invalid check: TTL must be > 0 for TTL checks"},
      Row{R"({"Name":"x","Check":{"HTTP":"http://x"}})",
          "400 Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"},
      Row{R"({"Name":"x","Check":{"TTL":"1s","Interval":"1s"}})",
          "400 Invalid check: Interval and TTL cannot both be specified"},
      Row{R"({"Name":"x","Check":{"TTL":"1s","Status":"bad"}})",
          "400 Status for checks must 'passing', 'warning', 'critical'"},
      Row{R"({"Name":"x","Check":{"Args":["true"],"Interval":"1s"}})",
          "500 Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to "
          "true"},
      Row{R"({"Name":"x","Check":{"GRPC":"a:1"}})",
          "400 Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"},
      Row{R"({"Name":"x","Check":{"H2PING":"a:1","Interval":"1s"}})",
          "400 Invalid check: H2PING checks are not supported by this registry"});
  CHECK(f.refused("PUT", kRegister, row.body) == row.answer);
  CHECK(f.get("/v1/agent/services")->body() == "{}");
}

TEST_CASE("agent: lower-case names, nulls and numbers of nanoseconds are understood") {
  AgentFixture f;
  f.add(R"({"name":"web","id":"web1","port":9,"tags":null,"Checks":null,"Connect":null,
            "check":{"ttl":15000000000,"deregistercriticalserviceafter":"1m30s","Interval":""}})");
  CHECK(f.get("/v1/agent/service/web1")->status() == 200);
  CHECK(f.f.store.tables().check("n1", "service:web1")->definition.ttl_ns == 15'000'000'000);
}

TEST_CASE("agent: a service reads back as Nomad compares it") {
  AgentFixture f;
  f.add(R"({"ID":"a/b:c","Name":"m","Address":"10.0.0.5","Port":1,"Tags":["b","a","b"]})");
  CHECK(f.get("/v1/agent/services")->body() ==
        R"({"a/b:c":{"ID":"a/b:c","Service":"m","Tags":["b","a","b"],"Meta":{},"Port":1,"Address":"10.0.0.5",)"
        R"("TaggedAddresses":{"lan_ipv4":{"Address":"10.0.0.5","Port":1},"wan_ipv4":{"Address":"10.0.0.5","Port":1}},)"
        R"("Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Datacenter":"dc1"}})");
  CHECK(f.get("/v1/agent/service/a%2Fb:c")->status() == 200);
  CHECK(f.get("/v1/catalog/services")->body() == R"({"consul":[],"m":["b","a"]})");
  CHECK(f.refused("GET", "/v1/agent/service/nope") == "404 unknown service ID: nope");
}

TEST_CASE("agent: registering again keeps status and output, moves nothing, and drops checks only when told") {
  AgentFixture f;
  const std::string body =
      R"({"Name":"m","Checks":[{"TTL":"10s"},{"CheckID":"own","TTL":"10s"},{"TTL":"10s","Status":"passing"}]})";
  f.add(body);
  CHECK(f.status_of("service:m:1") == "critical:");
  CHECK(f.status_of("service:m:3") == "passing:");
  CHECK(f.refused("PUT", "/v1/agent/check/pass/service:m:1?note=ok") == "200 ");
  uint64_t index = f.f.store.last_index();
  f.add(body);
  CHECK(f.status_of("service:m:1") == "passing:ok");
  CHECK(f.f.store.last_index() == index);
  // An explicit status in a new definition does not override what is known.
  f.add(R"({"Name":"m","Checks":[{"CheckID":"own","TTL":"10s","Status":"passing"}]})");
  CHECK(f.status_of("own") == "critical:");
  CHECK(f.status_of("service:m:1") == "passing:ok");
  CHECK(f.refused("PUT", std::string(kRegister) + "?replace-existing-checks",
                  R"({"Name":"m","Checks":[{"CheckID":"own","TTL":"10s"}]})") == "200 ");
  CHECK(f.status_of("service:m:1") == "(none)");
  CHECK(f.status_of("own") == "critical:");
}

TEST_CASE("agent: the ServiceID of a check within a service says nothing") {
  AgentFixture f;
  f.add(R"({"Name":"m","Check":{"TTL":"10s","ServiceID":"other"},"Weights":{"Passing":65535}})");
  CHECK(f.status_of("service:m") == "critical:");
}

TEST_CASE("agent: what is said of a TTL check is cut, and says so") {
  AgentFixture f;
  f.add(R"({"Name":"m","Check":{"TTL":"10s","OutputMaxSize":4}})");
  f.put("/v1/agent/check/pass/service:m?note=1234");
  CHECK(f.status_of("service:m") == "passing:1234");
  f.put("/v1/agent/check/warn/service:m?note=12345");
  CHECK(f.status_of("service:m") == "warning:1234 ... (captured 4 of 5 bytes)");
}

TEST_CASE("agent: a new name under the same id moves the instance") {
  AgentFixture f;
  f.add(R"({"ID":"i","Name":"old"})");
  f.add(R"({"ID":"i","Name":"new"})");
  CHECK(f.get("/v1/health/service/old")->body() == "[]");
  CHECK(f.get("/v1/catalog/service/new")->body() != "[]");
}

TEST_CASE("agent: TTL checks take pass, warn, fail and update") {
  AgentFixture f;
  f.add(R"({"Name":"m","Check":{"TTL":"10s"}})");
  f.put("/v1/agent/check/warn/service:m?note=careful");
  CHECK(f.status_of("service:m") == "warning:careful");
  f.put("/v1/agent/check/fail/service:m");
  CHECK(f.status_of("service:m") == "critical:");
  CHECK(f.refused("PUT", "/v1/agent/check/update/service:m", R"({"Status":"passing","Output":"o"})") == "200 ");
  CHECK(f.status_of("service:m") == "passing:o");
  CHECK(f.refused("PUT", "/v1/agent/check/update/service:m", R"({"Status":"bogus"})") ==
        "400 Invalid check status: 'bogus'");
  CHECK(f.refused("PUT", "/v1/agent/check/pass/nope") ==
        "404 Unknown check ID \"nope\". Ensure that the check ID is passed, not the check name.");
  f.put("/v1/agent/check/register", R"({"Name":"c3","HTTP":"http://127.0.0.1:1/","Interval":"10h"})");
  CHECK(f.refused("PUT", "/v1/agent/check/pass/c3") == "500 CheckID \"c3\" does not have associated TTL");
}

TEST_CASE("agent: an output that changes alone shows at once but wakes nobody") {
  AgentFixture f;
  f.add(R"({"Name":"m","Check":{"TTL":"10s","Status":"passing"}})");
  uint64_t index = f.f.store.last_index();
  f.put("/v1/agent/check/pass/service:m?note=beat-1");
  CHECK(f.f.store.last_index() == index);
  CHECK(f.get("/v1/agent/checks")->body().find("\"Output\":\"beat-1\"") != std::string::npos);
  f.put("/v1/agent/check/warn/service:m?note=beat-2");
  CHECK(f.status_of("service:m") == "warning:beat-2");
}

TEST_CASE("agent: checks are registered alone and with a service") {
  AgentFixture f;
  CHECK(f.refused("PUT", "/v1/agent/check/register", R"({"TTL":"10s"})") == "400 Missing check name");
  CHECK(f.refused("PUT", "/v1/agent/check/register", R"({"Name":"c","TTL":"10s","Status":"x"})") ==
        "400 Bad check status");
  CHECK(f.refused("PUT", "/v1/agent/check/register", R"({"Name":"c","TTL":"10s","ServiceID":"nope"})") ==
        "404 ServiceID \"nope\" does not exist");
  CHECK(f.refused("PUT", "/v1/agent/check/register", R"({"Name":"c","Script":"true","Interval":"10s"})") ==
        "400 Request decode failed: json: unknown field \"Script\"");
  f.add(R"({"Name":"m"})");
  CHECK(f.refused("PUT", "/v1/agent/check/register", R"({"Name":"c","TTL":"10s","ServiceID":"m"})") == "200 ");
  // A separately registered check survives the service being registered again.
  f.add(R"({"Name":"m","Port":2})");
  CHECK(f.status_of("c") == "critical:");
  CHECK(f.refused("PUT", "/v1/agent/check/deregister/c") == "200 ");
  CHECK(f.refused("PUT", "/v1/agent/check/deregister/c") ==
        "404 Unknown check ID \"c\". Ensure that the check ID is passed, not the check name.");
}

TEST_CASE("agent: deregistration takes the checks along and refuses the unknown") {
  AgentFixture f;
  f.add(R"({"Name":"m","Check":{"TTL":"10s"}})");
  CHECK(f.refused("PUT", "/v1/agent/service/deregister/m") == "200 ");
  CHECK(f.get("/v1/agent/checks")->body() == "{}");
  CHECK(f.refused("PUT", "/v1/agent/service/deregister/m") ==
        "404 Unknown service ID \"m\". Ensure that the service ID is passed, not the service name.");
  CHECK(f.put("/v1/agent/service/deregister/consul")->status() == 404);
}

TEST_CASE("agent: maintenance is a critical check with the reason in its notes") {
  AgentFixture f;
  f.add(R"({"Name":"web","Check":{"TTL":"10s","Status":"passing"}})");
  const std::string path = "/v1/agent/service/maintenance/";
  CHECK(f.refused("PUT", path + "?enable=true") == "400 Missing service ID");
  CHECK(f.refused("PUT", path + "web") == "400 Missing value for enable");
  CHECK(f.refused("PUT", path + "web?enable=maybe") == "400 Invalid value for enable: \"maybe\"");
  CHECK(f.refused("PUT", path + "nope?enable=true") == "404 No service registered with ID \"nope\"");
  CHECK(f.refused("PUT", path + "web?enable=True&reason=bye") == "200 ");
  Ref<Check> check = f.f.store.tables().check("n1", "_service_maintenance:web");
  REQUIRE(check);
  CHECK(check->notes == "bye");
  CHECK(check->type == "maintenance");
  CHECK(f.refused("GET", "/v1/agent/health/service/id/web?format=text") == "503 maintenance");
  CHECK(f.refused("PUT", path + "web?enable=False") == "200 ");
  CHECK(f.refused("GET", "/v1/agent/health/service/id/web?format=text") == "200 passing");
  CHECK(f.refused("PUT", "/v1/agent/maintenance") == "400 Missing value for enable");
  f.put("/v1/agent/maintenance?enable=1");
  CHECK(f.refused("GET", "/v1/agent/health/service/name/web?format=text") == "503 maintenance");
}

TEST_CASE("agent: health of what is unknown is 404 with a reason") {
  AgentFixture f;
  auto by_id = f.get("/v1/agent/health/service/id/nope");
  CHECK(by_id->status() == 404);
  CHECK(by_id->header("X-Consul-Reason") == "ServiceId nope not found");
  CHECK(by_id->body() == R"({"AggregatedStatus":"critical","Service":null,"Checks":null})");
  CHECK(f.refused("GET", "/v1/agent/health/service/name/nope") == "404 []");
  auto as_text = f.get("/v1/agent/health/service/name/nope?format=text");
  CHECK(as_text->body() == "ServiceName nope Not Found");
  CHECK(as_text->header("Content-Type") == "text/plain");
  CHECK(f.refused("GET", "/v1/agent/health/service/id/nope?format=text") == R"(404 "ServiceId nope not found")");
}

}  // namespace weir::registry
