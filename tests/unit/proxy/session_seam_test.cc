// The seam: an exchange between sessions that are neither H1 nor H2, on a worker that is real.

#include "edge_fixture.h"
#include "weir/event/pipe.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

/// A stream of no protocol: it keeps what it is told as it is told.
class PlainStream final : public http::ServerStream, public Exchange::Owner {
 public:
  explicit PlainStream(Worker& worker) : worker_(worker) {}

  void begin(const http::RequestHead& head) {
    exchange_ = worker_.lend_exchange();
    exchange_->on_request_head(*this, *this, head, by_, {}, "web");
  }
  void body(std::string_view bytes) {
    if (observer_ != nullptr) observer_->on_request_body(bytes);
  }
  void end(std::span<const http::Header> trailers = {}) {
    if (observer_ != nullptr) observer_->on_request_end(trailers);
  }
  void gone() { observer_->on_client_gone(Error{ErrorCode::closed, "gone"}); }
  void drained() {
    queued = 0;
    observer_->on_client_drained();
  }

  std::string heard;
  size_t queued = 0;
  bool paused = false;
  bool released = false;
  bool takes_pipes = false;
  size_t piped = 0;  // bytes that came in pipes

 private:
  void attach(http::ServerStreamObserver& observer) override { observer_ = &observer; }
  void send_interim(const http::ResponseHead& head) override {
    heard += "interim " + std::to_string(head.status) + "\n";
  }
  void send_head(const http::ResponseHead& head) override {
    heard += "head " + std::to_string(head.status);
    for (const auto& header : head.headers) heard += " " + std::string(header.name) + "=" + std::string(header.value);
    heard += "\n";
  }
  void send_body(std::string_view bytes) override { heard += "body " + std::string(bytes) + "\n"; }
  void send_end(std::span<const http::Header> trailers) override {
    heard += "end";
    for (const auto& header : trailers) heard += " " + std::string(header.name) + "=" + std::string(header.value);
    heard += "\n";
  }
  [[nodiscard]] bool takes_piped() const override { return takes_pipes; }
  void send_piped(event::Pipe& pipe) override {
    piped += pipe.size();
    send_body(pipe.text());
  }
  void pause_body() override { paused = true; }
  void resume_body() override { paused = false; }
  [[nodiscard]] size_t queued_bytes() const override { return queued; }
  [[nodiscard]] size_t undelivered_bytes() const override { return queued; }
  void forbid_reuse() override {}
  void end_short() override { heard += "short\n"; }
  void release() override {
    observer_ = nullptr;
    released = true;
  }
  void on_exchange_done(Exchange&) override { worker_.take_back(std::move(exchange_)); }

  Worker& worker_;
  const ForwardedBy by_{.fields = HopFields("https", 443, "10.0.0.9")};
  http::ServerStreamObserver* observer_ = nullptr;
  std::unique_ptr<Exchange> exchange_;
};

http::RequestHead head_of(http::Method method, std::string_view text, http::Body body) {
  http::RequestHead head;
  head.method = method;
  head.method_text = text;
  head.target = "/seam";
  head.authority = "web.test";
  head.body = body;
  head.version = http::Version::http11;
  return head;
}

http::RequestHead get_head() { return head_of(http::Method::get, "GET", http::Body::none); }
http::RequestHead post_head() { return head_of(http::Method::post, "POST", http::Body::unknown); }

/// The same towards the upstream: a connection of no protocol that carries one request.
class PlainUpstream final : public http::ClientSession, private http::ClientStream {
 public:
  http::ClientStreamObserver* observer = nullptr;  // while a request has it
  std::string heard;
  size_t queued = 0;
  bool paused = false;
  bool released = false;

  http::ClientStream& begin(http::ClientStreamObserver& its_observer) override {
    observer = &its_observer;
    return *this;
  }

 private:
  void send_head(const http::RequestHead& head) override {
    heard += "head " + std::string(head.method_text) + " " + std::string(head.target) + " to " +
             std::string(head.authority) + "\n";
  }
  void send_body(std::string_view bytes) override { heard += "body " + std::string(bytes) + "\n"; }
  void send_end(std::span<const http::Header> trailers) override {
    heard += "end";
    for (const auto& header : trailers) heard += " " + std::string(header.name) + "=" + std::string(header.value);
    heard += "\n";
  }
  void pause_body() override { paused = true; }
  void resume_body() override { paused = false; }
  [[nodiscard]] size_t queued_bytes() const override { return queued; }
  [[nodiscard]] size_t undelivered_bytes() const override { return queued; }
  [[nodiscard]] bool maybe_stale() const override { return false; }
  void release() override {
    observer = nullptr;
    released = true;
  }
};

/// An edge whose only connection to its endpoint is another request's: who asks then waits, and is given `session` in
/// place of the connection it waits for.
struct SeamEdge : Edge {
  explicit SeamEdge(const http::RequestHead& head = get_head()) {
    config.limits.upstream_connections_per_endpoint_max = 1;
    Upstream& silent = upstream([](Peer&) {});
    route(silent);
    first = &connect();
    first->send(get("/first"));
    until([&] { return !silent.peers.empty() && silent.peers[0]->has("/first"); });
    client = std::make_unique<PlainStream>(worker());
    client->begin(head);
    std::string id = url(silent);
    EndpointState& state =
        worker().pool().endpoint({.id = id, .scheme = "http", .host = "127.0.0.1", .port = silent.port});
    REQUIRE(state.pending.size() == 1);
    UpstreamWaiter& waiter = *state.pending.front();
    waiter.stop_waiting();
    waiter.on_upstream_ready(session);
    REQUIRE(session.observer != nullptr);
  }
  /// The exchange between the two is over, and the other one goes.
  void check_over() {
    CHECK(client->released);
    CHECK(session.released);
    first->stream.reset();
    check_balanced();
  }

  PlainUpstream session;
  Peer* first = nullptr;
  std::unique_ptr<PlainStream> client;
};

http::ResponseHead answer_head(uint16_t status, std::span<const http::Header> headers) {
  http::ResponseHead head;
  head.status = status;
  head.headers = headers;
  head.body = http::Body::unknown;
  return head;
}

}  // namespace

TEST_CASE("seam: an exchange between two streams of no protocol passes heads, bodies, trailers and interims") {
  SeamEdge edge(post_head());
  edge.client->body("ab");
  http::Header trailers[] = {{"T", "1"}};
  edge.client->end(trailers);
  CHECK(edge.session.heard == "head POST /seam to web.test\nbody ab\nend T=1\n");
  http::Header date[] = {{"Date", "d"}};
  edge.session.observer->on_interim(answer_head(103, {}));
  edge.session.observer->on_response_head(answer_head(200, date));
  edge.session.observer->on_response_body("hi");
  http::Header late[] = {{"U", "2"}};
  edge.session.observer->on_response_end(late);
  CHECK(edge.client->heard == "interim 103\nhead 200 Date=d\nbody hi\nend U=2\n");
  edge.check_over();
}

TEST_CASE("seam: each side of two streams of no protocol stops while the other has much queued") {
  SeamEdge edge(post_head());
  edge.session.queued = edge.config.limits.relay_buffer_bytes_max + 1;
  edge.client->body("ab");
  CHECK(edge.client->paused);
  edge.session.queued = 0;
  edge.session.observer->on_upstream_drained();
  CHECK_FALSE(edge.client->paused);
  edge.client->end();
  edge.session.observer->on_response_head(answer_head(200, {}));
  edge.client->queued = edge.config.limits.relay_buffer_bytes_max + 1;
  edge.session.observer->on_response_body("hi");
  CHECK(edge.session.paused);
  edge.client->drained();
  CHECK_FALSE(edge.session.paused);
  edge.session.observer->on_response_end({});
  edge.check_over();
}

TEST_CASE("seam: what ends one of two streams of no protocol ends the other") {
  SECTION("the client goes") {
    SeamEdge edge;
    edge.client->end();
    edge.client->gone();
    edge.check_over();
  }
  SECTION("the upstream fails before its answer") {
    SeamEdge edge(post_head());
    edge.client->end();
    edge.session.observer->on_upstream_failed(Error{ErrorCode::closed, "cut"});
    CHECK(edge.client->heard.starts_with("head 502 "));
    edge.check_over();
  }
  SECTION("the upstream fails within its answer, which is then no whole one") {
    SeamEdge edge;
    edge.client->end();
    edge.session.observer->on_response_head(answer_head(200, {}));
    edge.session.observer->on_response_body("hi");
    edge.session.observer->on_upstream_failed(Error{ErrorCode::closed, "cut"});
    CHECK(count(edge.client->heard, "\nend") == 0);
    edge.check_over();
  }
  SECTION("the upstream says nothing for too long") {
    SeamEdge edge;
    edge.client->end();
    edge.pass_ms(edge.config.timeouts.response_head_ms);
    CHECK(edge.client->heard.starts_with("head 504 "));
    edge.check_over();
  }
  SECTION("the upstream takes an upgrade that was not asked for") {
    SeamEdge edge;
    edge.session.observer->on_response_head(answer_head(101, {}));
    CHECK(edge.client->heard.starts_with("head 502 "));
    edge.check_over();
  }
}

TEST_CASE("seam: an upgrade makes a tunnel of two streams of no protocol, until both have ended") {
  http::RequestHead head = get_head();
  head.upgrade = "websocket";
  SeamEdge edge(head);
  http::ResponseHead taken = answer_head(101, {});
  taken.upgrade = "websocket";
  edge.session.observer->on_response_head(taken);
  edge.session.observer->on_response_body("down");
  edge.client->body("up");
  edge.session.observer->on_response_end({});
  CHECK_FALSE(edge.client->released);
  edge.client->body("more");
  edge.client->end();
  CHECK(edge.client->heard == "head 101\nbody down\nend\n");
  CHECK(edge.session.heard == "head GET /seam to web.test\nbody up\nbody more\nend\n");
  edge.check_over();
}

TEST_CASE("seam: what a client says behind the end of its request reaches nobody") {
  SeamEdge edge(post_head());
  edge.client->body("ab");
  edge.client->end();
  edge.client->body("GET /next HTTP/1.1");
  CHECK(edge.session.heard == "head POST /seam to web.test\nbody ab\nend\n");
  edge.session.observer->on_response_head(answer_head(200, {}));
  edge.client->body("GET /next HTTP/1.1");
  edge.session.observer->on_response_end({});
  CHECK(edge.session.heard == "head POST /seam to web.test\nbody ab\nend\n");
  edge.check_over();
}

TEST_CASE("seam: a success is no answer to an upgrade that it would take unasked") {
  http::RequestHead head = get_head();
  head.upgrade = "websocket";
  head.success_is_upgrade = true;
  SeamEdge edge(head);
  edge.session.observer->on_response_head(answer_head(200, {}));
  CHECK(edge.client->heard.starts_with("head 502 "));
  edge.check_over();
}

TEST_CASE("seam: an exchange serves a stream that is neither H1 nor H2, both bodies, trailers and interims") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("0\r\nT: 1\r\n\r\n") && peer.taken++ == 0) {
      peer.send(
          "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nDate: d\r\nTransfer-Encoding: "
          "chunked\r\n\r\n2\r\nhi\r\n0\r\nU: 2\r\n\r\n");
    }
  });
  edge.route(upstream);
  PlainStream stream(edge.worker());
  stream.begin(post_head());
  stream.body("ab");
  CHECK(stream.paused);  // there is no connection yet
  edge.until([&] { return !stream.paused; });
  stream.body("cd");
  http::Header trailers[] = {{"T", "1"}};
  stream.end(trailers);
  edge.until([&] { return stream.released; });
  CHECK(stream.heard == "interim 103\nhead 200 A=b Date=d\nbody hi\nend U=2\n");
  CHECK(count(upstream.all(), "X-Forwarded-For: 10.0.0.9\r\n") == 1);
  CHECK(count(upstream.all(), "X-Forwarded-Proto: https\r\n") == 1);
  CHECK(upstream.all().ends_with("\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nT: 1\r\n\r\n"));
  edge.check_balanced();
}

TEST_CASE("seam: back-pressure and the end of such a client reach the upstream") {
  Edge edge;
  Upstream& upstream =
      edge.upstream(answering("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + std::string(16 << 20, 'x')));
  edge.route(upstream);
  PlainStream stream(edge.worker());
  stream.begin(get_head());
  stream.end();
  stream.queued = 64 << 20;
  edge.until([&] { return stream.heard.size() > 1000; });
  for (int i = 0; i < 200; ++i) edge.worker().loop().run_ready();
  size_t taken = stream.heard.size();
  CHECK(taken < (1 << 20));
  stream.drained();
  edge.until([&] { return stream.heard.size() > (8 << 20); });
  stream.gone();
  CHECK(stream.released);
  edge.until([&] { return upstream.peers[0]->over(); });
  edge.check_balanced();
}

TEST_CASE("seam: a long body comes in pipes to a stream that takes them, and to no other") {
  for (bool takes : {false, true}) {
    Edge edge;
    Upstream& upstream = edge.upstream(answering(ok(std::string(4 << 20, 'x'))));
    edge.route(upstream);
    PlainStream stream(edge.worker());
    stream.takes_pipes = takes;
    stream.begin(get_head());
    stream.end();
    edge.until([&] { return stream.released; });
    CHECK(count(stream.heard, "x") >= size_t{4 << 20});
    CHECK((stream.piped > (3 << 20)) == takes);
    edge.check_balanced();
  }
}

TEST_CASE("seam: an answer of our own needs no upstream") {
  Edge edge;
  edge.install();
  PlainStream stream(edge.worker());
  stream.begin(get_head());
  CHECK(stream.released);
  CHECK(count(stream.heard, "head 404 ") == 1);
  CHECK(stream.heard.ends_with("body 404 Not Found\n\nend\n"));
  edge.check_balanced();
}
