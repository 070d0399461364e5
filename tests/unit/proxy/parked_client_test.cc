// Many idle connections: parked after a second, awake when their client speaks, gone when their time is over.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr size_t kClients = 300;  // more than stay unparked

/// An edge with many clients that have each had one answer and are idle now.
struct ManyIdle : Edge {
  std::vector<Peer*> idle;
  ManyIdle() {
    config.timeouts.idle_ms = 60'000;
    route(upstream(answering(ok("x"))));
  }
  void connect_all() {
    for (size_t i = 0; i < kClients; ++i) {
      idle.push_back(&connect());
      idle.back()->send(get());
      until([&] { return count(idle.back()->got, "200 OK") == 1; });
    }
  }
  size_t parked() { return worker().collect().parked_connections; }
  size_t open() { return worker().collect().open_connections; }
};

}  // namespace

TEST_CASE("parked: beyond the first few, idle connections are parked after a second and answer as ever") {
  ManyIdle edge;
  edge.connect_all();
  edge.pass_ms(1'200);
  size_t parked = edge.parked();
  CHECK(parked > 0);
  CHECK(parked < kClients);
  CHECK(edge.open() == kClients);
  for (Peer* client : edge.idle) {
    client->send(get("/again"));
    edge.until([&] { return count(client->got, "200 OK") == 2; });
  }
  CHECK(edge.open() == kClients);
}

TEST_CASE("parked: requests of a connection are counted across its sleep") {
  ManyIdle edge;
  edge.config.limits.requests_per_connection_max = 2;
  edge.connect_all();
  edge.pass_ms(1'200);
  REQUIRE(edge.parked() > 0);
  for (Peer* client : edge.idle) {
    client->send(get("/again"));
    edge.until([&] { return client->over(); });
    CHECK(count(client->got, "Connection: close\r\n") == 1);
  }
}

TEST_CASE("parked: who leaves is forgotten, who stays goes when its idle time is over") {
  ManyIdle edge;
  edge.connect_all();
  edge.pass_ms(1'200);
  REQUIRE(edge.parked() > 0);
  for (size_t i = 0; i < kClients / 2; ++i) edge.idle[i]->stream = event::TcpStream();
  edge.until([&] { return edge.open() == kClients / 2; });
  edge.pass_ms(30'000);
  CHECK(edge.open() == kClients / 2);
  edge.pass_ms(30'000);
  edge.until([&] { return edge.open() == 0; });
  CHECK(edge.parked() == 0);
}

TEST_CASE("parked: draining answers a request that is on its way, then closes them all") {
  ManyIdle edge;
  edge.connect_all();
  edge.pass_ms(1'200);
  REQUIRE(edge.parked() > 0);
  bool drained = false;
  edge.worker().drain([&] { drained = true; });
  Peer& late = *edge.idle.front();
  Peer& later = *edge.idle.back();
  late.send(get("/late"));
  later.send(get("/late"));
  edge.until([&] { return late.over() && later.over(); });
  CHECK(count(late.got, "200 OK") == 2);
  CHECK(count(late.got, "Connection: close\r\n") == 1);
  CHECK(count(later.got, "200 OK") == 2);
  edge.pass_ms(1'200);
  edge.until([&] { return drained; });
  CHECK(edge.open() == 0);
}

TEST_CASE("parked: a worker that ends with parked connections closes them") {
  auto edge = std::make_unique<ManyIdle>();
  edge->connect_all();
  edge->pass_ms(1'200);
  REQUIRE(edge->parked() > 0);
  edge.reset();
}
