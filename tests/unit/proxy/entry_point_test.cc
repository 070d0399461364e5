// Who may connect, and on whose behalf: limits on connections, PROXY headers.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

/// An edge that believes loopback's PROXY headers, and how often it has refused one.
struct BehindProxy : Edge {
  BehindProxy() { config.entry_points[0].proxy_protocol_trusted_cidrs = {Cidr::parse("127.0.0.0/8").value()}; }
  uint64_t bad_headers() { return worker().collect().bad_proxy_headers; }
};

const std::string kV1 = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

}  // namespace

TEST_CASE("admission: the whole, an entry point and a client each have their limit, exactly") {
  config::Config config;
  config.limits.connections_max = 5;
  config.entry_points.resize(2);
  config.entry_points[0].connections_max = 3;
  config.entry_points[0].connections_per_client_max = 2;
  Admission admission(config);
  std::vector<Admission::Ticket> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(admission.enter(0));
    CHECK(held.back());
  }
  CHECK_FALSE(admission.enter(0));
  for (int i = 0; i < 2; ++i) {
    held.push_back(admission.enter(1));
    CHECK(held.back());
  }
  CHECK_FALSE(admission.enter(1));
  held.pop_back();
  CHECK(admission.enter(1));
  CHECK_FALSE(admission.enter(0));

  CHECK(admission.count_client(held[0], ip("192.0.2.1")));
  CHECK(admission.count_client(held[1], ip("192.0.2.1")));
  CHECK_FALSE(admission.count_client(held[2], ip("192.0.2.1")));
  CHECK(admission.count_client(held[2], ip("192.0.2.2")));
  CHECK(admission.count_client(held[3], ip("192.0.2.1")));  // the other entry point has no such limit
  held.erase(held.begin());
  held.push_back(admission.enter(0));
  CHECK(admission.count_client(held.back(), ip("192.0.2.1")));
}

TEST_CASE("admission: an IPv6 client is its /64") {
  config::Config config;
  config.limits.connections_max = 10;
  config.entry_points.resize(1);
  config.entry_points[0].connections_per_client_max = 1;
  Admission admission(config);
  Admission::Ticket one = admission.enter(0);
  Admission::Ticket neighbour = admission.enter(0);
  CHECK(admission.count_client(one, ip("2001:db8:0:1::1")));
  CHECK_FALSE(admission.count_client(neighbour, ip("2001:db8:0:1:ffff::2")));
  CHECK(admission.count_client(neighbour, ip("2001:db8:0:2::1")));
}

TEST_CASE("entry point: its own limits close the connection that is one too many, and make room again") {
  for (bool per_client : {false, true}) {
    Edge edge;
    auto& options = edge.config.entry_points[0];
    (per_client ? options.connections_per_client_max : options.connections_max) = 2;
    edge.route(edge.upstream(answering(ok("x"))));
    Peer& first = edge.connect();
    Peer& second = edge.connect();
    edge.settle();
    Peer& third = edge.connect();
    edge.until([&] { return third.over(); });
    CHECK_FALSE(first.over());
    CHECK_FALSE(second.over());
    first.stream = event::TcpStream();
    edge.until([&] { return edge.worker().collect().open_connections == 1; });
    CHECK(edge.ask(get()).starts_with("HTTP/1.1 200 "));
    CHECK(edge.worker().collect().refused_connections == 1);
  }
}

TEST_CASE("entry point: a client keeps its place until its socket is closed, however long after its last answer") {
  Edge edge;
  edge.config.entry_points[0].connections_per_client_max = 1;
  edge.route(edge.upstream(answering(ok("x"))));
  for (std::string_view last :
       {"no HTTP\r\n\r\n", "GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\nmore"}) {
    Peer& stays = edge.connect();
    stays.send(last);
    edge.until([&] { return stays.ended; });
    edge.check_balanced();
    CHECK(edge.worker().collect().open_connections == 1);
    Peer& refused = edge.connect();
    edge.until([&] { return refused.over(); });
    CHECK(refused.got.empty());
    edge.pass_ms(event::TcpStream::kLingerMs);
    CHECK(edge.worker().collect().open_connections == 0);
  }
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("PROXY: the client is whom the header names, however the bytes come") {
  const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb", 28);
  for (const std::string& header : {kV1, v2}) {
    for (size_t split : {size_t{0}, size_t{1}, header.size() - 1, header.size(), header.size() + 1}) {
      CAPTURE(split);
      BehindProxy edge;
      Upstream& upstream = edge.upstream(answering(ok("x")));
      edge.route(upstream);
      std::string bytes = header + get("/a") + get("/b");
      Peer& client = edge.connect();
      client.send(bytes.substr(0, split));
      edge.settle();
      CHECK(client.got.empty());
      client.send(bytes.substr(split));
      edge.until([&] { return count(client.got, "200 OK") == 2; });
      CHECK(count(upstream.all(), "X-Forwarded-For: 192.0.2.7\r\n") == 2);
      CHECK(count(upstream.all(), "X-Real-Ip: 192.0.2.7\r\n") == 2);
      CHECK(count(upstream.all(), "X-Forwarded-Port: 443\r\n") == 2);
      CHECK(edge.bad_headers() == 0);
    }
  }
}

TEST_CASE("PROXY: a header without addresses leaves the connection its own") {
  BehindProxy edge;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  CHECK(edge.ask("PROXY UNKNOWN\r\n" + get()).starts_with("HTTP/1.1 200 "));
  CHECK(count(upstream.all(), "X-Forwarded-For: 127.0.0.1\r\n") == 1);
}

TEST_CASE("PROXY: a trusted peer that sends none, a malformed one or half of one is closed without an answer") {
  BehindProxy edge;
  edge.route(edge.upstream(answering(ok("x"))));
  for (const std::string& bytes : {get(), std::string("PROXY TCP4 1.2.3.4\r\n") + get(), kV1.substr(0, 20)}) {
    uint64_t before = edge.bad_headers();
    CHECK(edge.ask(bytes).empty());
    CHECK(edge.bad_headers() == before + 1);
  }
  edge.settle();
  CHECK(edge.worker().collect().open_connections == 0);
  CHECK(edge.ask(kV1 + get()).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("PROXY: a peer that is not trusted cannot name another") {
  Edge edge;
  edge.config.entry_points[0].proxy_protocol_trusted_cidrs = {Cidr::parse("10.0.0.0/8").value()};
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  std::string answer = edge.ask(kV1 + get());
  CHECK((answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5")));
  CHECK(upstream.all().empty());
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 200 "));
  CHECK(count(upstream.all(), "192.0.2.7") == 0);
}

TEST_CASE("PROXY: a header has a deadline, and behind it the head has its own") {
  BehindProxy edge;
  edge.config.timeouts.proxy_protocol_ms = 3'000;
  edge.route(edge.upstream(answering(ok("x"))));
  Peer& silent = edge.connect();
  Peer& half = edge.connect();
  half.send(kV1.substr(0, 10));
  Peer& whole = edge.connect();
  whole.send(kV1);
  edge.settle();
  edge.pass_ms(1'500);
  CHECK_FALSE((silent.over() || half.over()));
  edge.pass_ms(1'500);
  edge.until([&] { return silent.over() && half.over(); });
  CHECK_FALSE(whole.over());
  whole.send(get());
  edge.until([&] { return whole.has("200 OK"); });
}

TEST_CASE("PROXY: clients are counted by whom the header names") {
  BehindProxy edge;
  edge.config.entry_points[0].connections_per_client_max = 1;
  edge.route(edge.upstream(answering(ok("x"))));
  Peer& first = edge.connect();
  first.send(kV1);
  edge.settle();
  Peer& same = edge.connect();
  same.send(kV1);
  Peer& other = edge.connect();
  other.send("PROXY TCP4 192.0.2.8 198.51.100.1 4711 443\r\n" + get());
  edge.until([&] { return same.over() && other.has("200 OK"); });
  CHECK_FALSE(first.over());
}

TEST_CASE("PROXY: draining serves the request behind a header that is on its way, and ends at its deadline") {
  for (bool comes : {true, false}) {
    BehindProxy edge;
    edge.config.timeouts.proxy_protocol_ms = 60'000;
    edge.config.timeouts.drain_ms = 200;
    edge.route(edge.upstream(answering(ok("x"))));
    Peer& client = edge.connect();
    edge.settle();
    bool drained = false;
    edge.worker().drain([&] { drained = true; });
    if (comes) client.send(kV1 + get());
    edge.until([&] { return client.over() && drained; });
    CHECK(client.has("200 OK") == comes);
    CHECK(count(client.got, "Connection: close") == (comes ? 1 : 0));
  }
}
