// Upstreams and clients that misbehave: what the other side sees, what is tried again, and that nothing is left behind.

#include <sys/socket.h>

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
void reset(Peer& peer) { peer.stream.reset(); }

/// An address nobody listens on.
std::string refusing(Edge& edge) {
  Upstream& gone = edge.upstream([](Peer&) {});
  gone.listener.reset();
  edge.settle();
  return Edge::url(gone);
}

}  // namespace

TEST_CASE("exchange: pain 21, a refused connection is 502, and another endpoint gets the request, body and all") {
  Edge edge;
  std::string nobody = refusing(edge);
  edge.route({nobody});
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 502 "));
  Upstream& answers = edge.upstream([](Peer& peer) {
    if (peer.has("\r\n\r\nbody")) peer.send(ok("x"));
  });
  edge.route({nobody, Edge::url(answers)});
  for (int i = 0; i < 4; ++i) CHECK(count(edge.ask(post("body")), "200 OK") == 1);
  CHECK(edge.worker().collect().retries >= 2);
  edge.check_balanced();
}

TEST_CASE(
    "exchange: pain 22, a reset before the answer is retried elsewhere when that does no harm, a sent body never") {
  Edge edge;
  Upstream& resets = edge.upstream(reset);
  Upstream& answers = edge.upstream(answering(ok("x")));
  edge.route({Edge::url(resets), Edge::url(answers)});
  for (int i = 0; i < 4; ++i) CHECK(count(edge.ask(get()), "200 OK") == 1);
  size_t lost = 0;
  for (int i = 0; i < 4; ++i) lost += count(edge.ask(post("body")), "HTTP/1.1 502 ");
  CHECK(lost == 2);
  CHECK(count(resets.all(), "POST") == 2);
  CHECK(count(answers.all(), "POST") == 2);
  edge.check_balanced();
}

TEST_CASE("exchange: a POST without a body is not repeated once it was sent") {
  Edge edge;
  Upstream& one = edge.upstream(reset);
  Upstream& two = edge.upstream(reset);
  edge.route({Edge::url(one), Edge::url(two)});
  CHECK(edge.ask(post("")).starts_with("HTTP/1.1 502 "));
  CHECK(one.peers.size() + two.peers.size() == 1);
}

TEST_CASE("exchange: no endpoint is asked twice") {
  Edge edge;
  edge.config.retry.attempts_max = 10;
  std::vector<Upstream*> all;
  std::vector<std::string> urls;
  for (int i = 0; i < 3; ++i) urls.push_back(Edge::url(*all.emplace_back(&edge.upstream(reset))));
  edge.route(urls);
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 502 "));
  for (Upstream* upstream : all) CHECK(upstream->peers.size() == 1);
  edge.check_balanced();
}

TEST_CASE("exchange: attempts_max bounds the attempts, and ten endpoints tried are enough for anyone") {
  for (uint32_t attempts_max : {0U, 2U, 10U}) {
    Edge edge;
    edge.config.retry.attempts_max = attempts_max;
    std::vector<std::string> urls;
    for (int i = 0; i < 12; ++i) urls.push_back(Edge::url(edge.upstream(reset)));
    edge.route(urls);
    CHECK(edge.ask(get()).starts_with("HTTP/1.1 502 "));
    size_t tried = 0;
    for (const Upstream& upstream : edge.upstreams) tried += upstream.peers.size();
    CHECK(tried == std::min<size_t>(attempts_max + 1, routing::ExcludedSet::kEndpointsMax));
  }
}

TEST_CASE("exchange: a table change between two attempts does not make it ask the same endpoint again") {
  Edge edge;
  Upstream* first = nullptr;
  std::vector<Upstream*> all;
  auto script = [&](Peer& peer) {
    if (first != nullptr) return peer.send(ok("x"));
    for (Upstream* upstream : all) {
      if (upstream->peers.size() == 1 && upstream->peers[0].get() == &peer) first = upstream;
    }
    // Its place in the service is another's now.
    std::vector<std::string> turned = {Edge::url(*all[0]), Edge::url(*all[1]), "http://127.0.0.1:1"};
    edge.route(turned);
    Worker& worker = edge.worker();
    PinnedTable* pinned = worker.pin();
    worker.service_state(edge.table->services().front(), *pinned);
    worker.unpin(*pinned);
    peer.stream.reset();
  };
  for (int i = 0; i < 2; ++i) all.push_back(&edge.upstream(script));
  edge.route({Edge::url(*all[0]), Edge::url(*all[1])});
  CHECK(count(edge.ask(get()), "200 OK") == 1);
  REQUIRE(first != nullptr);
  CHECK(first->peers.size() == 1);
  edge.check_balanced();
}

TEST_CASE("exchange: a kept connection that the upstream closes as it is used again is no error for a GET") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (count(peer.got, "HTTP/1.1\r\n") > 1) return peer.stream.reset();
    if (peer.has("\r\n\r\n") && peer.taken++ == 0) peer.send(ok("x"));
  });
  edge.route(upstream);
  CHECK(count(edge.ask(get()), "200 OK") == 1);
  CHECK(count(edge.ask(get()), "200 OK") == 1);
  CHECK(upstream.peers.size() == 2);
  CHECK(edge.ask(post("")).starts_with("HTTP/1.1 502 "));
  CHECK(upstream.peers.size() == 2);
  edge.check_balanced();
}

TEST_CASE("exchange: a kept connection that the upstream has closed is not used at all") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  edge.ask(get());
  upstream.peers[0]->stream.end_writing();
  edge.settle();
  CHECK(count(edge.ask(post("")), "200 OK") == 1);
  CHECK(upstream.peers.size() == 2);
}

TEST_CASE("exchange: an idle upstream that speaks unasked, or says more than its answer, is not used again") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok("x") + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get() + get());
  edge.until([&] { return count(client.got, "\r\n\r\nx") == 2; });
  CHECK_FALSE(client.has("evil"));
  CHECK(upstream.peers.size() == 2);
  upstream.script = answering(ok("y"));
  client.send(get());
  edge.until([&] { return client.has("\r\n\r\ny"); });
  upstream.peers[2]->send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  edge.settle();
  client.send(get());
  edge.until([&] { return count(client.got, "\r\n\r\ny") == 2; });
  CHECK(upstream.peers.size() == 4);
}

TEST_CASE("exchange: what an idle upstream says in the turn in which a request comes is no answer to that") {
  for (int i = 0; i < 5; ++i) {
    Edge edge;
    Upstream& upstream = edge.upstream(answering(ok("y")));
    edge.route(upstream);
    Peer& client = edge.connect();
    client.send(get());
    edge.until([&] { return client.has("\r\n\r\ny"); });
    edge.settle();
    client.send(get());  // read first, and worked off before the upstream's bytes are looked at
    upstream.peers[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    edge.until([&] { return count(client.got, "\r\n\r\n") == 2; });
    CHECK(count(client.got, "\r\n\r\ny") == 2);
    CHECK_FALSE(client.has("evil"));
  }
}

TEST_CASE("exchange: a cut body is cut for the client, in every framing, behind all that has come") {
  for (std::string_view framing : {"Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"}) {
    for (bool with_reset : {false, true}) {
      Edge edge;
      edge.route(edge.upstream([&](Peer& peer) {
        peer.send("HTTP/1.1 200 OK\r\n" + std::string(framing) + "\r\n4\r\nabcd\r\n");
        if (with_reset) return peer.stream.reset();
        peer.stream.end_writing();
      }));
      Peer& client = edge.connect();
      client.send(get());
      edge.until([&] { return client.over(); });
      CHECK_FALSE(client.failed);
      CHECK(client.has("abcd"));
      CHECK_FALSE(client.has("\r\n0\r\n\r\n"));
      edge.check_balanced();
    }
  }
}

TEST_CASE("exchange: a body that lasts until the close is complete after FIN and cut after a reset") {
  for (bool with_reset : {false, true}) {
    Edge edge;
    edge.route(edge.upstream([&](Peer& peer) {
      peer.send("HTTP/1.0 200 OK\r\n\r\nall or half");
      if (with_reset) return peer.stream.reset();
      peer.stream.end_writing();
    }));
    Peer& client = edge.connect();
    client.send(get("/", "Connection: close\r\n"));
    edge.until([&] { return client.over(); });
    CHECK_FALSE(client.failed);
    CHECK(client.got.ends_with("\r\n0\r\n\r\n") == !with_reset);
  }
}

TEST_CASE("exchange: a client that said close is not read on, but its reset is heard; its end costs it no answer") {
  bool with_reset = GENERATE(true, false);
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get("/", "Connection: close\r\n"));
  edge.until([&] { return !upstream.peers.empty() && upstream.peers.back()->has("\r\n\r\n"); });
  Peer& server = *upstream.peers.back();
  if (with_reset) {
    client.stream.reset();
    edge.worker().loop().skip_ms(1000);
    edge.until([&] { return server.over(); });
  } else {
    client.stream.end_writing();
    edge.worker().loop().skip_ms(1000);
    server.send(ok("answer"));
    edge.until([&] { return client.over(); });
    CHECK((client.ended && client.got.ends_with("answer")));
  }
  edge.check_balanced();
}

TEST_CASE(
    "exchange: what is no HTTP answer is 502: too long, too many fields, too many interims, unasked upgrade, noise") {
  std::string interims;
  for (size_t i = 0; i < http::H1Limits{}.interims_max + 1; ++i) interims += "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 101; ++i) fields += "A: 1\r\n";
  for (const std::string& answer : {
           "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n",
           fields + "\r\n",
           interims + ok("x"),
           std::string("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n"),
           std::string("220 smtp.test ESMTP\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
       }) {
    INFO(answer.substr(0, 80));
    Edge edge;
    edge.route(edge.upstream(answering(answer)));
    if (answer.starts_with("220")) edge.upstreams.back().script = [&](Peer& peer) { peer.send(answer); };
    std::string got = edge.ask(get());
    CHECK(count(got, "HTTP/1.1 502 ") == 1);
    CHECK(count(got, "HTTP/1.1 200 ") == 0);
    edge.check_balanced();
  }
}

TEST_CASE("exchange: as many interim answers as the limit pass") {
  std::string interims;
  for (size_t i = 0; i < http::H1Limits{}.interims_max; ++i) interims += "HTTP/1.1 103 Early Hints\r\n\r\n";
  Edge edge;
  edge.route(edge.upstream(answering(interims + ok("x"))));
  CHECK(count(edge.ask(get()), "103 Early Hints") == http::H1Limits{}.interims_max);
}

TEST_CASE("exchange: an early answer reaches a client that is still sending, and its connection closes") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ > 0) return;
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig\n");
    peer.stream = {};  // with the body unread: a reset follows the answer
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 100000000\r\n\r\n");
  for (int i = 0; i < 100 && !client.has("big\n"); ++i) {
    client.send(std::string(100'000, 'x'));
    edge.settle();
  }
  edge.until([&] { return client.ended; });
  CHECK(count(client.got, "HTTP/1.1 413 ") == 1);
  CHECK(count(client.got, "Connection: close\r\n") == 1);
  edge.check_balanced();
}

TEST_CASE("exchange: a client that aborts ends its upstream request at once, in every state") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("GET /body") && peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  });
  edge.route(upstream);
  for (std::string_view request :
       {"GET /head HTTP/1.1\r\nHost: web.test\r\n\r\n", "GET /body HTTP/1.1\r\nHost: web.test\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\n\r\nabc"}) {
    INFO(request);
    size_t before = upstream.peers.size();
    Peer& client = edge.connect();
    client.send(request);
    edge.until([&] { return upstream.peers.size() == before + 1 && upstream.peers[before]->has("\r\n\r\n"); });
    edge.settle();
    client.stream.reset();
    edge.until([&] { return upstream.peers[before]->over(); });
    edge.check_balanced();
  }
  // While the connection is being made: nothing to end, nothing left over.
  Peer& client = edge.connect();
  client.send(get());
  client.stream.reset();
  edge.settle();
  edge.check_balanced();
}

TEST_CASE("exchange: a client that stops within its body cannot be answered") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\n\r\nabc");
  edge.until([&] { return count(upstream.all(), "abc") == 1; });
  client.stream.end_writing();
  edge.until([&] { return client.over() && upstream.peers[0]->over(); });
  CHECK(client.got.empty());
  edge.check_balanced();
}
