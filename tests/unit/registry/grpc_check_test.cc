// gRPC checks: what their messages say, and servers that say nothing.

#include "api_fixture.h"
#include "catch.h"
#include "registry/grpc_probe.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

using namespace std::string_literals;

std::string framed(const std::string& message) { return "\0\0\0\0"s + static_cast<char>(message.size()) + message; }

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

TEST_CASE("grpc check: a question is one message with the service's name, long names too") {
  CHECK(encode_health_question("") == "\0\0\0\0\0"s);
  CHECK(encode_health_question("shop") == "\0\0\0\0\x06\x0a\x04shop"s);
  std::string name(200, 'n');
  CHECK(encode_health_question(name) == "\0\0\0\0\xcb\x0a\xc8\x01"s + name);
}

TEST_CASE("grpc check: an answer is one whole message whose first field is the status") {
  struct Row {
    std::string message;
    ServingStatus status;
  };
  auto row = GENERATE(Row{"", ServingStatus::unknown}, Row{"\x08\x01", ServingStatus::serving},
                      Row{"\x08\x02", ServingStatus::not_serving}, Row{"\x08\x03", ServingStatus::service_unknown},
                      Row{"\x08\x63", ServingStatus::unknown},                // of a later version
                      Row{"\x08\x01\x08\x02", ServingStatus::not_serving},    // the last one counts
                      Row{"\x12\x02xy\x08\x01", ServingStatus::serving},      // a field that we do not know
                      Row{"\x08\x81\x80\x80\x00"s, ServingStatus::serving});  // a long form of 1
  CAPTURE(row.message);
  auto status = decode_health_answer(framed(row.message));
  REQUIRE(status);
  CHECK(*status == row.status);
}

TEST_CASE("grpc check: an answer that is cut, compressed or malformed says nothing") {
  auto body =
      GENERATE(""s, "\0\0\0\0"s, "\0\0\0\0\x02\x08"s, "\0\0\0\0\x02\x08\x01\x00"s, "\x01\0\0\0\x02\x08\x01"s,
               "\0\xff\xff\xff\xff\x08\x01"s, framed("\x08"), framed("\x08\xff"), framed("\x12\x05x"),
               framed("\x00\x01"s), framed("\x0b\x01"), framed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  CAPTURE(body);
  CHECK(!decode_health_answer(body));
}

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
