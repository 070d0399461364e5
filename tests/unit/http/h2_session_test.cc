// The two HTTP/2 sessions against each other on one loop.

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"
#include "weir/http/h2_client_session.h"
#include "weir/http/h2_server_session.h"

using namespace weir;
using namespace weir::http;

namespace {

/// A request as the server side gets it.
struct Served final : ServerStreamObserver {
  ServerStream* stream = nullptr;
  std::string head, body, trailers;
  bool ended = false;
  bool gone = false;
  size_t drained = 0;
  std::function<void()> on_body = [] {};

  void answer(std::string_view text, std::span<const Header> its_trailers = {}) {
    ResponseHead out;
    out.body = Body::unknown;
    stream->send_head(out);
    stream->send_body(text);
    stream->send_end(its_trailers);
    release();
  }
  void release() { std::exchange(stream, nullptr)->release(); }
  void on_request_body(std::string_view bytes) override {
    body += bytes;
    on_body();
  }
  void on_request_end(std::span<const Header> fields) override {
    ended = true;
    for (const Header& field : fields) trailers += std::string(field.name) + "=" + std::string(field.value);
  }
  void on_client_drained() override { ++drained; }
  void on_client_gone(const Error&) override {
    gone = true;
    release();
  }
};

/// An answer as the client side gets it.
struct Asked final : ClientStreamObserver {
  ClientStream* stream = nullptr;
  uint16_t status = 0;
  std::string body, trailers, interims;
  std::optional<Error> failure;
  bool ended = false;
  size_t drained = 0;

  void release() { std::exchange(stream, nullptr)->release(); }
  void on_interim(const ResponseHead& head) override { interims += std::to_string(head.status) + " "; }
  void on_response_head(const ResponseHead& head) override { status = head.status; }
  void on_response_body(std::string_view bytes) override { body += bytes; }
  void on_response_end(std::span<const Header> fields) override {
    ended = true;
    for (const Header& field : fields) trailers += std::string(field.name) + "=" + std::string(field.value);
  }
  void on_upstream_drained() override { ++drained; }
  void on_upstream_failed(const Error& error) override {
    failure = error;
    release();
  }
};

struct Mute final : event::TcpStream::Observer {
  event::TcpStream stream;
  std::string heard;

  void on_connected() override {}
  void on_read(std::span<char> bytes) override { heard.append(bytes.data(), bytes.size()); }
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error&) override {}
};

class Pair final : ServerSessionOwner, H2ClientSession::Owner, event::TcpStream::Observer {
 public:
  explicit Pair(H2Limits its_limits = {}) : limits(its_limits) {
    connect([this](event::TcpStream accepted) {
      ServerSessionOwner& owner = *this;
      server = std::make_unique<H2ServerSession>(loop, std::move(accepted), owner, limits);
      server->start({});
    });
    until([&] { return client != nullptr && server != nullptr; });
  }
  /// In the server's place somebody who says SETTINGS once, and nothing more. The client has read them: it said so.
  struct AgainstMute {};
  explicit Pair(AgainstMute) {
    connect([this](event::TcpStream accepted) {
      mute_.stream = std::move(accepted);
      mute_.stream.set_observer(mute_);
      mute_.stream.start_reading();
      mute_.stream.write(std::string_view("\0\0\0\4\0\0\0\0\0", 9));
    });
    constexpr std::string_view kSettingsAck("\0\0\0\4\1\0\0\0\0", 9);
    until([&] { return mute_.heard.find(kSettingsAck) != std::string::npos; });
  }
  ~Pair() {
    client.reset();
    server.reset();
  }

  Asked& ask(std::string_view target, Body body = Body::none, std::string_view upgrade = {}) {
    Asked& asked = asked_.emplace_back();
    asked.stream = &client->begin(asked);
    RequestHead head;
    head.method = body == Body::none ? Method::get : Method::post;
    head.method_text = body == Body::none ? "GET" : "POST";
    head.target = target;
    head.authority = "pair.test";
    head.body = body;
    head.upgrade = upgrade;
    asked.stream->send_head(head);
    return asked;
  }
  Served& served(std::string_view target) {
    auto find = [&] {
      for (Served& one : served_) {
        if (one.head == target) return &one;
      }
      return static_cast<Served*>(nullptr);
    };
    until([&] { return find() != nullptr; });
    return *find();
  }
  size_t all_served() const { return served_.size(); }
  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(loop, [] {});
    guard.start_once(10'000);
    while (!holds() && guard.active()) loop.run_ready();
    REQUIRE(holds());
  }
  void settle() {
    for (int i = 0; i < 50; ++i) loop.run_ready();
  }

  event::Loop loop;
  H2Limits limits;
  std::unique_ptr<H2ServerSession> server;
  std::unique_ptr<H2ClientSession> client;
  bool server_closed = false;
  bool client_closed = false;

 private:
  void connect(const std::function<void(event::TcpStream)>& serve) {
    auto made = event::Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, serve);
    REQUIRE(made);
    listener_.emplace(std::move(*made));
    connecting_ = event::TcpStream::connect(loop, listener_->address(), *this);
  }
  void on_request(ServerStream& stream, const RequestHead& head) override {
    Served& one = served_.emplace_back();
    one.stream = &stream;
    one.head = head.target;
    stream.attach(one);
  }
  void on_bad_request(uint16_t, const Error&, size_t) override {}
  void on_session_closed() override { server_closed = true; }
  void on_stream_released(H2ClientSession&) override {}
  void on_session_closed(H2ClientSession&, const Error&) override { client_closed = true; }

  void on_connected() override {
    H2ClientSession::Owner& owner = *this;
    client = std::make_unique<H2ClientSession>(loop, std::move(connecting_), "http", owner, limits);
    client->start();
  }
  void on_read(std::span<char>) override {}
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error&) override {}

  std::optional<event::Listener> listener_;
  event::TcpStream connecting_;
  Mute mute_;
  std::list<Served> served_;
  std::list<Asked> asked_;
};

}  // namespace

TEST_CASE("h2 sessions: requests at once, answered in another order, with bodies, interims and trailers") {
  Pair pair;
  Asked& first = pair.ask("/1", Body::unknown);
  Asked& second = pair.ask("/2");
  first.stream->send_body("ab");
  first.stream->send_body(std::string(100'000, 'c'));
  Header sum[] = {{"X-Sum", "7"}};
  first.stream->send_end(sum);
  Served& two = pair.served("/2");
  ResponseHead hints;
  hints.status = 103;
  two.stream->send_interim(hints);
  two.answer("two", sum);
  pair.until([&] { return second.ended; });
  CHECK(second.interims == "103 ");
  CHECK(second.status == 200);
  CHECK(second.body == "two");
  CHECK(second.trailers == "x-sum=7");
  second.release();
  Served& one = pair.served("/1");
  pair.until([&] { return one.ended; });
  CHECK(one.body == "ab" + std::string(100'000, 'c'));
  CHECK(one.trailers == "x-sum=7");
  one.answer(std::string(1'000'000, 'x'));
  pair.until([&] { return first.ended; });
  CHECK(first.body.size() == 1'000'000);
  first.release();
  CHECK(pair.client->in_flight() == 0);
}

TEST_CASE("h2 sessions: what a stream has undelivered is its own, whatever others have on its way") {
  Pair pair;
  pair.ask("/quiet");
  pair.ask("/busy");
  Served& quiet = pair.served("/quiet");
  Served& busy = pair.served("/busy");
  ResponseHead head;
  head.body = Body::unknown;
  quiet.stream->send_head(head);
  quiet.stream->send_body("tick");
  CHECK(quiet.stream->undelivered_bytes() > 0);
  pair.until([&] { return quiet.stream->undelivered_bytes() == 0; });
  busy.stream->send_head(head);
  busy.stream->send_body(std::string(8 << 20, 'x'));  // more than the sockets take
  CHECK(busy.stream->undelivered_bytes() > 0);
  CHECK(quiet.stream->undelivered_bytes() == 0);
}

TEST_CASE("h2 sessions: of a body that has mostly arrived no more is undelivered than its connection has on its way") {
  Pair pair;
  Asked& asked = pair.ask("/long");
  Served& served = pair.served("/long");
  ResponseHead head;
  head.body = Body::unknown;
  served.stream->send_head(head);
  size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    served.stream->send_body(std::string(100'000, 'x'));
    sent += 100'000;
    pair.until([&] { return asked.body.size() == sent; });
  }
  served.stream->send_body(std::string(50'000, 'x'));
  CHECK(served.stream->undelivered_bytes() <= 50'000 + 1'000);  // and what frames it
}

TEST_CASE(
    "h2 sessions: what is said into a tunnel before it is open and in the turn in which it opens keeps its order") {
  Pair pair;
  pair.ask("/first");
  pair.served("/first");
  pair.settle();  // and the server's SETTINGS have come
  Asked& tunnel = pair.ask("/tunnel", Body::none, "websocket");
  Asked& other = pair.ask("/other", Body::unknown);
  Served& asked_for = pair.served("/tunnel");
  tunnel.stream->send_body("A");
  pair.served("/other").on_body = [&] {
    ResponseHead head;
    head.status = 101;
    head.upgrade = "websocket";
    asked_for.stream->send_head(head);
  };
  pair.settle();
  CHECK(asked_for.body.empty());
  other.stream->send_body("now");
  tunnel.stream->send_body("B");
  pair.until([&] { return asked_for.body.size() == 2; });
  CHECK(asked_for.body == "AB");
}

TEST_CASE("h2 sessions: a crowd of requests has its share of each turn, in order and with all their bodies") {
  Pair pair;
  Asked& first = pair.ask("/first");
  pair.served("/first").answer("ok");
  pair.until([&] { return first.ended; });  // and the server's SETTINGS have come
  first.release();
  constexpr size_t kCrowd = 100;
  for (size_t i = 0; i < kCrowd; ++i) {
    Asked& one = pair.ask("/" + std::to_string(i), Body::unknown);
    one.stream->send_body("body " + std::to_string(i));
    one.stream->send_end({});
  }
  pair.until([&] { return pair.all_served() > 1; });
  CHECK(pair.all_served() <= 1 + 2 * H2Session::kHeadsATurnMax);  // the turn that brought them, and the next
  for (size_t i = 0; i < kCrowd; ++i) {
    Served& one = pair.served("/" + std::to_string(i));
    pair.until([&] { return one.ended; });
    CHECK(one.body == "body " + std::to_string(i));
  }
  CHECK(pair.all_served() == 1 + kCrowd);
}

TEST_CASE("h2 sessions: one that ends while some of its requests wait for their turn forgets them") {
  Pair pair;
  Asked& first = pair.ask("/first");
  pair.served("/first").answer("ok");
  pair.until([&] { return first.ended; });
  first.release();
  for (size_t i = 0; i < 100; ++i) pair.ask("/" + std::to_string(i));
  pair.until([&] { return pair.all_served() > 1; });
  size_t served = pair.all_served();
  pair.server.reset();
  pair.until([&] { return pair.client_closed; });
  CHECK(pair.all_served() == served);
}

TEST_CASE("h2 sessions: whoever pauses gets a window more and no byte beyond it, and all of it later") {
  H2Limits limits;
  limits.stream_window_bytes = 64 * 1024;
  Pair pair(limits);
  Asked& asked = pair.ask("/p", Body::unknown);
  Served& served = pair.served("/p");
  served.stream->pause_body();
  std::string body(1 << 20, 'x');
  asked.stream->send_body(body);
  asked.stream->send_end({});
  pair.settle();
  CHECK(served.body.size() <= limits.stream_window_bytes);
  CHECK(asked.stream->queued_bytes() >= body.size() - limits.stream_window_bytes);
  CHECK(asked.drained == 0);
  served.stream->resume_body();
  pair.until([&] { return served.ended; });
  CHECK(served.body == body);
  CHECK(asked.stream->queued_bytes() == 0);
  pair.until([&] { return asked.drained == 1; });

  // The same the other way, while another stream goes on.
  asked.stream->pause_body();
  ResponseHead head;
  head.body = Body::length;
  head.content_length = body.size();
  served.stream->send_head(head);
  served.stream->send_body(body);
  served.stream->send_end({});
  Asked& other = pair.ask("/other");
  pair.served("/other").answer("ok");
  pair.until([&] { return other.ended; });
  CHECK(asked.body.size() <= limits.stream_window_bytes);
  CHECK(served.stream->queued_bytes() > 0);
  served.release();  // what is complete still goes out
  asked.stream->resume_body();
  pair.until([&] { return asked.ended; });
  CHECK(asked.body == body);
  other.release();
  asked.release();
}

TEST_CASE("h2 sessions: a released request is cancelled, a cut answer is a failure, the connection lives") {
  Pair pair;
  Asked& cancelled = pair.ask("/cancelled");
  Served& its = pair.served("/cancelled");
  cancelled.release();
  pair.until([&] { return its.gone; });

  Asked& cut = pair.ask("/cut");
  Served& cutting = pair.served("/cut");
  ResponseHead head;
  head.body = Body::length;
  head.content_length = 10;
  cutting.stream->send_head(head);
  cutting.stream->send_body("half");
  cutting.release();
  pair.until([&] { return cut.failure.has_value(); });
  CHECK(cut.body == "half");
  CHECK_FALSE(cut.ended);

  Asked& last = pair.ask("/last");
  pair.served("/last").answer("ok");
  pair.until([&] { return last.ended; });
  last.release();
  CHECK_FALSE(pair.client_closed);
  CHECK_FALSE(pair.server_closed);
}

TEST_CASE("h2 sessions: an upstream that went away without a word is asked, and given up; one that lives is kept") {
  Pair pair;
  Asked& cancelled = pair.ask("/cancelled");
  Served& its = pair.served("/cancelled");
  cancelled.release();
  pair.until([&] { return its.gone; });
  Asked& next = pair.ask("/next");
  pair.served("/next").answer("ok");
  pair.until([&] { return next.ended; });  // and so the PING was answered
  pair.loop.skip_ms(H2Session::kProbeMs + 200);
  pair.settle();
  CHECK_FALSE(pair.client_closed);

  Pair half(Pair::AgainstMute{});
  Asked& waiting = half.ask("/waiting");
  Asked& given_up = half.ask("/given_up");
  half.settle();
  half.loop.skip_ms(1000);
  half.settle();
  given_up.release();
  half.settle();
  half.loop.skip_ms(H2Session::kProbeMs + 200);
  half.until([&] { return half.client_closed; });
  CHECK(waiting.failure.has_value());
}

TEST_CASE("h2 sessions: draining says GOAWAY, serves what is on its way and ends with the last of it") {
  Pair pair;
  Asked& asked = pair.ask("/slow");
  Served& served = pair.served("/slow");
  pair.server->drain();
  Asked& late = pair.ask("/late");
  pair.served("/late").answer("late");
  pair.until([&] { return late.ended; });
  late.release();
  pair.until([&] { return pair.client->room() == 0; });
  pair.loop.skip_ms(H2Session::kDrainGraceMs + 200);
  pair.settle();
  CHECK_FALSE(pair.server_closed);
  served.answer("slow");
  pair.until([&] { return asked.ended; });
  CHECK(asked.body == "slow");
  asked.release();
  pair.until([&] { return pair.server_closed && pair.client_closed; });
}

TEST_CASE("h2 sessions: when one goes, the streams of the other end, each once") {
  Pair pair;
  Asked& asked = pair.ask("/a", Body::unknown);
  Asked& second = pair.ask("/b");
  pair.served("/b");
  pair.server.reset();  // with streams out
  pair.until([&] { return pair.client_closed; });
  CHECK(asked.failure.has_value());
  CHECK(second.failure.has_value());
}

TEST_CASE("h2 sessions: an answer that nobody takes is dropped when it stands still") {
  H2Limits limits;
  limits.stream_window_bytes = 64 * 1024;
  Pair pair(limits);
  Asked& asked = pair.ask("/stalled");
  asked.stream->pause_body();
  pair.served("/stalled").answer(std::string(1 << 20, 'x'));
  pair.settle();
  for (int i = 0; i < 2 && !asked.failure; ++i) {
    pair.loop.skip_ms(H2Session::kStallMs + 200);
    pair.settle();
  }
  CHECK(asked.failure.has_value());
  CHECK_FALSE(pair.server_closed);
}

TEST_CASE("h2 closed streams: what we reset is told from what was over, until it is forgotten") {
  using Verdict = H2ClosedStreams::Verdict;
  H2ClosedStreams closed;
  closed.note_closed(5);
  closed.note_reset_by_us(9);
  closed.note_closed(9);
  CHECK(closed.of(5) == Verdict::closed);
  CHECK(closed.of(7) == Verdict::never_opened);
  CHECK(closed.of(9) == Verdict::reset_by_us);
  for (int32_t id = 11; id < 11 + 2 * 100; id += 2) closed.note_closed(id);
  CHECK(closed.of(9) == Verdict::reset_by_us);  // nobody remembers, so nobody is blamed
  CHECK(closed.of(7) == Verdict::reset_by_us);
  CHECK(closed.of(11) == Verdict::never_opened);
  CHECK(closed.of(209) == Verdict::closed);
}
