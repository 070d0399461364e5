#include "weir/provider/secrets.h"

#include "catch.h"
#include "provider/connect_json.h"
#include "scripted_source.h"
#include "weir/base/text.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

constexpr const char* kRoots = "/v1/agent/connect/ca/roots";
constexpr const char* kLeaf = "/v1/agent/connect/ca/leaf/edge";
constexpr const char* kKey = "/v1/kv/weir/ticket%20keys";

std::string leaf(const std::string& pem) {
  return R"({"SerialNumber":"07","CertPEM":")" + pem +
         R"(","PrivateKeyPEM":"key","Service":"edge","ServiceURI":"spiffe://t.consul/ns/default/dc/dc1/svc/edge"})";
}

std::string roots(const std::vector<std::string>& pems) {
  std::vector<std::string> out;
  for (const std::string& pem : pems) out.push_back(R"({"ID":"x","Active":true,"RootCert":")" + pem + "\"}");
  return R"({"ActiveRootID":"x","TrustDomain":"t.consul","Roots":[)" + join(out, ",") + "]}";
}

/// A Consul, and what was heard of it, with times made short.
struct SecretWorld {
  event::Loop loop;
  ScriptedSource source{loop};
  config::ConsulConfig consul;
  QueryTiming timing{.wait_ms = 600,
                     .slack_ms = 100,
                     .immediate_ms = 300,
                     .poll_ms = 20,
                     .backoff_first_ms = 4,
                     .backoff_max_ms = 40,
                     .backoff_refused_ms = 40};
  std::vector<tls::MeshIdentity> identities;
  std::vector<std::string> values;
  std::string refused;  // a leaf or a value that is not taken
  std::unique_ptr<SecretSource> secrets;

  SecretWorld() {
    consul.addresses = {source.url()};
    consul.connect_service = "edge";
  }
  ~SecretWorld() {
    source.lie = nullptr;
    secrets.reset();
  }
  void follow_mesh() {
    auto made = follow_connect(loop, consul, timing, [this](tls::MeshIdentity identity) -> Status {
      if (identity.chain_pem == refused) return fail(ErrorCode::invalid, "refused");
      identities.push_back(std::move(identity));
      return {};
    });
    REQUIRE(made);
    secrets = std::move(*made);
  }
  void follow_value() {
    auto made =
        follow_key(loop, place_of(consul), "weir/ticket keys", timing, [this](const std::string& value) -> Status {
          if (value == refused) return fail(ErrorCode::invalid, "refused");
          values.push_back(value);
          return {};
        });
    REQUIRE(made);
    secrets = std::move(*made);
  }
  bool until_leaf(const std::string& pem) {
    return run_until(loop, [&] { return !identities.empty() && identities.back().chain_pem == pem; });
  }
  [[nodiscard]] size_t asked(const std::string& path) const {
    size_t count = 0;
    for (const http::Request& request : source.requests) count += request.path == path ? 1 : 0;
    return count;
  }
};

}  // namespace

TEST_CASE("connect: leaf and roots come together, and again when one of them is another") {
  SecretWorld world;
  world.source.set(kLeaf, leaf("one"));
  world.follow_mesh();
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 1; }));
  CHECK(world.identities.empty());
  world.source.set(kRoots, roots({"a"}));
  REQUIRE(world.until_leaf("one"));
  CHECK(world.identities[0].service == "edge");
  CHECK(world.identities[0].uri == "spiffe://t.consul/ns/default/dc/dc1/svc/edge");
  CHECK((world.identities[0].key_pem == "key" && world.identities[0].roots_pem == "a\n"));
  world.source.set(kRoots, roots({"b", "a"}));
  REQUIRE(run_until(world.loop, [&] { return world.identities.size() == 2; }));
  CHECK(world.identities[1].roots_pem == "b\na\n");
  CHECK(world.identities[1].chain_pem == "one");
  world.source.set(kLeaf, leaf("two"));
  REQUIRE(world.until_leaf("two"));
  CHECK(world.identities.size() == 3);
}

TEST_CASE("connect: what is broken or refused changes nothing, and the next good answer is taken") {
  SecretWorld world;
  world.refused = "bad";
  world.source.set(kRoots, roots({"a"}));
  world.source.set(kLeaf, leaf("one"));
  world.follow_mesh();
  REQUIRE(world.until_leaf("one"));
  for (const std::string& broken : {leaf("bad"), std::string("{}"), std::string("["), leaf("")}) {
    size_t before = world.asked(kLeaf);
    world.source.set(kLeaf, broken);
    REQUIRE(run_until(world.loop, [&] { return world.asked(kLeaf) >= before + 3; }));
    CHECK(world.identities.size() == 1);
  }
  world.source.stop_listening();
  world.source.listen_again();
  world.source.set(kLeaf, leaf("two"));
  CHECK(world.until_leaf("two"));
}

TEST_CASE("connect: answers that are no certificates are told apart") {
  auto reason = [](const std::string& body) {
    auto decoded = decode_connect_roots(body);
    return decoded ? std::string("taken") : decoded.error().message;
  };
  CHECK(reason(roots({"a"})) == "taken");
  CHECK(reason(roots({})).find("is Connect enabled?") != std::string::npos);
  CHECK(reason(R"({"Roots":null})").find("is Connect enabled?") != std::string::npos);
  CHECK(reason(R"({"Roots":[7]})").find("a root is no object") != std::string::npos);
  CHECK(reason(roots(std::vector<std::string>(kConnectRootsMax, "a"))) == "taken");
  CHECK(reason(roots(std::vector<std::string>(kConnectRootsMax + 1, "a"))) != "taken");
  CHECK_FALSE(decode_connect_leaf("[]"));
  CHECK_FALSE(decode_connect_leaf(R"({"CertPEM":"x","PrivateKeyPEM":"y","Service":"edge"})"));
}

TEST_CASE("shared key: its value and each change of it; absence and refusal keep the last one") {
  SecretWorld world;
  world.refused = "bad";
  world.follow_value();
  REQUIRE(run_until(world.loop, [&] { return world.asked(kKey) > 0 && world.source.waiting() == 1; }));
  CHECK(world.values.empty());
  world.source.set(kKey, kv_json({{"weir/ticket keys", "first"}}));
  REQUIRE(run_until(world.loop, [&] { return world.values == std::vector<std::string>{"first"}; }));
  world.source.set(kKey, kv_json({{"weir/ticket keys", "bad"}}));
  size_t before = world.asked(kKey);
  REQUIRE(run_until(world.loop, [&] { return world.asked(kKey) >= before + 2; }));
  world.source.unset(kKey);
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 1; }));
  world.source.set(kKey, kv_json({{"weir/ticket keys", "second"}}));
  REQUIRE(run_until(world.loop, [&] { return world.values.size() == 2; }));
  CHECK(world.values[1] == "second");
}

TEST_CASE("shared key: addresses that cannot be are an error") {
  SecretWorld world;
  world.consul.addresses = {"ftp://x"};
  auto take = [](const std::string&) -> Status { return {}; };
  CHECK_FALSE(follow_key(world.loop, place_of(world.consul), "k", {}, take));
  CHECK_FALSE(follow_connect(world.loop, world.consul, {}, [](const tls::MeshIdentity&) -> Status { return {}; }));
}
