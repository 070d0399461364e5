// A server session against raw bytes, whole and cut at every byte.

#include "weir/http/h1_server_session.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::http;

namespace {

/// A session on one end of a connection and raw bytes on the other. Answers each request with what it understood of it,
/// unless `script` takes it.
class World final : public H1ServerSession::Owner, ServerStreamObserver, event::TcpStream::Observer {
 public:
  World() {
    auto made =
        event::Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](event::TcpStream accepted) {
          session.emplace(loop, std::move(accepted), *this, limits);
          session->start();
        });
    REQUIRE(made);
    listener_.emplace(std::move(*made));
  }
  ~World() {
    client = {};
    session.reset();
  }

  void connect() {
    got.clear();
    closed = client_ended = connected_ = false;
    taken_over_ = {};
    session.reset();
    client = event::TcpStream::connect(loop, listener_->address(), *this);
    until([this] { return connected_ && session.has_value(); });
  }
  void send(std::string_view bytes) {
    client.write(bytes);
    client.flush();
  }
  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(loop, [] {});
    guard.start_once(10'000);
    while (!holds() && guard.active()) loop.run_ready();
    INFO("the client has got: " << got);
    REQUIRE(holds());
  }
  void some_turns() {
    for (int i = 0; i < 3; ++i) loop.run_ready();
  }
  /// What comes back for these pieces, each read on its own, and FIN; without Date lines.
  std::string exchange(const std::vector<std::string_view>& pieces) {
    connect();
    for (std::string_view piece : pieces) {
      send(piece);
      some_turns();
    }
    client.end_writing();
    until([this] { return client_ended; });
    std::string out = got;
    for (size_t at = out.find("Date: "); at != std::string::npos; at = out.find("Date: ")) {
      out.erase(at, out.find("\r\n", at) + 2 - at);
    }
    return out;
  }

  event::Loop loop;
  H1Limits limits;
  std::optional<H1ServerSession> session;
  ServerStream* stream = nullptr;  // of the request under way
  event::TcpStream client;
  std::string seen;  // of the request under way, as understood
  std::string body;
  std::string got;  // by the client
  bool closed = false;
  bool client_ended = false;
  bool tunnel_ended = false;
  std::optional<std::string> handed_over;  // to whoever speaks HTTP/2, while `speaks_http2`
  bool speaks_http2 = false;
  std::function<bool(const RequestHead&)> script = [](const RequestHead&) { return false; };

 private:
  void on_request(ServerStream& its_stream, const RequestHead& head) override {
    stream = &its_stream;
    its_stream.attach(*this);
    body.clear();
    seen = std::string(head.method_text) + " " + std::string(head.authority) + " " + std::string(head.target);
    for (const Header& header : head.headers) seen += " " + std::string(header.name) + "=" + std::string(header.value);
    if (!head.upgrade.empty()) seen += " upgrade=" + std::string(head.upgrade);
    scripted_ = script(head);
  }
  bool take_over(event::TcpStream& its_stream, std::string_view bytes) override {
    if (!speaks_http2) return false;
    taken_over_ = std::move(its_stream);
    handed_over = bytes;
    return true;
  }
  void on_bad_request(uint16_t, const Error&, size_t) override {}
  void on_session_closed() override { closed = true; }
  void on_request_body(std::string_view bytes) override { body += bytes; }
  void on_request_end(std::span<const Header> trailers) override {
    if (scripted_) {
      tunnel_ended = true;
      return;
    }
    std::string text = seen + " [" + body + "]";
    for (const Header& header : trailers) text += " " + std::string(header.name) + ":" + std::string(header.value);
    ResponseHead head;
    head.body = Body::length;
    head.content_length = text.size();
    stream->send_head(head);
    stream->send_body(text);
    stream->send_end({});
    stream->release();
  }
  void on_client_drained() override {}
  void on_client_gone(const Error&) override { stream->release(); }

  void on_connected() override {
    connected_ = true;
    client.start_reading();
  }
  void on_read(std::span<char> bytes) override { got.append(bytes.data(), bytes.size()); }
  void on_read_end() override { client_ended = true; }
  void on_drained() override {}
  void on_failed(const Error&) override { client_ended = true; }

  std::optional<event::Listener> listener_;
  bool connected_ = false;
  event::TcpStream taken_over_;
  bool scripted_ = false;
};

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("h1 server session: a request cut in two at any byte is the same request") {
  struct {
    std::string_view bytes;
    std::vector<std::string_view> expected;  // in this order
  } cases[] = {
      {"GET /a HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\n", {"200 OK", "GET x /a A=1 []"}},
      {"\r\nPOST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: y\r\n\r\n",
       {"POST x /p [abc]", "GET y /2 []"}},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\nT: v\r\n\r\nGET /2 "
       "HTTP/1.1\r\nHost: y\r\n\r\n",
       {"POST x / [abc] T:v", "GET y /2 []"}},
      {"HEAD http://abs:8/h?q HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\n",
       {"Content-Length: 18\r\n\r\nHTTP", "GET  / []"}},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
       {"Connection: keep-alive", "GET  /2 []"}},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {"HTTP/1.1 400 "}},
      {"GET / HTTP/1.1\r\nHost: x\r\n folded: 1\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", {"HTTP/1.1 400 "}},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", {"HTTP/1.1 400 "}},
      {"DESCRIBE / RTSP/1.0\r\nHost: x\r\n\r\n", {"HTTP/1.1 5"}},
      {"SOURCE / ICE/1.0\r\nHost: x\r\n\r\n", {"HTTP/1.1 501 "}},
      {"GET /\r\n\r\n", {"HTTP/1.1 505 "}},
  };
  World world;
  for (const auto& c : cases) {
    INFO(c.bytes);
    std::string whole = world.exchange({c.bytes});
    size_t at = 0;
    for (std::string_view part : c.expected) {
      INFO(part << " in " << whole);
      at = whole.find(part, at);
      REQUIRE(at != std::string::npos);
    }
    CHECK(count(whole, "smuggled") == 0);
    for (size_t cut = 1; cut < c.bytes.size(); ++cut) {
      INFO("cut at " << cut);
      REQUIRE(world.exchange({c.bytes.substr(0, cut), c.bytes.substr(cut)}) == whole);
    }
  }
}

TEST_CASE("h1 server session: broken chunks are refused and never another request") {
  World world;
  for (std::string_view body :
       {"3\r\nabcXGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", "zz\r\n", "3\nabc\r\n0\r\n\r\n"}) {
    INFO(body);
    std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
    for (size_t cut = 1; cut < text.size(); ++cut) {
      std::string answer = world.exchange({text.substr(0, cut), text.substr(cut)});
      REQUIRE(answer.starts_with("HTTP/1.1 400 "));
      REQUIRE(count(answer, "HTTP/1.1") == 1);
    }
  }
}

TEST_CASE("h1 server session: a refused HEAD has no body either, a head that never ends included") {
  World world;
  for (const std::string& rest :
       {" /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", std::string(" / HTTP/1.1\r\nA b\r\n\r\n"),
        std::string(" / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz"), std::string(" / HT")}) {
    for (std::string_view method : {"HEAD", "GET"}) {
      world.connect();
      world.send(std::string(method) + rest);
      world.some_turns();
      world.loop.skip_ms(world.limits.head_timeout_ms + 200);
      world.until([&] { return world.client_ended; });
      INFO(world.got);
      CHECK(world.got.starts_with("HTTP/1.1 4"));
      CHECK(world.got.ends_with("\r\n\r\n") == (method == "HEAD"));
    }
  }
}

TEST_CASE("h1 server session: an upgrade to h2c is not passed on, another one is") {
  World world;
  std::string get =
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\nUpgrade: ";
  CHECK(count(world.exchange({get + "h2c\r\n\r\n"}), "GET x / []") == 1);
  CHECK(count(world.exchange({get + "foo, H2C\r\n\r\n"}), "GET x / []") == 1);
  CHECK(count(world.exchange({get + "websocket\r\n\r\n"}), "GET x / upgrade=websocket []") == 1);
}

TEST_CASE("h1 server session: the preface of HTTP/2 is handed over whole, wherever it is cut") {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  World world;
  world.speaks_http2 = true;
  for (size_t first = 1; first <= preface.size(); ++first) {
    for (size_t second = first; second <= preface.size(); ++second) {
      world.connect();
      world.handed_over.reset();
      for (std::string_view piece :
           {std::string_view(preface).substr(0, first), std::string_view(preface).substr(first, second - first),
            std::string_view(preface).substr(second)}) {
        if (piece.empty()) continue;
        world.send(piece);
        world.some_turns();
      }
      INFO("cut at " << first << " and " << second);
      world.until([&] { return world.handed_over.has_value(); });
      CHECK(*world.handed_over == preface);
    }
  }
}

TEST_CASE("h1 server session: what only begins like the preface of HTTP/2 is refused, wherever it is cut") {
  World world;
  world.speaks_http2 = true;
  for (std::string_view text :
       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "PRI * HTTP/2.0\r\nHost: a\r\n\r\n", "PRI / HTTP/2.0\r\n\r\n"}) {
    const std::string whole = world.exchange({text});
    CHECK(whole.starts_with("HTTP/1.1 505 "));
    for (size_t cut = 1; cut < text.size(); ++cut) {
      INFO(text << " cut at " << cut);
      CHECK(world.exchange({text.substr(0, cut), text.substr(cut)}) == whole);
    }
  }
  // Nor is what is left of another message.
  for (std::string_view text :
       {"0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n0\r\n\r\n", "websocket\r\n\r\n", "a=b\r\n\r\n"}) {
    const std::string whole = world.exchange({text});
    CHECK(whole.starts_with("HTTP/1.1 400 "));
    for (size_t cut = 1; cut < text.size(); ++cut) {
      INFO(text << " cut at " << cut);
      CHECK(world.exchange({text.substr(0, cut), text.substr(cut)}) == whole);
    }
  }
  CHECK_FALSE(world.handed_over.has_value());
}

TEST_CASE("h1 server session: what a client says before the 101 reaches the tunnel, and so does its FIN") {
  World world;
  world.script = [](const RequestHead&) { return true; };
  world.connect();
  world.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
  world.client.end_writing();
  world.until([&] { return world.stream != nullptr; });
  world.some_turns();
  world.tunnel_ended = false;
  ResponseHead head;
  head.status = 101;
  head.upgrade = "echo";
  world.stream->send_head(head);
  CHECK(world.body.empty());
  world.some_turns();  // and no deadline: what was said early is not said late
  CHECK(world.tunnel_ended);
  CHECK(world.body == "early");
  world.stream->send_body("late");
  world.stream->send_end({});
  world.stream->release();
  world.until([&] { return world.client_ended; });
  CHECK(world.got.ends_with("\r\n\r\nlate"));
}

TEST_CASE("h1 server session: an answer is exactly as long as it says, or cut") {
  World world;
  world.script = [&](const RequestHead& request) {
    ResponseHead head;
    head.body = Body::length;
    head.content_length = 3;
    world.stream->send_head(head);
    world.stream->send_body(request.target == "/long" ? "abcdef" : "ab");
    world.stream->send_end({});
    world.stream->release();
    return true;
  };
  world.connect();
  world.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return world.got.ends_with("\r\n\r\nabc"); });
  world.some_turns();
  CHECK_FALSE(world.client_ended);
  CHECK(world.got.ends_with("\r\n\r\nabc"));
  world.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return world.client_ended; });
  CHECK(world.closed);
}

TEST_CASE("h1 server session: draining answers a request that is on its way, then closes; a silent one closes too") {
  World world;
  world.connect();
  world.session->drain();
  world.some_turns();
  CHECK_FALSE(world.client_ended);
  world.send("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return world.client_ended; });
  CHECK(count(world.got, "Connection: close\r\n") == 1);
  CHECK(count(world.got, "GET x /last") == 1);
  world.connect();
  world.session->drain();
  world.loop.skip_ms(H1ServerSession::kDrainGraceMs + 200);
  world.until([&] { return world.client_ended; });
  CHECK(world.got.empty());
}

TEST_CASE("h1 server session: a client that pipelines without reading is stopped at the limit") {
  World world;
  world.limits.head_bytes_max = 4096;
  world.script = [](const RequestHead&) { return true; };
  world.connect();
  world.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  world.until([&] { return world.stream != nullptr; });
  std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) world.send(megabyte);
  for (int i = 0; i < 200; ++i) world.loop.run_ready();
  CHECK(world.client.queued_bytes() > 0);  // nobody reads them
  world.stream->resume_body();
  for (int i = 0; i < 200; ++i) world.loop.run_ready();
  CHECK(world.client.queued_bytes() > 0);
  world.stream->release();
}

TEST_CASE("h1 server session: who pipelines without reading gets no more answers than the limit, and the rest later") {
  constexpr size_t kAnswerBytes = 60'000;
  constexpr size_t kRequests = 1000;
  World world;
  size_t answered = 0;
  std::string body(kAnswerBytes, 'a');
  world.script = [&](const RequestHead&) {
    ResponseHead head;
    head.body = Body::length;
    head.content_length = body.size();
    world.stream->send_head(head);
    world.stream->send_body(body);
    world.stream->send_end({});
    world.stream->release();
    ++answered;
    return true;
  };
  world.connect();
  world.client.stop_reading();
  std::string requests;
  for (size_t i = 0; i < kRequests; ++i) requests += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  world.send(requests);
  world.client.end_writing();
  for (int i = 0; i < 500; ++i) world.loop.run_ready();
  CHECK(answered > 2);
  CHECK(answered < kRequests / 2);
  CHECK(world.session->queued_bytes() <= kQueueHighBytes + 2 * kAnswerBytes);
  world.client.start_reading();
  world.until([&] { return world.client_ended; });
  CHECK(answered == kRequests);
  CHECK(world.got.size() > kRequests * kAnswerBytes);
}
