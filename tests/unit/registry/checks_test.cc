// Running checks: thresholds, and real connections on the loopback.

#include <algorithm>

#include "api_fixture.h"
#include "catch.h"
#include "registry/check_thresholds.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

struct CheckFixture : ApiFixture {
  /// Runs the loop until the check's status is another than before.
  std::string wait_for_change(const std::string& id) {
    std::string before = status(id);
    event::Timer deadline(loop, [this] { loop.stop(); });
    event::Timer look(loop, [&] {
      if (status(id) != before) loop.stop();
    });
    deadline.start_once(20'000);
    look.start_every(5);
    loop.run();
    CHECK(status(id) != before);
    return f.store.tables().check("n1", id)->output;
  }
  std::string status(const std::string& id) { return f.store.tables().check("n1", id)->status; }
  std::unique_ptr<http::Server> serve(int code, std::string body) {
    auto server = http::Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                                       [code, body](http::Request, std::shared_ptr<http::Responder> responder) {
                                         responder->respond({code, {}, body});
                                       });
    REQUIRE(server);
    return std::move(*server);
  }
  void add_check(const std::string& definition) {
    REQUIRE(refused("PUT", "/v1/agent/check/register", definition) == "200 ");
  }
};

}  // namespace

TEST_CASE("checks: pain 39, the first result counts at once, later ones need their number in a row") {
  CheckDefinition definition;
  definition.success_before_passing = 2;
  definition.failures_before_warning = 2;
  definition.failures_before_critical = 3;
  CheckThresholds first(definition);
  CHECK(first.next(kCritical) == kCritical);
  CHECK(first.next(kPassing) == std::nullopt);
  CHECK(first.next(kPassing) == kPassing);
  CHECK(first.next(kCritical) == std::nullopt);
  CHECK(first.next(kCritical) == kWarning);
  CHECK(first.next(kCritical) == kCritical);
  CheckThresholds plain{CheckDefinition{}};
  CHECK(plain.next(kPassing) == kPassing);
  CHECK(plain.next(kCritical) == kCritical);
  CHECK(plain.next(kWarning) == kWarning);
}

TEST_CASE("checks: HTTP passes on 2xx, warns on 429 and says what it got") {
  CheckFixture f;
  auto good = f.serve(200, "fine");
  auto busy = f.serve(429, "later");
  std::string good_url = "http://" + good->address().text() + "/";
  std::string busy_url = "http://" + busy->address().text() + "/x";
  f.add_check(R"({"Name":"good","HTTP":")" + good_url + R"(","Interval":"1s"})");
  CHECK(f.wait_for_change("good") == "HTTP GET " + good_url + ": 200 OK Output: fine");
  CHECK(f.status("good") == kPassing);
  f.add_check(R"({"Name":"busy","HTTP":")" + busy_url + R"(","Interval":"1s"})");
  CHECK(f.wait_for_change("busy") == "HTTP GET " + busy_url + ": 429 Too Many Requests Output: later");
  CHECK(f.status("busy") == kWarning);
}

TEST_CASE("checks: HTTP asks for the Host that it is told, once, and sends no framing of the definition's") {
  CheckFixture f;
  std::vector<http::HeaderFields> seen;
  auto server = http::Server::listen(f.loop, SocketAddress::parse("127.0.0.1:0").value(),
                                     [&](http::Request request, std::shared_ptr<http::Responder> responder) {
                                       seen.push_back(request.headers);
                                       responder->respond({200, {}, ""});
                                     });
  REQUIRE(server);
  f.add_check(R"({"Name":"c","HTTP":"http://)" + (*server)->address().text() +
              R"(/","Interval":"1s","Method":"POST","Body":"hi","Header":{"host":["a.example"],"X":["1","2"],)"
              R"("Content-Length":["9"],"Transfer-Encoding":["chunked"],"Connection":["keep-alive"]}})");
  f.wait_for_change("c");
  CHECK(f.status("c") == kPassing);
  REQUIRE_FALSE(seen.empty());
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(seen[0], [&](const auto& field) { return equals_ignore_case(field.first, name); });
  };
  CHECK(http::find_header(seen[0], "Host") == "a.example");
  CHECK(count("Host") == 1);
  CHECK(count("X") == 2);
  CHECK(count("Content-Length") <= 1);
  CHECK(count("Transfer-Encoding") == 0);
}

TEST_CASE("checks: HTTP sends nothing that would end its line") {
  CheckFixture f;
  bool reached = false;
  auto server = http::Server::listen(f.loop, SocketAddress::parse("127.0.0.1:0").value(),
                                     [&](http::Request, std::shared_ptr<http::Responder> responder) {
                                       reached = true;
                                       responder->respond({200, {}, ""});
                                     });
  REQUIRE(server);
  struct Row {
    const char* members;
    const char* output;
  };
  const std::string url = "http://" + (*server)->address().text() + "/";
  const Row row = GENERATE(
      Row{R"("Method":"GET / HTTP/1.1\r\nA: b\r\n\r\nGET")",
          R"(net/http: invalid method "GET / HTTP/1.1\r\nA: b\r\n\r\nGET")"},
      Row{R"("Header":{"A":["b\r\nC: d"]})", R"(net/http: invalid header field value "b\r\nC: d" for key A)"},
      Row{R"("Header":{"Host":["b\r\nC: d"]})", R"(net/http: invalid header field value "b\r\nC: d" for key Host)"},
      Row{R"("Header":{"A: b\r\nC":["d"]})", R"(net/http: invalid header field name "A: b\r\nC")"},
      Row{R"("Header":{"A b":["d"]})", R"(net/http: invalid header field name "A b")"});
  f.add_check(R"({"Name":"c","HTTP":")" + url + R"(","Interval":"1s","Status":"passing",)" + row.members + "}");
  CHECK(f.wait_for_change("c").ends_with(row.output));
  CHECK(f.status("c") == kCritical);
  CHECK_FALSE(reached);
}

TEST_CASE("checks: of an HTTP answer the body is cut, not what was asked and got") {
  CheckFixture f;
  auto server = f.serve(200, "0123456789");
  std::string url = "http://" + server->address().text() + "/";
  f.add_check(R"({"Name":"c","HTTP":")" + url + R"(","Interval":"1s","OutputMaxSize":4})");
  CHECK(f.wait_for_change("c") == "HTTP GET " + url + ": 200 OK Output: 0123");
}

TEST_CASE("checks: HTTP that nobody answers is critical with Go's words") {
  CheckFixture f;
  f.add_check(R"({"Name":"h","HTTP":"http://127.0.0.1:1/","Interval":"1s","Status":"passing"})");
  CHECK(f.wait_for_change("h") == "Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused");
}

TEST_CASE("checks: TCP passes when it connects") {
  CheckFixture f;
  auto listener = event::Listener::listen(f.loop, {.address = SocketAddress::parse("127.0.0.1:0").value()},
                                          [](event::TcpStream) {});
  REQUIRE(listener);
  std::string address = listener->address().text();
  f.add_check(R"({"Name":"t","TCP":")" + address + R"(","Interval":"1s"})");
  CHECK(f.wait_for_change("t") == "TCP connect " + address + ": Success");
  f.add_check(R"({"Name":"r","TCP":"127.0.0.1:1","Interval":"1s","Status":"passing"})");
  CHECK(f.wait_for_change("r") == "dial tcp 127.0.0.1:1: connect: connection refused");
}

TEST_CASE("checks: a TTL that is not renewed expires, with the last words") {
  CheckFixture f;
  f.add_check(R"({"Name":"ttl","TTL":"20ms"})");
  f.put("/v1/agent/check/pass/ttl?note=hi");
  CHECK(f.wait_for_change("ttl") == "TTL expired (last output before timeout follows): hi");
  CHECK(f.status("ttl") == kCritical);
}

TEST_CASE("checks: a TTL that expires while the disk is full is critical when it has room again") {
  CheckFixture f;
  f.add_check(R"({"Name":"ttl","TTL":"20ms","Status":"passing"})");
  f.f.journal.answer = fail(ErrorCode::io, "disk full");
  const size_t before = f.f.journal.batches.size();
  event::Timer look(f.loop, [&] {
    if (f.f.journal.batches.size() > before + 1) f.loop.stop();  // it was tried again
  });
  look.start_every(5);
  f.loop.run();
  look.stop();
  CHECK(f.status("ttl") == kPassing);
  f.f.journal.answer = {};
  CHECK(f.wait_for_change("ttl") == "TTL expired");
  CHECK(f.status("ttl") == kCritical);
}

TEST_CASE("checks: only a service that was critical all the time is deregistered for that") {
  CheckFixture f;
  for (const char* name : {"dead", "flaps"}) {
    REQUIRE(f.refused("PUT", "/v1/agent/service/register",
                      R"({"Name":")" + std::string(name) +
                          R"(","Check":{"TTL":"1h","DeregisterCriticalServiceAfter":"1m"}})") == "200 ");
  }
  const auto there = [&](const char* name) { return f.f.store.tables().service("n1", name) != nullptr; };
  for (int i = 0; i < 4; ++i) {
    f.put("/v1/agent/check/pass/service:flaps");
    f.put("/v1/agent/check/fail/service:flaps");
    f.checker.sweep();  // sees both critical each time
    f.loop.skip_ms(HealthChecker::kReapPeriodMs + 1);
    if (i < 2) CHECK(there("dead"));
  }
  CHECK_FALSE(there("dead"));
  CHECK(there("flaps"));
}

TEST_CASE("checks: a check that left the store is not run any more") {
  CheckFixture f;
  f.add_check(R"({"Name":"ttl","TTL":"20ms","Status":"passing"})");
  REQUIRE(f.put("/v1/agent/check/deregister/ttl")->status() == 200);
  uint64_t index = f.f.store.last_index();
  event::Timer later(f.loop, [&] { f.loop.stop(); });
  later.start_once(60);
  f.loop.run();
  CHECK(f.f.store.last_index() == index);
}

}  // namespace weir::registry
