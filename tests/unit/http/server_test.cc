// The server against raw bytes.

#include "weir/http/server.h"

#include "catch.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::http;

namespace {

/// A server whose answer echoes the request, and a raw connection to it.
struct Raw final : event::TcpStream::Observer {
  event::Loop loop;
  event::Timer guard{loop, [this] { loop.stop(); }};
  std::unique_ptr<Server> server;
  event::TcpStream stream;
  std::string got;
  bool connected = false;
  bool ended = false;
  std::vector<std::shared_ptr<Responder>> waiting;

  explicit Raw(ServerLimits limits = {}) {
    server = Server::listen(
                 loop, SocketAddress::parse("127.0.0.1:0").value(),
                 [this](Request request, std::shared_ptr<Responder> responder) {
                   if (request.path == "/wait") return waiting.push_back(responder);
                   if (request.path == "/drop") return;
                   responder->respond({200, {{"X-Path", request.path}}, request.method + ":" + request.body});
                 },
                 limits)
                 .value();
    stream = event::TcpStream::connect(loop, server->address(), *this);
    until([this] { return connected; });
  }
  ~Raw() {
    stream = {};
    waiting.clear();
    server.reset();
  }
  template <typename Condition>
  void until(Condition holds) {
    guard.start_once(10'000);
    for (int turn = 0; turn < 1'000'000 && !holds() && guard.active(); ++turn) loop.run_ready();
    INFO(got);
    REQUIRE(holds());
  }
  void send(std::string_view bytes) {
    stream.write(bytes);
    stream.flush();
  }
  size_t count(std::string_view text) const {
    size_t n = 0;
    for (size_t at = got.find(text); at != std::string::npos; at = got.find(text, at + 1)) ++n;
    return n;
  }
  void on_connected() override {
    connected = true;
    stream.start_reading();
  }
  void on_read(std::span<char> bytes) override { got.append(bytes.data(), bytes.size()); }
  void on_read_end() override { ended = true; }
  void on_drained() override {}
  void on_failed(const Error&) override { ended = true; }
};

}  // namespace

TEST_CASE("server: a request that drips in byte by byte is answered like one that comes whole") {
  Raw raw;
  std::string request =
      "POST /a%20b?x=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (char c : request) {
    raw.send({&c, 1});
    raw.loop.run_ready();
  }
  raw.until([&] { return raw.count("POST:abc") == 1; });
  CHECK(raw.count("X-Path: /a%20b\r\n") == 1);
  raw.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.until([&] { return raw.count("X-Path: /next") == 1; });
}

TEST_CASE("server: pipelined requests are answered in order, also behind a slow one, and after FIN") {
  Raw raw;
  raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.stream.end_writing();
  raw.until([&] { return raw.waiting.size() == 1; });
  for (int i = 0; i < 20; ++i) raw.loop.run_ready();
  CHECK(raw.got.empty());
  raw.waiting[0]->respond({200, {{"X-Path", "/1"}}, "late"});
  raw.until([&] { return raw.ended; });
  CHECK(raw.got.find("X-Path: /1") < raw.got.find("X-Path: /2"));
  CHECK(raw.got.find("X-Path: /2") < raw.got.find("X-Path: /3"));
  CHECK(raw.count("200 OK") == 3);
}

TEST_CASE("server: a malformed head is answered with its status and the connection closed") {
  Raw raw;
  raw.send("GET / HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.until([&] { return raw.ended; });
  CHECK(raw.got.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(raw.count("HTTP/1.1") == 1);
  CHECK(raw.count("no Host") == 1);
}

TEST_CASE("server: a body of the limit is taken, one byte more is 413") {
  ServerLimits limits;
  limits.body_bytes_max = 4;
  Raw raw(limits);
  raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
  raw.until([&] { return raw.count("POST:abcd") == 1; });
  raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde");
  raw.until([&] { return raw.ended; });
  CHECK(raw.count("HTTP/1.1 413 ") == 1);
}

TEST_CASE("server: a handler that drops its responder gives 500") {
  Raw raw;
  raw.send("GET /drop HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.until([&] { return raw.count("HTTP/1.1 500 ") == 1; });
}

TEST_CASE("server: a client that goes away is told to the handler, once, and answering it does nothing") {
  Raw raw;
  raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.until([&] { return raw.waiting.size() == 1; });
  int told = 0;
  raw.waiting[0]->on_disconnect([&] { ++told; });
  raw.stream.reset();
  raw.until([&] { return told == 1; });
  CHECK_FALSE(raw.waiting[0]->connected());
  raw.waiting[0]->respond({200, {}, "nobody"});
}

TEST_CASE("server: a head that never ends is 408, an idle connection is closed without a word") {
  ServerLimits limits;
  limits.head_timeout_ms = 50;
  limits.idle_timeout_ms = 50;
  Raw raw(limits);
  raw.send("GET / HT");
  raw.until([&] { return raw.ended; });
  CHECK(raw.got.starts_with("HTTP/1.1 408 "));
  Raw idle(limits);
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  idle.until([&] { return idle.ended; });
  CHECK(idle.count("HTTP/1.1") == 1);
}

TEST_CASE("server: draining finishes the answer under way with Connection: close") {
  Raw raw;
  raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.until([&] { return raw.waiting.size() == 1; });
  raw.server->drain();
  raw.waiting[0]->respond({200, {}, "done"});
  raw.until([&] { return raw.ended; });
  CHECK(raw.count("Connection: close\r\n") == 1);
  CHECK(raw.got.ends_with("done"));
}

TEST_CASE("server: HTTP/1.0 gets no chunks and no keep-alive unless asked for") {
  Raw raw;
  raw.send("GET /wait HTTP/1.0\r\n\r\n");
  raw.until([&] { return raw.waiting.size() == 1; });
  raw.waiting[0]->start(200, {});
  raw.waiting[0]->write("abc");
  raw.waiting[0]->write("def");
  raw.waiting[0]->end();
  raw.until([&] { return raw.ended; });
  CHECK(raw.got.ends_with("\r\n\r\nabcdef"));
  CHECK(raw.count("Transfer-Encoding") == 0);
}
