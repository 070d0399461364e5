// rateLimit, inFlightReq and the limits of buffering: what is counted, for whom, and how it ends.

#include "proxy/request_limits.h"

#include <thread>

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr int64_t kNsPerS = 1'000'000'000;

struct LimitedEdge : Edge {
  LimitedEdge(const std::string& type, std::map<std::string, std::string> options) {
    middlewares = {{"limit", type, std::move(options), {}}};
    backend = &upstream(answering(ok("in")));
    route(*backend);
  }
  std::string status(const std::string& fields = "") {
    return ask(get("/", fields + "Connection: close\r\n")).substr(9, 3);
  }
  Upstream* backend;
};

}  // namespace

TEST_CASE("request limits: a bucket holds its burst, fills at its rate, and lends no more than its debt") {
  RequestLimits limits;
  const routing::RateLimit rate{.tokens_per_s = 2, .burst = 3, .debt_max = 0.5};
  uint64_t now = 1000 * kSecond;
  for (int i = 0; i < 3; ++i) CHECK(limits.take_token(rate, "a", now) == 0);
  CHECK(limits.take_token(rate, "a", now) == kNsPerS / 2);
  CHECK(limits.take_token(rate, "a", now) == kNsPerS / 2);  // what was refused has taken nothing
  CHECK(limits.take_token(rate, "b", now) == 0);
  CHECK(limits.take_token(rate, "a", now + kSecond / 4) == 0);  // half a token is there, half is lent
  CHECK(limits.take_token(rate, "a", now + kSecond / 4) == kNsPerS * 3 / 4);
  CHECK(limits.take_token(rate, "a", now) > 0);  // a clock that is behind takes nothing back
  now += 3600 * kSecond;
  for (int i = 0; i < 3; ++i) CHECK(limits.take_token(rate, "a", now) == 0);
  CHECK(limits.take_token(rate, "a", now) > 0);
  CHECK(limits.take_token({}, "a", now) == 0);  // no rate is no limit
}

TEST_CASE("request limits: sources without end are forgotten, and one that keeps asking is not") {
  RequestLimits limits;
  const routing::RateLimit rate{.tokens_per_s = 0.001, .burst = 1, .debt_max = 0};
  CHECK(limits.take_token(rate, "known", 0) == 0);
  for (size_t i = 0; i < 4 * RequestLimits::kSourcesMax; ++i) {
    CHECK(limits.take_token(rate, std::to_string(i), 0) == 0);
    if (i % 1000 == 0) REQUIRE(limits.take_token(rate, "known", 0) > 0);
  }
  CHECK(limits.take_token(rate, "0", 0) == 0);
}

TEST_CASE("request limits: seats are counted for each source, and come back however they end") {
  RequestLimits limits;
  RequestLimits::Seat one = limits.enter(2, "a");
  RequestLimits::Seat two = limits.enter(2, "a");
  CHECK((one && two));
  CHECK_FALSE(limits.enter(2, "a"));
  CHECK(limits.enter(2, "b"));
  CHECK_FALSE(limits.enter(0, "c"));
  CHECK(limits.enter(3, "a"));  // a new table has raised it; that seat is given back at once
  one = std::move(two);         // as is the one overwritten
  CHECK(limits.enter(2, "a"));
  one = RequestLimits::Seat();
  two = limits.enter(1, "a");
  CHECK(two);
}

TEST_CASE("request limits: workers share them") {
  RequestLimits limits;
  const routing::RateLimit rate{.tokens_per_s = 1e-6, .burst = 5000, .debt_max = 0};
  std::atomic<int> passed{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        RequestLimits::Seat seat = limits.enter(1000, "s");
        if (seat && limits.take_token(rate, "a", 0) == 0) ++passed;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(passed == 5000);
  CHECK(limits.enter(1, "s"));
}

TEST_CASE("rateLimit: who asks too often is told when to come again, and a new table forgives nothing") {
  LimitedEdge edge("rateLimit", {{"average", "1"}, {"period", "10s"}, {"burst", "2"}});
  CHECK(edge.status() == "200");
  CHECK(edge.status() == "200");
  const std::string refused = edge.ask(get("/", "Connection: close\r\n"));
  CHECK(refused.starts_with("HTTP/1.1 429 "));
  CHECK(refused.find("\r\nRetry-After: 10\r\n") != std::string::npos);
  CHECK(refused.find("\r\nX-Retry-In: ") != std::string::npos);
  edge.route(*edge.backend);
  CHECK(edge.status() == "429");
  CHECK(count(edge.backend->all(), "GET ") == 2);
  edge.pass_ms(10'000);
  CHECK(edge.status() == "200");
  edge.check_balanced();
}

TEST_CASE("rateLimit: a field or the host may say whose requests count together") {
  LimitedEdge by_field("rateLimit",
                       {{"average", "1"}, {"period", "1h"}, {"sourcecriterion.requestheadername", "X-Who"}});
  CHECK(by_field.status("X-Who: a\r\n") == "200");
  CHECK(by_field.status("x-who: a\r\n") == "429");
  CHECK(by_field.status("X-Who: b\r\n") == "200");
  CHECK(by_field.status() == "200");  // those without it are one source
  CHECK(by_field.status() == "429");
  LimitedEdge by_host("rateLimit", {{"average", "1"}, {"period", "1h"}, {"sourcecriterion.requesthost", "true"}});
  CHECK(by_host.status() == "200");
  CHECK(by_host.status("X-Who: b\r\n") == "429");
}

TEST_CASE("rateLimit: a password that has to be weighed behind it costs one token, not two") {
  LimitedEdge edge("rateLimit", {{"average", "1"}, {"period", "1h"}, {"burst", "2"}});
  // bcrypt at its least cost: the password is the name
  edge.middlewares.push_back(
      {"guard", "basicAuth", {{"users", "jane:$2y$04$CCCCCCCCCCCCCCCCCCCCC.YbzMjza7WrHk/.g3wy54b3O5tkq1XrS"}}, {}});
  edge.route(*edge.backend);
  const std::string jane = "Authorization: Basic amFuZTpqYW5l\r\n";
  CHECK(edge.status(jane) == "200");
  CHECK(edge.status(jane) == "200");
  CHECK(edge.status(jane) == "429");
}

TEST_CASE("inFlightReq: one more than may be under way is refused until one has ended, cut or whole") {
  LimitedEdge edge("inFlightReq", {{"amount", "2"}});
  Upstream& silent = edge.upstream([](Peer&) {});
  edge.route(silent);
  Peer& one = edge.connect();
  Peer& two = edge.connect();
  one.send(get());
  two.send(get());
  edge.until([&] { return count(silent.all(), "GET ") == 2; });
  CHECK(edge.status() == "429");
  one.stream.reset();  // its client has gone
  edge.until([&] { return edge.worker().collect().exchanges_in_flight == 1; });
  Peer& three = edge.connect();
  three.send(get());
  edge.until([&] { return count(silent.all(), "GET ") == 3; });
  CHECK(edge.status() == "429");
  for (auto& peer : silent.peers) {
    if (peer->stream.open()) peer->send(ok("done"));
  }
  edge.until([&] { return two.has("done") && three.has("done"); });
  edge.route(*edge.backend);
  CHECK(edge.status() == "200");
  edge.check_balanced();
}

TEST_CASE("rateLimit: a host is one source however it is written") {
  LimitedEdge edge("rateLimit", {{"average", "1"}, {"period", "1h"}, {"sourcecriterion.requesthost", "true"}});
  CHECK(edge.status() == "200");
  for (const char* host : {"WEB.test", "web.test.", "web.test:80"}) {
    INFO(host);
    CHECK(edge.ask("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nConnection: close\r\n\r\n")
              .starts_with("HTTP/1.1 429 "));
  }
}

TEST_CASE("inFlightReq: an amount of none lets nothing pass, as in Traefik") {
  CHECK(LimitedEdge("inFlightReq", {{"amount", "0"}}).status() == "429");
}

TEST_CASE("buffering: a body of just so many bytes passes, one more does not, told before or found out") {
  LimitedEdge edge("buffering", {{"maxrequestbodybytes", "5"}});
  auto post = [&](const std::string& framing, const std::string& body) {
    return edge.ask("POST / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n" + framing + "\r\n\r\n" + body)
        .substr(9, 3);
  };
  CHECK(post("Content-Length: 5", "12345") == "200");
  CHECK(post("Content-Length: 6", "123456") == "413");
  CHECK(post("Transfer-Encoding: chunked", "5\r\n12345\r\n0\r\n\r\n") == "200");
  CHECK(post("Transfer-Encoding: chunked", "5\r\n12345\r\n1\r\n6\r\n0\r\n\r\n") == "413");
  CHECK(edge.status() == "200");  // nothing of it is left to the next
  edge.check_balanced();
}

TEST_CASE("buffering: an answer that is too large is none, and one that turns out to be is cut") {
  LimitedEdge edge("buffering", {{"maxresponsebodybytes", "5"}});
  auto answered = [&](const std::string& answer, const std::string& request = get("/", "Connection: close\r\n")) {
    Upstream& other = edge.upstream(answering(answer));
    edge.route(other);
    return edge.ask(request);
  };
  CHECK(answered(ok("12345")).ends_with("\r\n\r\n12345"));
  const std::string refused = answered(ok("123456"));
  CHECK((refused.starts_with("HTTP/1.1 500 ") && refused.find("123456") == std::string::npos));
  CHECK(answered("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n",
                 "HEAD / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 200 "));
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(answered(head + "5\r\n12345\r\n0\r\n\r\n").ends_with("0\r\n\r\n"));
  CHECK_FALSE(answered(head + "5\r\n12345\r\n1\r\n6\r\n0\r\n\r\n").ends_with("0\r\n\r\n"));
  edge.check_balanced();
}
