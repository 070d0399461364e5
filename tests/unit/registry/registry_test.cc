// The whole registry on real sockets and a real file.

#include "weir/registry/registry.h"

#include <filesystem>
#include <fstream>

#include "catch.h"
#include "temporary_folder.h"
#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"

namespace weir::registry {
namespace {

struct RegistryFixture {
  event::Loop loop;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<http::Client> client = std::make_unique<http::Client>(loop);

  Status start(const std::string& data_dir, const std::string& node_name = "n1") {
    Registry::Options options;
    options.http_address.port = 0;
    options.data_dir = data_dir;
    options.node_name = node_name;
    options.on_ready = [this](const Status& status) {
      loaded = status;
      loop.stop();
    };
    auto started = Registry::start(loop, options);
    if (!started) return fail(started.error());
    registry = std::move(*started);
    run();
    return loaded;
  }
  void run() {
    event::Timer deadline(loop, [this] { loop.stop(); });
    deadline.start_once(20'000);
    loop.run();
  }
  http::ClientResponse send(const std::string& method, const std::string& target, const std::string& body = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = Url::parse("http://" + registry->http_address().text() + target).value();
    request.body = body;
    std::optional<http::ClientResponse> answer;
    auto call = client->send(std::move(request), [&](Result<http::ClientResponse> response) {
      if (response) answer = std::move(*response);
      loop.stop();
    });
    run();
    REQUIRE(answer);
    return *answer;
  }
  Status loaded = fail(ErrorCode::timeout, "not loaded");
};

}  // namespace

TEST_CASE("registry: what was acknowledged is there after a restart, and the index has gone on") {
  TemporaryFolder folder;
  uint64_t before = 0;
  {
    RegistryFixture f;
    REQUIRE(f.start(folder.path()));
    CHECK(f.send("PUT", "/v1/kv/k", "v").body == "true");
    CHECK(f.send("PUT", "/v1/agent/service/register",
                 R"({"Name":"web","Port":1,"Check":{"TTL":"1h","Status":"passing"}})")
              .status == 200);
    before = parse_u64(f.send("GET", "/v1/health/service/web").header("X-Consul-Index")).value();
  }
  RegistryFixture f;
  REQUIRE(f.start(folder.path()));
  CHECK(f.send("GET", "/v1/kv/k?raw").body == "v");
  http::ClientResponse health = f.send("GET", "/v1/health/service/web?passing");
  CHECK(health.body.find("\"Service\":\"web\"") != std::string::npos);
  CHECK(parse_u64(health.header("X-Consul-Index")).value() > before);
}

TEST_CASE("registry: under another node name the same services and checks stand") {
  TemporaryFolder folder;
  {
    RegistryFixture f;
    REQUIRE(f.start(folder.path(), "old"));
    CHECK(f.send("PUT", "/v1/agent/service/register",
                 R"({"Name":"web","Port":1,"Check":{"TTL":"1h","Status":"passing"}})")
              .status == 200);
  }
  for (const char* name : {"new", "newer"}) {
    RegistryFixture f;
    REQUIRE(f.start(folder.path(), name));
    const std::string health = f.send("GET", "/v1/health/service/web?passing").body;
    CHECK(health.find("\"Node\":\"" + std::string(name) + "\"") != std::string::npos);
    CHECK(health.find("\"CheckID\":\"service:web\"") != std::string::npos);
    CHECK(health.find("\"Node\":\"old\"") == std::string::npos);
    CHECK(f.send("GET", "/v1/catalog/node/old").body == "null");
    CHECK(f.send("PUT", "/v1/agent/check/warn/service:web").status == 200);
    CHECK(f.send("PUT", "/v1/agent/check/pass/service:web").status == 200);
  }
}

TEST_CASE("registry: a store that cannot be read is an error for ever") {
  TemporaryFolder folder;
  {
    RegistryFixture f;
    REQUIRE(f.start(folder.path()));
    f.send("PUT", "/v1/kv/k", std::string(100'000, 'v'));
  }
  std::filesystem::path database = folder.path("registry.db");
  {
    std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    file << std::string(std::filesystem::file_size(database) - 8192, 'x');
  }
  RegistryFixture f;
  Status started = f.start(folder.path());
  REQUIRE_FALSE(started);
  if (f.registry) CHECK_FALSE(f.registry->ready());
}

TEST_CASE("registry: two cannot share a folder, and a bad folder is an error") {
  TemporaryFolder folder;
  RegistryFixture f;
  REQUIRE(f.start(folder.path()));
  RegistryFixture second;
  Status status = second.start(folder.path());
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("locked") != std::string::npos);
  RegistryFixture third;
  CHECK_FALSE(third.start("/proc/no/such/folder"));
}

TEST_CASE("registry: DNS and HTTP stand on the ports they report") {
  RegistryFixture f;
  Registry::Options options;
  options.http_address.port = 0;
  options.dns_address = SocketAddress::parse("127.0.0.1:0").value();
  options.on_ready = [&](const Status&) { f.loop.stop(); };
  auto started = Registry::start(f.loop, options);
  REQUIRE(started);
  f.registry = std::move(*started);
  f.run();
  CHECK(f.registry->ready() == true);
  CHECK(f.registry->http_address().port != 0);
  REQUIRE(f.registry->dns_address());
  CHECK(f.send("GET", "/v1/status/leader").body == "\"127.0.0.1:8300\"");
}

}  // namespace weir::registry
