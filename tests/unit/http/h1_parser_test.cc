#include "weir/http/h1_parser.h"

#include "catch.h"
#include "weir/http/session.h"

using namespace weir;
using namespace weir::http;

namespace {

const H1Limits kLimits;

struct Collected final : H1Parser::BodySink {
  std::string body;
  void on_body(std::string_view bytes) override { body += bytes; }
};

/// 0 when the head is accepted, 1 when it is not whole, else the status it is refused with.
int verdict(std::string_view input, const H1Limits& limits = kLimits) {
  H1Parser parser(H1Parser::Kind::request);
  RequestHead head;
  auto taken = parser.parse_request_head(input, limits, head);
  if (taken.outcome == H1Parser::Outcome::incomplete) return 1;
  return taken.outcome == H1Parser::Outcome::complete ? 0 : parser.error_status();
}

int answer_verdict(std::string_view input, Method method = Method::get) {
  H1Parser parser(H1Parser::Kind::response);
  ResponseHead head;
  auto taken = parser.parse_response_head(input, kLimits, method, head);
  if (taken.outcome == H1Parser::Outcome::incomplete) return 1;
  return taken.outcome == H1Parser::Outcome::complete ? 0 : 502;
}

}  // namespace

TEST_CASE("h1: what could smuggle a request is refused") {
  struct {
    const char* head;
    int status;
  } cases[] = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\r\n", 400},
  };
  for (const auto& c : cases) {
    INFO(c.head);
    CHECK(verdict(c.head) == c.status);
  }
}

TEST_CASE("h1: hosts, targets, methods and versions") {
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == 400);
  CHECK(verdict("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(verdict("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(verdict("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(verdict("BREW / HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(verdict("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
  CHECK(verdict("GET * HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.2\r\nHost: a\r\n\r\n") == 505);
  CHECK(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(verdict("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n") == 417);
}

TEST_CASE("h1: limits hold at n and break at n + 1") {
  H1Limits limits;
  limits.headers_max = 3;
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", limits) == 0);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits) == 431);
  limits = {};
  limits.target_bytes_max = 5;
  CHECK(verdict("GET /1234 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 0);
  CHECK(verdict("GET /12345 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 414);
  limits = {};
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100, 'x') + "\r\n\r\n";
  limits.head_bytes_max = head.size();
  CHECK(verdict(head, limits) == 0);
  limits.head_bytes_max = head.size() - 1;
  CHECK(verdict(head, limits) == 431);
  CHECK(verdict("GET / HTTP/1.1\r\nX: " + std::string(200, 'x'), limits) == 431);
}

TEST_CASE("h1: hop-by-hop fields are taken out, end-to-end ones kept in order") {
  H1Parser parser(H1Parser::Kind::request);
  RequestHead head;
  std::string text =
      "GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\nA: 1\r\nConnection: close, X-Drop , te\r\nX-Drop: 1\r\nTE: "
      "trailers\r\n"
      "Keep-Alive: 5\r\nProxy-Connection: x\r\nB:\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc";
  auto taken = parser.parse_request_head(text, kLimits, head);
  REQUIRE(taken.outcome == H1Parser::Outcome::complete);
  CHECK(text.substr(taken.consumed) == "abc");
  CHECK(head.authority == "b.example:81");
  CHECK(head.target == "/p?q");
  REQUIRE(head.headers.size() == 2);
  CHECK(head.headers[0].name == "A");
  CHECK(head.headers[1].name == "B");
  CHECK(head.headers[1].value.empty());
  CHECK(head.te_trailers);
  CHECK(head.expect_continue);
  CHECK(head.body == Body::length);
  CHECK_FALSE(parser.keep_alive());
}

TEST_CASE("h1: a chunked body is read the same however it is cut, with its trailers") {
  std::string head_text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body_text = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\nHost: evil\r\n\r\nNEXT";
  for (size_t cut = 0; cut <= body_text.size(); ++cut) {
    H1Parser parser(H1Parser::Kind::request);
    RequestHead head;
    REQUIRE(parser.parse_request_head(head_text, kLimits, head).outcome == H1Parser::Outcome::complete);
    Collected sink;
    auto first = parser.parse_body(body_text.substr(0, cut), kLimits, sink);
    size_t consumed = first.consumed;
    if (first.outcome == H1Parser::Outcome::incomplete) {
      auto second = parser.parse_body(body_text.substr(cut), kLimits, sink);
      INFO("cut at " << cut << ": " << parser.error().message);
      REQUIRE(second.outcome == H1Parser::Outcome::complete);
      consumed += second.consumed;
    }
    CHECK(sink.body == "abc0123456789");
    CHECK(body_text.substr(consumed) == "NEXT");
    auto trailers = parser.trailers();
    REQUIRE(trailers.size() == 1);
    CHECK(trailers[0].name == "T");
    CHECK(trailers[0].value == "v");
  }
}

TEST_CASE("h1: broken chunks are refused") {
  for (const char* body :
       {"3\r\nabcX\r\n", "3\nabc\r\n", "g\r\n", "fffffffffffffffff\r\n", "-1\r\n", "3 \r\nabc\r\n", "0x3\r\nabc\r\n"}) {
    INFO(body);
    H1Parser parser(H1Parser::Kind::request);
    RequestHead head;
    parser.parse_request_head("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", kLimits, head);
    Collected sink;
    CHECK(parser.parse_body(body, kLimits, sink).outcome == H1Parser::Outcome::invalid);
  }
}

TEST_CASE("h1: answers of upstreams are held to the same rules") {
  CHECK(answer_verdict("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n") == 0);
  CHECK(answer_verdict("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n") == 0);
  CHECK(answer_verdict("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 502);
  CHECK(answer_verdict("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 502);
  CHECK(answer_verdict("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n") == 502);
  CHECK(answer_verdict("HTTP/1.1 999 No\r\n\r\n") == 0);
  CHECK(answer_verdict("HTTP/1.1 099 No\r\n\r\n") == 502);
  CHECK(answer_verdict("ICY 200 OK\r\n\r\n") == 502);
  CHECK(answer_verdict("HTTP/1.1 200 O") == 1);
}

TEST_CASE("h1: which answers have a body follows status and method") {
  auto body_of = [](std::string_view text, Method method) {
    H1Parser parser(H1Parser::Kind::response);
    ResponseHead head;
    REQUIRE(parser.parse_response_head(text, kLimits, method, head).outcome == H1Parser::Outcome::complete);
    return head.body;
  };
  CHECK(body_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Method::head) == Body::none);
  CHECK(body_of("HTTP/1.1 204 No\r\n\r\n", Method::get) == Body::none);
  CHECK(body_of("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", Method::get) == Body::none);
  CHECK(body_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::get) == Body::none);
  CHECK(body_of("HTTP/1.1 200 OK\r\n\r\n", Method::get) == Body::unknown);
  CHECK(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::get) == Body::unknown);
}

TEST_CASE("head storage: a kept head outlives its bytes, wherever its views lay") {
  std::string bytes = "POST /path HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\nX-Two:2\r\nContent-Length: 3\r\n\r\n";
  H1Parser parser(H1Parser::Kind::request);
  RequestHead head;
  REQUIRE(parser.parse_request_head(bytes, {}, head).outcome == H1Parser::Outcome::complete);
  std::string elsewhere = "/rewritten";
  head.target = elsewhere;
  HeadStorage storage;
  RequestHead kept = storage.keep(head);
  bytes.assign(bytes.size(), '?');
  elsewhere.assign(elsewhere.size(), '?');
  CHECK(kept.method_text == "POST");
  CHECK(kept.target == "/rewritten");
  CHECK(kept.authority == "a.example");
  REQUIRE(kept.headers.size() == 2);
  CHECK(kept.headers[0].name == "X-One");
  CHECK(kept.headers[1].value == "2");
  HeadStorage other;
  RequestHead again = other.keep(kept);
  CHECK(again.headers[1].name == "X-Two");
}
