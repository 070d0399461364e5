// The whole data plane with threads of its own, from the control thread's side.

#include "weir/proxy/proxy.h"

#include "edge_fixture.h"
#include "weir/tls/client.h"
#include "weir/tls/engine.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

/// The control loop, with the clients and upstreams of the test on it.
struct Control {
  event::Loop loop;
  config::Config config;
  std::list<Upstream> upstreams;
  std::list<Peer> clients;

  Control() {
    config.workers = 2;
    config.entry_points.push_back({"web", SocketAddress::parse("127.0.0.1:0").value(), {}});
  }
  ~Control() {
    clients.clear();
    upstreams.clear();
  }
  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(loop, [] {});
    guard.start_once(20'000);
    while (!holds() && guard.active()) loop.run_ready();
    REQUIRE(holds());
  }
  /// As an edge that says it is ready: whichever worker takes a connection now serves by that table.
  void publish(Proxy& proxy, std::shared_ptr<const routing::RoutingTable> table) {
    bool installed = false;
    proxy.publish(std::move(table));
    proxy.when_installed([&] { installed = true; });
    until([&] { return installed; });
  }
  Peer& connect(const Proxy& proxy) {
    Peer& client = clients.emplace_back();
    client.stream = event::TcpStream::connect(loop, proxy.addresses().at("web"), client);
    until([&] { return client.connected; });
    return client;
  }
};

std::shared_ptr<const routing::RoutingTable> table_to(uint16_t port) {
  auto definitions = std::make_shared<routing::Definitions>();
  definitions->provider = "test";
  definitions->routers.push_back({"r", "Host(`web.test`)", 0, {}, {}, "s", false, {}});
  routing::ServiceDefinition service;
  service.name = "s";
  service.endpoints.push_back({"http", "127.0.0.1", port});
  definitions->services.push_back(service);
  return routing::build_table({definitions}, nullptr).table;
}

std::shared_ptr<const routing::RoutingTable> empty_table() {
  auto nothing = std::make_shared<routing::Definitions>();
  nothing->provider = "test";
  return routing::build_table({nothing}, nullptr).table;
}

}  // namespace

TEST_CASE("proxy: workers share the port, take a table, add up their numbers and drain") {
  Control control;
  Upstream& upstream = control.upstreams.emplace_back(control.loop, answering(ok("x")));
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  Proxy& proxy = **started;
  CHECK(proxy.workers() == 2);
  control.publish(proxy, table_to(upstream.port));
  for (int i = 0; i < 16; ++i) {
    Peer& client = control.connect(proxy);
    client.send(get());
    control.until([&] { return client.has("\r\n\r\nx"); });
  }
  Stats stats;
  bool collected = false;
  proxy.collect([&](Stats sum) {
    stats = std::move(sum);
    collected = true;
  });
  control.until([&] { return collected; });
  CHECK(stats.accepted_connections == 16);
  CHECK(stats.open_connections == 16);
  CHECK(stats.routers["r@test"].requests.by_status() == std::map<uint16_t, uint64_t>{{200, 16}});
  bool drained = false;
  proxy.drain([&] { drained = true; });
  control.until([&] { return drained; });
  for (Peer& client : control.clients) control.until([&] { return client.over(); });
}

TEST_CASE("proxy: a table counts as installed when the last worker serves by it, not before") {
  Control control;
  control.config.workers = 4;
  Upstream& upstream = control.upstreams.emplace_back(control.loop, answering(ok("x")));
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  for (int round = 0; round < 20; ++round) {
    bool empty = round % 2 == 0;
    control.publish(**started, empty ? empty_table() : table_to(upstream.port));
    for (int i = 0; i < 8; ++i) {
      Peer& client = control.connect(**started);
      client.send(get());
      control.until([&] { return client.has("\r\n\r\n"); });
      CHECK(client.has(empty ? " 404 " : " 200 "));
    }
  }
}

TEST_CASE(
    "worker: of tables that come while nothing happens the newest is installed, and what is posted keeps its place") {
  Edge edge;
  Worker& worker = edge.worker();
  worker.install(empty_table());
  std::weak_ptr<const routing::RoutingTable> never_seen;
  const auto offer = [&](std::shared_ptr<const routing::RoutingTable> table) {
    worker.offer(table);
    return table.get();
  };
  const auto installed = [&] {
    PinnedTable* pinned = worker.pin();
    const auto* table = pinned->table.get();
    worker.unpin(*pinned);
    return table;
  };
  {
    auto table = empty_table();
    never_seen = table;
    worker.offer(std::move(table));
  }
  const auto* second = offer(empty_table());
  CHECK(never_seen.expired());
  const routing::RoutingTable* at_post = nullptr;
  worker.post([&] { at_post = installed(); });
  const auto* third = offer(empty_table());
  CHECK(installed() != second);
  edge.until([&] { return installed() == third; });
  CHECK(at_post == second);
}

TEST_CASE("proxy: no worker carries more than 1.25 times the mean, wherever the kernel put the connections") {
  Control control;
  control.config.workers = 4;
  Upstream& upstream = control.upstreams.emplace_back(control.loop, answering(ok("x")));
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  Proxy& proxy = **started;
  control.publish(proxy, table_to(upstream.port));
  constexpr uint64_t kConnections = 60;
  for (uint64_t i = 0; i < kConnections; ++i) {
    Peer& client = control.connect(proxy);
    client.send(get());
    control.until([&] { return client.has("\r\n\r\nx"); });
  }
  Stats stats;
  bool collected = false;
  proxy.collect([&](Stats sum) {
    stats = std::move(sum);
    collected = true;
  });
  control.until([&] { return collected; });
  REQUIRE(stats.connections_by_worker.size() == 4);
  for (const auto& [worker, connections] : stats.connections_by_worker) {
    INFO("worker " << worker);
    CHECK(connections <= kConnections / 4 * 5 / 4 + 1);
  }
  CHECK(stats.open_connections == kConnections);
  CHECK(stats.accepted_connections == kConnections);
  bool drained = false;
  proxy.drain([&] { drained = true; });
  control.until([&] { return drained; });
  for (Peer& client : control.clients) control.until([&] { return client.over(); });
}

TEST_CASE("proxy: what a callback of collect holds is let go on the control thread, before anything else happens") {
  Control control;
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watched = held;
  bool collected = false;
  (*started)->collect([held = std::move(held), &collected](Stats) { collected = true; });
  control.until([&] { return collected; });
  CHECK(watched.expired());
}

TEST_CASE("proxy: an entry point that cannot be bound is an error that names it") {
  Control control;
  Upstream& taken = control.upstreams.emplace_back(control.loop, [](Peer&) {});
  control.config.entry_points[0].address.port = taken.port;
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE_FALSE(started);
  CHECK(started.error().message.find("entry point web: ") == 0);
}

TEST_CASE("proxy: destroying it with requests in every state leaves nothing behind") {
  Control control;
  Upstream& upstream = control.upstreams.emplace_back(control.loop, [](Peer& peer) {
    if (peer.has("/half") && peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  });
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  (*started)->publish(table_to(upstream.port));
  for (std::string_view request :
       {"GET / HT", "", "GET /wait HTTP/1.1\r\nHost: web.test\r\n\r\n", "GET /half HTTP/1.1\r\nHost: web.test\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\n\r\nabc"}) {
    control.connect(**started).send(request);
  }
  control.until([&] { return upstream.peers.size() == 3 && control.clients.size() == 5; });
  started->reset();
  for (Peer& client : control.clients) control.until([&] { return client.over(); });
}

TEST_CASE("proxy: connections to an endpoint that the table does not name any more are closed soon") {
  Control control;
  Upstream& upstream = control.upstreams.emplace_back(control.loop, answering(ok("x")));
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  auto table = table_to(upstream.port);
  (*started)->publish(table);
  Peer& client = control.connect(**started);
  client.send(get());
  control.until([&] { return client.has("\r\n\r\nx"); });
  CHECK_FALSE(upstream.peers[0]->over());
  auto nothing = std::make_shared<routing::Definitions>();
  nothing->provider = "test";
  (*started)->publish(routing::build_table({nothing}, table).table);
  control.until([&] { return upstream.peers[0]->over(); });  // well before timeouts.upstream_idle_ms
  CHECK_FALSE(client.over());
}

TEST_CASE("proxy: ticket keys of one's own are rotated: a session is resumed until its key is gone") {
  Control control;
  control.config.workers = 1;
  control.config.entry_points[0].tls = true;
  control.config.entry_points[0].tls_options = "default";
  control.config.tls.ticket_rotation_s = 1;  // a file has a minute at least; the third rotation forgets a key
  auto started = Proxy::start(control.loop, control.config);
  REQUIRE(started);
  control.publish(**started, empty_table());
  tls::Engine engine(control.loop);
  tls::ClientMaterial blind;
  blind.options.insecure_skip_verify = true;
  auto context = tls::make_client_context(engine.library(), blind).value();
  auto resumes = [&](int session) {
    Peer client;
    client.stream = event::TcpStream::connect(control.loop, (*started)->addresses().at("web"), client,
                                              engine.connect(context, {"web.test", std::to_string(session), {}}));
    control.until([&] { return client.connected; });
    client.send(get());
    control.until([&] { return client.has(" 404 "); });
    return tls::connection_of(client.stream)->resumed();
  };
  CHECK_FALSE(resumes(0));
  CHECK(resumes(0));
  // Each visit takes its session's ticket and brings a new one: one session for each try.
  constexpr int kTries = 100;
  for (int i = 1; i <= kTries; ++i) resumes(i);
  int tried = 1;
  event::Timer pause(control.loop, [] {});
  while (tried < kTries && resumes(tried)) {
    ++tried;
    pause.start_once(100);
    control.until([&] { return !pause.active(); });
  }
  CHECK(tried < kTries);
}
