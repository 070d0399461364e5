#pragma once
// One worker, its clients and scripted upstreams, all on one loop that the test turns: nothing happens behind its back,
// and time passes when it says so.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "proxy/worker.h"
#include "weir/event/listener.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"
#include "weir/event/wheel.h"
#include "weir/routing/definitions.h"
#include "weir/routing/table.h"

namespace weir::proxy::fixture {

inline size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// One end of a raw connection: what came, and how it ended.
struct Peer final : event::TcpStream::Observer {
  event::TcpStream stream;
  std::string got;
  size_t taken = 0;  // bytes of `got` that a script has dealt with
  bool connected = false;
  bool ended = false;                                // FIN
  bool failed = false;                               // reset
  std::function<void(Peer&)> script = [](Peer&) {};  // after each of these

  void send(std::string_view bytes) {
    stream.write(bytes);
    stream.flush();
  }
  [[nodiscard]] bool over() const { return ended || failed; }
  [[nodiscard]] bool has(std::string_view text) const { return got.find(text) != std::string::npos; }

  void on_connected() override {
    connected = true;
    stream.start_reading();
  }
  void on_read(std::span<char> bytes) override {
    got.append(bytes.data(), bytes.size());
    script(*this);
  }
  void on_read_end() override {
    ended = true;
    script(*this);
  }
  void on_drained() override {}
  void on_failed(const Error&) override {
    failed = true;
    script(*this);
  }
};

/// A server that does what its script says at each read of each connection.
struct Upstream {
  Upstream(event::Loop& loop, std::function<void(Peer&)> its_script, std::string_view host = "127.0.0.1")
      : script(std::move(its_script)) {
    std::string address = std::string(host) + ":0";
    auto made = event::Listener::listen(loop, {SocketAddress::parse(address).value()}, [this](event::TcpStream stream) {
      Peer& peer = *peers.emplace_back(std::make_unique<Peer>());
      peer.script = [this](Peer& told) { script(told); };
      peer.stream = std::move(stream);
      peer.stream.set_observer(peer);
      peer.stream.start_reading();
    });
    REQUIRE(made);
    port = made->address().port;
    listener = std::make_unique<event::Listener>(std::move(*made));
  }
  [[nodiscard]] std::string all() const {
    std::string out;
    for (const auto& peer : peers) out += peer->got;
    return out;
  }

  std::function<void(Peer&)> script;
  uint16_t port = 0;
  std::vector<std::unique_ptr<Peer>> peers;  // in the order they came
  std::unique_ptr<event::Listener> listener;
};

/// Answers each request head with `answer`.
inline std::function<void(Peer&)> answering(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      peer.taken = end + 4;
      peer.send(answer);
    }
  };
}
inline std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
inline std::string get(std::string_view path = "/", std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: web.test\r\n" + std::string(more) + "\r\n";
}

class Edge {
 public:
  Edge() {
    config.workers = 1;
    config.entry_points.resize(1);
    config.entry_points[0].name = "web";
    config.entry_points[0].address = SocketAddress::parse("127.0.0.1:0").value();
  }
  ~Edge() {
    clients.clear();
    upstreams.clear();
  }

  /// An upstream on this loop.
  Upstream& upstream(std::function<void(Peer&)> script, std::string_view host = "127.0.0.1") {
    return upstreams.emplace_back(worker().loop(), std::move(script), host);
  }
  /// Routes Host(`web.test`) to these endpoints: "http://127.0.0.1:80". Live where they do not begin with "!".
  void route(const std::vector<std::string>& endpoints) {
    service = {};
    service.name = "s";
    service.pass_host_header = pass_host_header;
    for (std::string_view text : endpoints) {
      routing::EndpointDefinition endpoint;
      if (text.starts_with('!')) {
        endpoint.health = catalog::Health::critical;
        text.remove_prefix(1);
      }
      endpoint.scheme = text.substr(0, text.find(':'));
      endpoint.host = text.substr(endpoint.scheme.size() + 3, text.rfind(':') - endpoint.scheme.size() - 3);
      if (endpoint.host[0] == '[') endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
      endpoint.port = static_cast<uint16_t>(std::stoi(std::string(text.substr(text.rfind(':') + 1))));
      service.endpoints.push_back(endpoint);
    }
    install();
  }
  void route(const Upstream& upstream) { route({url(upstream)}); }
  static std::string url(const Upstream& upstream) { return "http://127.0.0.1:" + std::to_string(upstream.port); }

  /// Builds the table from `service` and `middlewares` and gives it to the worker.
  void install() {
    auto definitions = std::make_shared<routing::Definitions>();
    definitions->provider = "test";
    if (!service.name.empty()) {
      routing::RouterDefinition router;
      router.name = "r";
      router.rule = "Host(`web.test`)";
      router.service = "s";
      for (const auto& middleware : middlewares) router.middlewares.push_back(middleware.name);
      definitions->routers.push_back(router);
      definitions->services.push_back(service);
      definitions->middlewares = middlewares;
    }
    if (elsewhere_port != 0) {
      routing::ServiceDefinition elsewhere;
      elsewhere.name = "elsewhere";
      elsewhere.endpoints.push_back({"http", "127.0.0.1", elsewhere_port});
      definitions->services.push_back(elsewhere);
    }
    auto outcome = routing::build_table({definitions}, table);
    REQUIRE(outcome.rejected.empty());
    table = outcome.table;
    worker().install(table);
  }

  /// The worker, made when it is first asked for: `config` is read then.
  Worker& worker() {
    if (!worker_) {
      worker_ = std::make_unique<Worker>(0, config);
      auto bound = worker_->bind(config.entry_points[0], config.entry_points[0].address);
      REQUIRE(bound);
      address_ = *bound;
    }
    return *worker_;
  }
  /// Where the worker listens.
  const SocketAddress& address() {
    worker();
    return address_;
  }
  Peer& connect() {
    Peer& client = clients.emplace_back();
    worker();
    client.stream = event::TcpStream::connect(worker().loop(), address_, client);
    until([&] { return client.connected || client.over(); });
    return client;
  }
  /// What a client gets that sends this, reads all, and closes when the edge does or an answer of that many bytes
  /// ended.
  std::string ask(std::string_view request) {
    Peer& client = connect();
    client.send(request);
    client.stream.end_writing();
    until([&] { return client.over(); });
    return client.got;
  }

  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(worker().loop(), [] {});
    guard.start_once(20'000);
    while (!holds() && guard.active()) worker().loop().run_ready();
    for (const Peer& client : clients) UNSCOPED_INFO("a client has got: " << client.got.substr(0, 300));
    REQUIRE(holds());
  }
  /// Enough turns for everything that is under way to arrive.
  void settle() {
    for (int i = 0; i < 30; ++i) worker().loop().run_ready();
  }
  /// Lets deadlines of that time from now pass.
  void pass_ms(uint64_t ms) {
    settle();
    worker().loop().skip_ms(ms + 2 * event::Wheel::kTickMs);
    settle();
  }
  /// Nothing is under way, and everything that counts says so.
  void check_balanced() {
    settle();
    Stats stats = worker().collect();
    CHECK(stats.exchanges_in_flight == 0);
    for (const auto& [name, endpoint] : stats.endpoints) CHECK(endpoint.in_flight == 0);
  }

  config::Config config;
  bool pass_host_header = true;
  routing::ServiceDefinition service;
  uint16_t elsewhere_port = 0;  // of a service that no request asks for; 0: there is none
  std::vector<routing::MiddlewareDefinition> middlewares;
  std::shared_ptr<const routing::RoutingTable> table;

 private:
  std::unique_ptr<Worker> worker_;
  SocketAddress address_;

 public:
  std::list<Upstream> upstreams;
  std::list<Peer> clients;
};

}  // namespace weir::proxy::fixture
