// What an exchange does when all goes well, and what it answers by itself.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

TEST_CASE("exchange: the upstream gets the request with its Host and forwarded headers, the client the answer") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(
      "HTTP/1.1 200 Fine\r\nX-A: 1\r\nDate: d\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nhi"));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get("/p?q",
                  "Connection: X-Drop\r\nX-Drop: 1\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX_Real_Ip: "
                  "6.6.6.6\r\n"));
  edge.until([&] { return client.has("hi"); });
  CHECK(client.got == "HTTP/1.1 200 Fine\r\nX-A: 1\r\nDate: d\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(upstream.all() ==
        "GET /p?q HTTP/1.1\r\nHost: web.test\r\nX-Forwarded-Host: web.test\r\n"
        "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\nX-Real-Ip: 127.0.0.1\r\nX-Forwarded-For: "
        "127.0.0.1\r\n\r\n");
  edge.check_balanced();
}

TEST_CASE("exchange: requests of one connection, pipelined ones too, share an upstream connection and stay in order") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      std::string path = peer.got.substr(peer.taken + 4, 2);
      peer.taken = end + 4;
      peer.send(ok(path));
    }
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  edge.until([&] { return client.has("/3"); });
  client.send(get("/4"));
  edge.until([&] { return client.has("/4"); });
  CHECK(client.got == ok("/1") + ok("/2") + ok("/3") + ok("/4"));
  CHECK(upstream.peers.size() == 1);
  edge.check_balanced();
  CHECK(edge.worker().collect().entry_points["web"].requests.by_status() == std::map<uint16_t, uint64_t>{{200, 4}});
}

TEST_CASE("exchange: 503 before a table, 404 without a route, 503 with Retry-After without an endpoint") {
  Edge edge;
  Peer& client = edge.connect();
  client.send(get());
  edge.until([&] { return client.has("\r\n\r\n503"); });
  edge.install();
  client.send(get());
  edge.until([&] { return client.has("\r\n\r\n404"); });
  CHECK(count(client.got, "HTTP/1.1 404 Not Found\r\nDate: ") == 1);
  client.got.clear();
  edge.route({"!http://127.0.0.1:1"});
  client.send(get());
  edge.until([&] { return client.has("\r\n\r\n503"); });
  CHECK(count(client.got, "Retry-After: 1\r\n") == 1);
  CHECK(edge.worker().collect().no_route == 1);
  CHECK_FALSE(client.over());
  edge.check_balanced();
}

TEST_CASE("exchange: an answer of our own to a request whose body still comes says that the connection closes") {
  Edge edge;
  edge.install();
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  edge.until([&] { return client.ended; });
  CHECK(count(client.got, "HTTP/1.1 404 ") == 1);
  CHECK(count(client.got, "Connection: close\r\n") == 1);
  Peer& whole = edge.connect();
  whole.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  edge.until([&] { return whole.has("404 Not Found\n"); });
  CHECK(count(whole.got, "Connection: close") == 0);
}

TEST_CASE("exchange: the headers middleware replaces Host and never adds a second one") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.middlewares.push_back({"m", "headers", {{"customrequestheaders.host", "other.test"}}, {}});
  edge.route(upstream);
  edge.ask(get());
  CHECK(count(upstream.all(), "\r\nHost: other.test\r\n") == 1);
  CHECK(count(upstream.all(), "\r\nHost: ") == 1);
  CHECK(count(upstream.all(), "X-Forwarded-Host: web.test\r\n") == 1);
}

TEST_CASE("exchange: our own answers carry the response headers of the middlewares that the request has passed") {
  const routing::MiddlewareDefinition outer{"outer", "headers", {{"customresponseheaders.x-outer", "1"}}, {}};
  const routing::MiddlewareDefinition guard{"guard", "ipAllowList", {{"sourcerange", "192.0.2.0/24"}}, {}};
  const routing::MiddlewareDefinition inner{"inner", "headers", {{"customresponseheaders.x-inner", "1"}}, {}};
  Edge edge;
  edge.middlewares = {outer, guard, inner};
  edge.route({"http://127.0.0.1:1"});
  std::string refused = edge.ask(get());
  CHECK((count(refused, " 403 ") == 1 && count(refused, "x-outer: 1\r\n") == 1 && count(refused, "x-inner") == 0));
  edge.middlewares = {outer, inner};
  edge.route({"http://127.0.0.1:1"});
  std::string dead = edge.ask(get());
  CHECK((count(dead, " 502 ") == 1 && count(dead, "x-outer: 1\r\n") == 1 && count(dead, "x-inner: 1\r\n") == 1));
  // What passed them is forgotten with its exchange, which serves the next request.
  std::string nowhere = edge.ask("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
  CHECK((count(nowhere, " 404 ") == 1 && count(nowhere, "x-outer") == 0));
}

TEST_CASE("exchange: without pass_host_header each endpoint gets its own authority, on every attempt") {
  Edge edge;
  edge.pass_host_header = false;
  Upstream& resets = edge.upstream([](Peer& peer) { peer.stream.reset(); });
  Upstream& answers = edge.upstream(answering(ok("x")));
  edge.route({Edge::url(resets), Edge::url(answers)});
  for (int i = 0; i < 2; ++i) CHECK(count(edge.ask(get()), "200 OK") == 1);
  CHECK(resets.peers.size() > 0);
  CHECK(count(resets.all(), "\r\nHost: 127.0.0.1:" + std::to_string(resets.port) + "\r\n") == resets.peers.size());
  CHECK(count(answers.all(), "\r\nHost: 127.0.0.1:" + std::to_string(answers.port) + "\r\n") == 2);
}

TEST_CASE("exchange: HTTP/1.0 without Host gets each endpoint's own authority too") {
  Edge edge;
  Upstream& resets = edge.upstream([](Peer& peer) { peer.stream.reset(); });
  Upstream& answers = edge.upstream(answering(ok("x")));
  edge.route({Edge::url(resets), Edge::url(answers)});
  auto definitions = std::make_shared<routing::Definitions>();
  definitions->provider = "test";
  definitions->services.push_back(edge.service);
  definitions->routers.push_back({"all", "PathPrefix(`/`)", 0, {}, {}, "s", false, {}});
  edge.worker().install(routing::build_table({definitions}, edge.table).table);
  for (int i = 0; i < 2; ++i) CHECK(count(edge.ask("GET / HTTP/1.0\r\n\r\n"), "200 OK") == 1);
  CHECK(count(resets.all(), "Host: 127.0.0.1:" + std::to_string(resets.port) + "\r\n") == resets.peers.size());
  CHECK(count(answers.all(), "Host: 127.0.0.1:" + std::to_string(answers.port) + "\r\n") == 2);
}

TEST_CASE("exchange: an IPv6 endpoint's authority has brackets") {
  Edge edge;
  edge.pass_host_header = false;
  Upstream& upstream = edge.upstream(answering(ok("x")), "[::1]");
  edge.route({"http://[::1]:" + std::to_string(upstream.port)});
  CHECK(count(edge.ask(get()), "200 OK") == 1);
  CHECK(count(upstream.all(), "Host: [::1]:" + std::to_string(upstream.port) + "\r\n") == 1);
}

TEST_CASE("exchange: an endpoint that wants TLS is never spoken to in plain HTTP/1.1") {
  Edge edge;
  Upstream& secure = edge.upstream(answering(ok("wrong")));
  std::string address = "://127.0.0.1:" + std::to_string(secure.port);
  edge.route({"https" + address});
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 502 "));
  Upstream& plain = edge.upstream(answering(ok("right")));
  edge.route({"https" + address, Edge::url(plain)});
  for (int i = 0; i < 2; ++i) CHECK(edge.ask(get()).ends_with("right"));
  CHECK(secure.peers.empty());
  edge.check_balanced();
}

TEST_CASE("exchange: interim answers pass, and the client's 100-continue is the upstream's") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("\r\n\r\nbody")) return peer.send(ok("done"));
    if (peer.has("\r\n\r\n")) peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  edge.until([&] { return client.has("100 Continue\r\n\r\n"); });
  CHECK(count(client.got, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n") == 1);
  CHECK(count(upstream.all(), "Expect: 100-continue\r\n") == 1);
  client.send("body");
  edge.until([&] { return client.has("done"); });
  edge.check_balanced();
}

TEST_CASE("exchange: HEAD, 204 and 304 have no body and keep both connections") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      std::string path = peer.got.substr(peer.got.find('/', peer.taken), 4);
      peer.taken = end + 4;
      if (path == "/204") peer.send("HTTP/1.1 204 No Content\r\nA: 1\r\nDate: d\r\n\r\n");
      if (path == "/304") peer.send("HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 9\r\n\r\n");
      if (path == "/200")
        peer.send("HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n");  // to HEAD: no chunk follows
    }
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("HEAD /200 HTTP/1.1\r\nHost: web.test\r\n\r\n" + get("/204") + get("/304"));
  edge.until([&] { return client.has("304 Not Modified\r\nDate: d\r\nContent-Length: 9\r\n\r\n"); });
  CHECK(client.got ==
        "HTTP/1.1 200 OK\r\nDate: d\r\n\r\nHTTP/1.1 204 No Content\r\nA: 1\r\nDate: d\r\n\r\n"
        "HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: "
        "9\r\n\r\n");
  CHECK(upstream.peers.size() == 1);
  CHECK_FALSE(client.over());
}

TEST_CASE("exchange: bodies of unknown length pass in the client's own framing, trailers with them") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(
      "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"));
  edge.route(upstream);
  CHECK(edge.ask(get()) ==
        "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n");
  std::string old = edge.ask("GET / HTTP/1.0\r\nHost: web.test\r\n\r\n");
  CHECK(old == "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\nabcde");
  upstream.script = [](Peer& peer) {
    peer.send("HTTP/1.0 200 OK\r\n\r\nall of it");
    peer.stream.end_writing();
  };
  upstream.peers.clear();
  CHECK(edge.ask(get()).ends_with("\r\n\r\n9\r\nall of it\r\n0\r\n\r\n"));
  edge.check_balanced();
}

TEST_CASE("exchange: a chunked request arrives whole, also when it was complete before there was a connection") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("\r\n0\r\n")) peer.send(ok("x"));
  });
  edge.route(upstream);
  edge.ask(
      "POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nT: v\r\n\r\n");
  CHECK(upstream.all().ends_with("Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nT: v\r\n\r\n"));
}

TEST_CASE("exchange: requests_per_connection_max answers the last one with Connection: close") {
  Edge edge;
  edge.config.limits.requests_per_connection_max = 2;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get() + get() + get());
  edge.until([&] { return client.ended; });
  CHECK(count(client.got, "200 OK") == 2);
  CHECK(count(client.got, "Connection: close") == 1);
}

TEST_CASE("entry point: a connection above connections_max is closed at once, and one that ended makes room") {
  Edge edge;
  edge.config.limits.connections_max = 1;
  edge.route(edge.upstream(answering(ok("x"))));
  Peer& first = edge.connect();
  Peer& second = edge.connect();
  edge.until([&] { return second.over(); });
  CHECK(edge.worker().collect().refused_connections == 1);
  first.stream.reset();
  edge.until([&] { return edge.worker().collect().open_connections == 0; });
  CHECK(count(edge.ask(get()), "200 OK") == 1);
}

TEST_CASE("exchange: asterisk and absolute form are routed by their host and forwarded") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.middlewares.push_back({"m", "addPrefix", {{"prefix", "/v1"}}, {}});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("OPTIONS * HTTP/1.1\r\nHost: web.test\r\n\r\nGET http://web.test/a HTTP/1.1\r\nHost: other\r\n\r\n");
  edge.until([&] { return count(client.got, "200 OK") == 2; });
  CHECK(upstream.all().starts_with("OPTIONS * HTTP/1.1\r\nHost: web.test\r\n"));
  CHECK(count(upstream.all(), "GET /v1/a HTTP/1.1\r\nHost: web.test\r\n") == 1);
  CHECK(count(upstream.all(), "other") == 0);
}

TEST_CASE("exchange: an upstream that asks for it gets its connection closed, not reset") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"));
  edge.route(upstream);
  edge.ask(get());
  edge.until([&] { return upstream.peers[0]->over(); });
  CHECK(upstream.peers[0]->ended);
  CHECK_FALSE(upstream.peers[0]->failed);
}

TEST_CASE("pool: as many idle connections are kept for an endpoint as the limit says, the newest") {
  for (uint32_t idle_max : {0U, 1U, 2U}) {
    Edge edge;
    edge.config.limits.upstream_idle_per_endpoint_max = idle_max;
    Upstream& upstream = edge.upstream([](Peer&) {});
    edge.route(upstream);
    std::vector<Peer*> clients = {&edge.connect(), &edge.connect()};
    for (Peer* client : clients) client->send(get());
    edge.until([&] { return count(upstream.all(), "\r\n\r\n") == 2; });
    for (const auto& peer : upstream.peers) peer->send(ok("x"));
    edge.until([&] { return clients[0]->has("200 OK") && clients[1]->has("200 OK"); });
    edge.settle();
    size_t open = 0;
    for (const auto& peer : upstream.peers) open += peer->over() ? 0 : 1;
    CHECK(open == idle_max);
  }
}

TEST_CASE("pool: an endpoint may be a name; one that does not resolve is 502") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route({"http://backend.localhost:" + std::to_string(upstream.port)});
  CHECK(count(edge.ask(get()), "200 OK") == 1);
  edge.route({"http://no-such-host.invalid:80"});
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 502 "));
  edge.check_balanced();
}
