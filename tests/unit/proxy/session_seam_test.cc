// The seam: an exchange driven by a client session that is neither H1 nor H2, on a worker that is real.

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

}  // namespace

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
  stream.begin(head_of(http::Method::post, "POST", http::Body::unknown));
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
  stream.begin(head_of(http::Method::get, "GET", http::Body::none));
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
    stream.begin(head_of(http::Method::get, "GET", http::Body::none));
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
  stream.begin(head_of(http::Method::get, "GET", http::Body::none));
  CHECK(stream.released);
  CHECK(count(stream.heard, "head 404 ") == 1);
  CHECK(stream.heard.ends_with("body 404 Not Found\n\nend\n"));
  edge.check_balanced();
}
