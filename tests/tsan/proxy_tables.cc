// Publishes tables, asks for numbers and reopens the log while requests run on two workers and are limited and guarded,
// over connections that stay and over others that come and go in bursts, so that workers hand them over to each other.
// Exit code 0 when every request was answered; a data race ends it by ThreadSanitizer's own exit code.

#include <csignal>
#include <cstdio>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/check.h"
#include "weir/base/random.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"
#include "weir/proxy/proxy.h"
#include "weir/routing/table.h"

using namespace weir;

namespace {

constexpr size_t kClients = 16;
constexpr size_t kPublished = 400;
constexpr size_t kBurst = 24;  // connections that come at once, ask once and go
constexpr uint64_t kSecondsMax = 120;
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: web.test\r\nAuthorization: Basic amFuZTpqYW5l\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One end of a connection: answers requests, or sends the next one when an answer is whole.
struct Peer final : event::TcpStream::Observer {
  event::TcpStream stream;
  std::string_view waits_for;
  std::string_view says;
  std::string got;
  size_t rounds = 0;
  size_t bad = 0;
  bool once = false;  // goes after the first answer

  void say() {
    stream.write(says);
    stream.flush();
  }
  void on_connected() override {
    stream.start_reading();
    say();
  }
  void on_read(std::span<char> bytes) override {
    got.append(bytes.data(), bytes.size());
    std::string_view good = std::string_view("HTTP/1.1 200 ").substr(0, got.size());
    bool refused = got.starts_with("HTTP/1.1 ") && !got.starts_with(good);
    if (refused) {
      ++bad;
      stream = {};
      return;
    }
    for (size_t at; (at = got.find(waits_for)) != std::string::npos;) {
      got.erase(0, at + waits_for.size());
      ++rounds;
      if (once) stream = {};
      if (!stream.open()) return;
      say();
      if (!stream.open()) return;
    }
  }
  void on_read_end() override { stream = {}; }
  void on_drained() override {}
  void on_failed(const Error&) override { stream = {}; }
};

struct Upstream {
  explicit Upstream(event::Loop& loop) {
    auto made =
        event::Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](event::TcpStream stream) {
          Peer& peer = peers.emplace_back();
          peer.waits_for = "\r\n\r\n";
          peer.says = kAnswer;
          peer.stream = std::move(stream);
          peer.stream.set_observer(peer);
          peer.stream.start_reading();
        });
    CHECK(made.has_value());
    port = made->address().port;
    listener = std::make_unique<event::Listener>(std::move(*made));
  }
  uint16_t port = 0;
  std::list<Peer> peers;
  std::unique_ptr<event::Listener> listener;
};

/// Middlewares whose counts all workers share, and passwords, which are weighed by a thread of their own; anew where
/// the list of users is another.
std::vector<routing::MiddlewareDefinition> guards(Random& random) {
  const std::string users = "jane:{SHA}io3u1EYj1MRCaMJmUtgJRYUcT38=,u" + std::to_string(random.below(1000)) + ":{SHA}x";
  std::vector<routing::MiddlewareDefinition> out(3);
  out[0] = {"rate", "rateLimit", {{"average", "1000000"}, {"burst", "1000000"}}, {}};
  out[1] = {"flight", "inFlightReq", {{"amount", "100000"}}, {}};
  out[2] = {"users", "basicAuth", {{"users", users}}, {}};
  return out;
}

/// Every table routes web.test; which upstreams, how many other routers and which strategy change each time.
std::shared_ptr<const routing::RoutingTable> next_table(const std::shared_ptr<const routing::RoutingTable>& before,
                                                        const std::vector<uint16_t>& ports, Random& random) {
  auto definitions = std::make_shared<routing::Definitions>();
  definitions->provider = "test";
  routing::ServiceDefinition service;
  service.name = "s";
  service.strategy = random.below(2) == 0 ? "wrr" : "p2c";
  size_t left_out = random.below(ports.size() + 1);
  for (size_t i = 0; i < ports.size(); ++i) {
    if (i == left_out) continue;
    routing::EndpointDefinition endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = ports[i];
    service.endpoints.push_back(endpoint);
  }
  definitions->services.push_back(service);
  definitions->middlewares = guards(random);
  routing::RouterDefinition router;
  router.name = "web";
  router.rule = "Host(`web.test`)";
  router.service = "s";
  for (const auto& guard : definitions->middlewares) router.middlewares.push_back(guard.name);
  definitions->routers.push_back(router);
  router.middlewares.clear();
  for (size_t i = random.below(20); i > 0; --i) {
    router.name = "other" + std::to_string(i);
    router.rule = "Host(`other" + std::to_string(i) + ".test`)";
    definitions->routers.push_back(router);
  }
  return routing::build_table({definitions}, before).table;
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  event::Loop loop;
  std::vector<std::unique_ptr<Upstream>> upstreams;
  std::vector<uint16_t> ports;
  for (int i = 0; i < 3; ++i) {
    upstreams.push_back(std::make_unique<Upstream>(loop));
    ports.push_back(upstreams.back()->port);
  }
  config::Config config;
  config.workers = 2;
  config.entry_points.push_back({"web", SocketAddress::parse("127.0.0.1:0").value(), {}});
  config.access_log.format = config::AccessLogFormat::json;
  config.access_log.path = "/dev/null";
  auto proxy = proxy::Proxy::start(loop, config);
  CHECK(proxy.has_value());

  Random random(7);
  auto table = next_table(nullptr, ports, random);
  (*proxy)->publish(table);
  std::list<Peer> clients;
  auto connect = [&](size_t count, bool once) {
    for (size_t i = 0; i < count; ++i) {
      Peer& client = clients.emplace_back();
      client.waits_for = "\r\n\r\nok";
      client.says = kRequest;
      client.once = once;
      client.stream = event::TcpStream::connect(loop, (*proxy)->addresses().at("web"), client);
    }
  };
  (*proxy)->collect([&](const proxy::Stats&) { connect(kClients, false); });  // every worker has the table

  size_t published = 0;
  size_t collected = 0;
  proxy::Stats last;
  bool drained = false;
  event::Timer change(loop, [&] {
    if (published++ == kPublished) {
      (*proxy)->drain([&] {
        drained = true;
        loop.stop();
      });
    }
    if (published > kPublished) return;
    table = next_table(table, ports, random);
    (*proxy)->publish(table);
    if (published % 4 == 0)
      (*proxy)->collect([&](const proxy::Stats& stats) {
        ++collected;
        last = stats;
      });
    if (published % 8 == 0) connect(kBurst, true);
    if (published % 10 == 0) (*proxy)->reopen_access_log();
  });
  change.start_every(5);
  event::Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(kSecondsMax * 1000);
  loop.run();

  size_t rounds = 0;
  size_t bad = 0;
  for (const Peer& client : clients) {
    rounds += client.rounds;
    bad += client.bad;
  }
  proxy->reset();
  std::printf("%zu requests, %zu of them not 200, %zu tables, %zu collections, %zu connections handed over, %s\n",
              rounds, bad, published - 1, collected, static_cast<size_t>(last.handed_over_connections),
              drained ? "drained" : "not drained");
  clients.clear();
  upstreams.clear();
  bool moved = last.handed_over_connections > 0 && last.access_log.lines > 0;
  return drained && bad == 0 && rounds > kPublished && collected > 0 && moved ? 0 : 1;
}
