// gRPC health checks: what their messages say, and what an answer means.

#include "weir/http/grpc_health.h"

#include "catch.h"

using namespace weir;
using namespace weir::http;
using namespace std::string_literals;

namespace {

std::string framed(const std::string& message) { return "\0\0\0\0"s + static_cast<char>(message.size()) + message; }

}  // namespace

TEST_CASE("grpc health: a question is one message with the service's name, long names too") {
  CHECK(encode_health_question("") == "\0\0\0\0\0"s);
  CHECK(encode_health_question("shop") == "\0\0\0\0\x06\x0a\x04shop"s);
  std::string name(200, 'n');
  CHECK(encode_health_question(name) == "\0\0\0\0\xcb\x0a\xc8\x01"s + name);
}

TEST_CASE("grpc health: an answer is one whole message whose first field is the status") {
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

TEST_CASE("grpc health: an answer that is cut, compressed or malformed says nothing") {
  auto body =
      GENERATE(""s, "\0\0\0\0"s, "\0\0\0\0\x02\x08"s, "\0\0\0\0\x02\x08\x01\x00"s, "\x01\0\0\0\x02\x08\x01"s,
               "\0\xff\xff\xff\xff\x08\x01"s, framed("\x08"), framed("\x08\xff"), framed("\x12\x05x"),
               framed("\x00\x01"s), framed("\x0b\x01"), framed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  CAPTURE(body);
  CHECK(!decode_health_answer(body));
}

TEST_CASE("grpc health: an answer is good by its trailers and its message, and says why it is not") {
  auto judged = [](int status, const HeaderFields& trailers, const std::string& body, const HeaderFields& head = {}) {
    ClientResponse response;
    response.status = status;
    response.headers = head;
    response.body = body;
    response.trailers = trailers;
    Status good = judge_health_answer(response);
    return good ? "" : good.error().message;
  };
  const HeaderFields fine = {{"grpc-status", "0"}};
  CHECK(judged(200, fine, framed("\x08\x01")) == "");
  CHECK(judged(200, fine, framed("\x08\x02")) == "gRPC application didn't report service healthy");
  CHECK(judged(200, {}, framed("\x08\x01")) == "rpc error: code = Unknown desc = the answer ended without grpc-status");
  CHECK(judged(200, {}, "", {{"grpc-status", "12"}, {"grpc-message", "no%20such"}}) ==
        "rpc error: code = Unimplemented desc = no such");
  CHECK(judged(503, {}, "") ==
        "rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 503");
  CHECK(judged(200, {{"grpc-status", "99"}}, "") == "rpc error: code = Code(99) desc = ");
}
