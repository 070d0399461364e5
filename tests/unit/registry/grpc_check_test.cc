// gRPC checks: servers that say nothing.

#include "api_fixture.h"
#include "catch.h"
#include "registry/grpc_probe.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

/// What a run of the check finds.
CheckResult run(event::Loop& loop, const std::string& target, int64_t timeout_ms) {
  http::Client client(loop);
  CheckDefinition definition;
  definition.kind = CheckDefinition::Kind::grpc;
  definition.grpc = target;
  definition.timeout_ns = timeout_ms * 1'000'000;
  CheckResult found;
  auto probe = CheckProbe::start(loop, client, definition, [&](CheckResult result) {
    found = std::move(result);
    loop.stop();
  });
  REQUIRE(probe);
  CHECK(found.status.empty());  // never from within start()
  loop.run();
  return found;
}

}  // namespace

TEST_CASE("grpc check: nobody listens, nobody answers, no port, or HTTP/1.1") {
  event::Loop loop;
  CHECK(run(loop, "127.0.0.1:1", 5000).output ==
        "rpc error: code = Unavailable desc = connection error: dial tcp 127.0.0.1:1: connect: connection refused");
  CHECK(run(loop, "127.0.0.1", 5000).status == kCritical);
  CHECK(run(loop, "127.0.0.1:99999/shop", 5000).status == kCritical);

  std::vector<event::TcpStream> silent;
  auto listener = event::Listener::listen(loop, {.address = SocketAddress::parse("127.0.0.1:0").value()},
                                          [&](event::TcpStream stream) { silent.push_back(std::move(stream)); });
  REQUIRE(listener);
  CheckResult found = run(loop, listener->address().text(), 50);
  CHECK(found.output == "rpc error: code = DeadlineExceeded desc = context deadline exceeded");
  CHECK(found.status == kCritical);
  silent.clear();

  auto server = http::Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                                     [](http::Request, std::shared_ptr<http::Responder> responder) {
                                       responder->respond({200, {}, "no HTTP/2"});
                                     });
  REQUIRE(server);
  CHECK(run(loop, (*server)->address().text(), 5000).output.starts_with("rpc error: code = Unavailable"));
}

}  // namespace weir::registry
