#include "provider/consul_json.h"

#include "catch.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::provider;
using catalog::Health;

namespace {

constexpr const char* kOne = R"json([{
  "Node": {"ID": "0a", "Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1", "TaggedAddresses": null, "Meta": null},
  "Service": {"ID": "web-1", "Service": "web", "Tags": ["traefik.http.routers.web.rule=Host(`a`) && Path(`/b,c`)", "x", "x"],
    "Address": "", "Meta": {"version": "2"}, "Port": 8080, "Weights": {"Passing": 10, "Warning": 0},
    "CreateIndex": 5, "ModifyIndex": 18446744073709551615},
  "Checks": [
    {"Node": "n1", "CheckID": "serfHealth", "Status": "passing", "ServiceID": "", "ServiceName": ""},
    {"Node": "n1", "CheckID": "c1", "Status": "passing", "ServiceID": "web-1", "ServiceName": "web"},
    {"Node": "n1", "CheckID": "c2", "Status": "warning", "ServiceID": "web-1", "ServiceName": "web"}]}])json";

std::string with_check(const std::string& id, const std::string& status, const std::string& service_id) {
  return R"([{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":"web-1","Service":"web","Port":80},"Checks":[{"CheckID":")" +
         id + R"(","Status":")" + status + R"(","ServiceID":")" + service_id + R"("}]}])";
}
std::string with_service(const std::string& members) {
  return R"([{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":"web-1","Service":"web")" + members + "}}]";
}
catalog::Instance only(const std::string& body) {
  auto answer = decode_health_service("web", body);
  if (!answer) FAIL(answer.error().text());
  REQUIRE(answer->service.instances.size() == 1);
  return answer->service.instances[0];
}

}  // namespace

TEST_CASE("consul json: every prefix of an answer is an error, never a shorter list") {
  const std::string whole = kOne;
  for (size_t length = 0; length < whole.size(); ++length) {
    if (decode_health_service("web", std::string_view(whole).substr(0, length))) FAIL("taken at " << length);
  }
  CHECK(decode_health_service("web", whole));
  const std::string names = R"({"consul":[],"web":["a","b"]})";
  for (size_t length = 0; length < names.size(); ++length) {
    if (decode_service_names(std::string_view(names).substr(0, length))) FAIL("taken at " << length);
  }
}

TEST_CASE("consul json: who speaks Connect for a service: its proxies and those who do it themselves") {
  auto row = [](const std::string& id, const std::string& service, const std::string& more) {
    return R"({"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":")" + id + R"(","Service":")" + service +
           R"(","Port":21000)" + more + "}}";
  };
  const std::string proxy = R"(,"Kind":"connect-proxy","Proxy":{"DestinationServiceName":"web"})";
  const std::string body = "[" + row("web-1-sidecar-proxy", "web-sidecar-proxy", proxy) + "," +
                           row("web-2", "web", R"(,"Connect":{"Native":true},"Proxy":{})") + "," +
                           row("web-3", "web", R"(,"Connect":null,"Proxy":null)") + "]";
  auto answer = decode_health_connect("web", body);
  REQUIRE(answer);
  REQUIRE(answer->service.instances.size() == 2);
  CHECK(answer->service.instances[0].id == "web-1-sidecar-proxy");
  CHECK(answer->service.instances[1].id == "web-2");
  CHECK((answer->service.instances[0].mesh && answer->service.instances[1].mesh));
  CHECK(answer->skipped.size() == 1);
  CHECK_FALSE(decode_health_connect("db", body));
  CHECK_FALSE(decode_health_connect("web", "[" + row("x", "other", "") + "]"));
  auto plain = decode_health_service("web-sidecar-proxy", "[" + row("a", "web-sidecar-proxy", proxy) + "]");
  REQUIRE(plain);
  CHECK(plain->service.instances.empty());
  CHECK(plain->skipped.size() == 1);
}

TEST_CASE("consul json: an answer of another type or with a member of another type is an error") {
  for (const char* body :
       {"null", "{}", "\"\"", "[null]", "[[]]", "[{}]", R"([{"Node":null,"Service":{}}])",
        R"([{"Node":{"Node":"n"},"Service":[]}])", R"([{"Node":{"Node":5},"Service":{"ID":"a","Service":"web"}}])",
        R"([{"Node":{"Node":""},"Service":{"ID":"a","Service":"web"}}])",
        R"([{"Node":{"Node":"n"},"Service":{"ID":"","Service":"web"}}])"}) {
    INFO(body);
    CHECK_FALSE(decode_health_service("web", body));
  }
  for (const char* members :
       {R"(,"Port":"80")", R"(,"Port":80.5)", R"(,"Tags":{})", R"(,"Tags":[1])", R"(,"Meta":[])", R"(,"Meta":{"a":1})",
        R"(,"Weights":3)", R"(,"Address":1)", R"(,"Weights":{"Passing":"1"})"}) {
    INFO(members);
    CHECK_FALSE(decode_health_service("web", with_service(members)));
  }
  for (const char* body : {"[]", "null", "{\"web\":1}", "{\"web\":[1]}", "{\"\":[]}", "{\"web\":{}}"}) {
    INFO(body);
    CHECK_FALSE(decode_service_names(body));
  }
}

TEST_CASE("consul json: random damage to an answer is an error, or leaves what could be an answer") {
  Random random(20260101);
  const std::string whole = kOne;
  int refused = 0, taken = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string body = whole;
    for (uint64_t n = 1 + random.below(4); n > 0; --n)
      body[random.below(body.size())] = static_cast<char>(random.below(256));
    INFO("round " << round << ": " << body);
    // A list is none of a map, and its row has no Status and no name of a node: whatever the damage, nothing comes out.
    REQUIRE_FALSE(decode_service_names(body));
    REQUIRE_FALSE(decode_health_state(body));
    REQUIRE_FALSE(decode_nodes(body));
    auto answer = decode_health_service("web", body);
    (answer ? taken : refused)++;
    if (!answer) continue;
    REQUIRE(answer->service.name == "web");
    REQUIRE(answer->service.instances.size() + answer->skipped.size() == 1);
    for (const auto& one : answer->service.instances) REQUIRE((!one.id.empty() && !one.node.empty()));
  }
  CHECK(refused > 1'000);
  CHECK(taken > 100);
}

TEST_CASE("consul json: nesting, text and counts stop at their limits") {
  using Limits = ConsulJsonLimits;
  CHECK_FALSE(decode_health_service("web", std::string(10'000'000, '[')));
  CHECK(decode_health_service("web", std::string(10'000'000, '[')).error().code == ErrorCode::too_large);
  const std::string name(Limits::kTextBytesMax, 'x');
  CHECK(decode_service_names("{\"" + name + "\":[]}"));
  CHECK(decode_service_names("{\"" + name + "x\":[]}").error().code == ErrorCode::too_large);
}

TEST_CASE("consul json: tags that nobody routes by, however long or many, stop no other service") {
  std::string tags = "\"" + std::string(100'000, 'x') + "\"";
  for (int i = 0; i < 10'000; ++i) tags += ",\"" + std::to_string(i) + "\"";
  const auto names = decode_service_names("{\"db\":[" + tags + "],\"web\":[\"a\"]}");
  REQUIRE(names);
  CHECK(names->size() == 2);
  CHECK(names->at("db").size() == 10'001);
  CHECK(only(with_service(",\"Tags\":[" + tags + "]")).tags.size() == 10'001);
}

TEST_CASE("consul json: an instance that is too large is left out and told, the others stand") {
  std::string meta = "\"a\":\"" + std::string(ConsulJsonLimits::kTextBytesMax + 1, 'x') + "\"";
  const std::string large = with_service(",\"Meta\":{" + meta + "},\"Port\":80");
  const std::string one = kOne;
  const std::string both = "[" + large.substr(1, large.size() - 2) + "," + one.substr(1, one.size() - 2) + "]";
  KnownRows known;
  for (KnownRows* rows : {static_cast<KnownRows*>(nullptr), &known, &known}) {
    const auto read = decode_health_service("web", both, rows);
    REQUIRE(read);
    CHECK(read->service.instances.size() == 1);
    REQUIRE(read->skipped.size() == 1);
    CHECK(read->skipped[0].find("Meta value") != std::string::npos);
  }
}

TEST_CASE("consul json: brackets inside of texts are no nesting") {
  CHECK(only(with_service(
                 R"(,"Tags":["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{"])"))
            .tags.size() == 2);
}

TEST_CASE("consul json: an instance is read with tags verbatim and in order") {
  const auto one = only(kOne);
  CHECK(one.id == "web-1");
  CHECK(one.node == "n1");
  CHECK(one.node_id == "0a");
  CHECK(one.datacenter == "dc1");
  CHECK(one.port == 8080);
  CHECK(one.tags == std::vector<std::string>{"traefik.http.routers.web.rule=Host(`a`) && Path(`/b,c`)", "x", "x"});
  CHECK(one.meta.at("version") == "2");
  CHECK(one.weight_passing == 10);
  CHECK(one.weight_warning == 0);
  CHECK(one.health == Health::warning);
  CHECK(one.has_checks);
  CHECK(one.check_states == std::vector<Health>{Health::passing, Health::warning});
}

TEST_CASE("consul json: trap 16, the node's address serves where the service has none, IPv6 without brackets") {
  CHECK(only(with_service("")).address == "10.0.0.1");
  CHECK(only(with_service(R"(,"Address":null)")).address == "10.0.0.1");
  CHECK(only(with_service(R"(,"Address":"10.9.9.9")")).address == "10.9.9.9");
  CHECK(only(with_service(R"(,"Address":"2001:db8::1")")).address == "2001:db8::1");
  CHECK(only(with_service(R"(,"Address":"[2001:db8::1]")")).address == "2001:db8::1");
}

TEST_CASE("consul json: the worst check decides, a node's counts but is not the instance's own") {
  auto node_only = only(with_check("serfHealth", "critical", ""));
  CHECK(node_only.health == Health::critical);
  CHECK_FALSE(node_only.has_checks);
  CHECK(node_only.check_states.empty());
  CHECK(node_only.node_lost);
  CHECK_FALSE(only(with_check("serfHealth", "warning", "")).node_lost);
  CHECK_FALSE(only(with_check("disk", "critical", "")).node_lost);
  CHECK(only(with_check("c", "critical", "web-1")).health == Health::critical);
  CHECK(only(with_service("")).health == Health::passing);
  CHECK_FALSE(only(with_service("")).has_checks);
}

TEST_CASE("consul json: maintenance of the node or of the instance wins over every status") {
  CHECK(only(with_check("_node_maintenance", "critical", "")).health == Health::maintenance);
  auto own = only(with_check("_service_maintenance:web-1", "critical", "web-1"));
  CHECK(own.health == Health::maintenance);
  CHECK_FALSE(own.has_checks);
}

TEST_CASE("consul json: a status nobody knows is taken for critical") {
  CHECK(only(with_check("c", "splendid", "web-1")).health == Health::critical);
}

TEST_CASE("consul json: an instance that cannot be connected to is skipped with its reason, the others stand") {
  for (const char* bad :
       {R"("Port":70000)", R"("Port":-1)", R"("Port":9223372036854775807,"Address":"1.2.3.4")", R"("Address":"a b")",
        R"("Address":"evil/path")", R"("Address":"x@y")", R"("Kind":"connect-proxy")"}) {
    INFO(bad);
    const std::string body =
        R"([{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":"bad","Service":"web",)" + std::string(bad) +
        R"(}},{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":"good","Service":"web"}}])";
    auto answer = decode_health_service("web", body);
    REQUIRE(answer);
    REQUIRE(answer->service.instances.size() == 1);
    CHECK(answer->service.instances[0].id == "good");
    REQUIRE(answer->skipped.size() == 1);
    CHECK(answer->skipped[0].find("instance bad of web on n1: ") == 0);
  }
}

TEST_CASE("consul json: instances come sorted by node and id, doubles once") {
  auto row = [](const char* node, const char* id) {
    return std::string(R"({"Node":{"Node":")") + node + R"(","Address":"1.1.1.1"},"Service":{"ID":")" + id +
           R"(","Service":"web"}})";
  };
  auto answer = decode_health_service(
      "web", "[" + row("b", "1") + "," + row("a", "2") + "," + row("a", "1") + "," + row("b", "1") + "]");
  REQUIRE(answer);
  std::string order;
  for (const auto& one : answer->service.instances) order += one.node + one.id + " ";
  CHECK(order == "a1 a2 b1 ");
}

TEST_CASE("consul json: rows of another service spoil the answer, rows that differ in case are left out") {
  const std::string other = R"([{"Node":{"Node":"n","Address":"1.1.1.1"},"Service":{"ID":"x","Service":"other"}}])";
  CHECK_FALSE(decode_health_service("web", other));
  const std::string cased = R"([{"Node":{"Node":"n","Address":"1.1.1.1"},"Service":{"ID":"x","Service":"Web"}}])";
  auto answer = decode_health_service("web", cased);
  REQUIRE(answer);
  CHECK(answer->service.instances.empty());
}

TEST_CASE("consul json: digests follow states, not output and not order") {
  auto check = [](const char* node, const char* service, const char* id, const char* status, const char* output) {
    return std::string(R"({"Node":")") + node + R"(","CheckID":")" + id + R"(","Status":")" + status +
           R"(","ServiceName":")" + service + R"(","ServiceID":")" + service + R"(-1","Output":")" + output + "\"}";
  };
  const std::string a = check("n", "web", "c1", "passing", "one");
  const std::string b = check("n", "db", "c2", "passing", "two");
  auto first = decode_health_state("[" + a + "," + b + "]");
  auto turned = decode_health_state("[" + b + "," + check("n", "web", "c1", "passing", "other output") + "]");
  auto worse = decode_health_state("[" + check("n", "web", "c1", "critical", "one") + "," + b + "]");
  REQUIRE((first && turned && worse));
  CHECK(first->services == turned->services);
  CHECK(first->services.at("db") == worse->services.at("db"));
  CHECK(first->services.at("web") != worse->services.at("web"));
}

TEST_CASE("consul json: rows that say the same again are not read again, and give what reading all gives") {
  Random random(3);
  auto row = [&](uint64_t id, uint64_t port) {
    const std::string name = random.below(40) == 0 ? "WEB" : "web";
    return R"( {"Node":{"Node":"n)" + std::to_string(id % 3) + R"(","Address":"10.0.0.1"},"Service":{"ID":"i)" +
           std::to_string(id) + R"(","Service":")" + name + R"(","Port":)" + std::to_string(port) +
           R"(,"Tags":["a{b","]\"}"]},"Checks":[{"CheckID":"c","Status":"passing","ServiceID":"x"}]} )";
  };
  std::map<uint64_t, std::string> rows;
  KnownRows known;
  for (int round = 0; round < 200; ++round) {
    const uint64_t id = random.below(8);
    if (random.below(3) == 0) {
      rows.erase(id);
    } else {
      rows[id] = row(id, random.below(90'000));
    }
    std::string body;
    for (const auto& [number, text] : rows) body += (body.empty() ? "" : ",") + text;
    body = " [" + body + "]\n";
    const auto piecewise = decode_health_service("web", body, &known);
    const auto whole = decode_health_service("web", body);
    REQUIRE(whole);
    REQUIRE(piecewise);
    REQUIRE(piecewise->service == whole->service);
    REQUIRE(piecewise->skipped == whole->skipped);
    const size_t cut = random.below(body.size() - 2);
    REQUIRE_FALSE(decode_health_service("web", std::string_view(body).substr(0, cut), &known));
  }
}

TEST_CASE("consul json: what stands between or behind known rows is looked at") {
  const std::string row = R"({"Node":{"Node":"n","Address":"10.0.0.1"},"Service":{"ID":"i","Service":"web","Port":1}})";
  KnownRows known;
  REQUIRE(decode_health_service("web", "[" + row + "]", &known));
  for (const std::string& bad :
       {"[" + row + "]]", "[" + row + ",]", "[," + row + "]", "[" + row + row + "]", "[" + row + ",5]",
        "[" + row + "," + row.substr(0, row.size() - 1) + "]", "[" + row + ",{x}]", "{" + row + "}", row, "[" + row}) {
    INFO(bad);
    CHECK_FALSE(decode_health_service("web", bad, &known));
  }
  CHECK(decode_health_service("web", "[" + row + "]", &known)->service.instances.size() == 1);
}
