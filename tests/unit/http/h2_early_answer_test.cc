// An HTTP/2 request that is answered before its end, frame by frame.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"
#include "weir/http/h2_server_session.h"

using namespace weir;
using namespace weir::http;

namespace {

constexpr uint8_t kData = 0, kHeaders = 1, kReset = 3, kPing = 6, kWindowUpdate = 8;
constexpr uint8_t kEnd = 1;

struct Frame {
  uint8_t type, flags;
  int32_t id;
  std::string payload;
};

std::string frame(uint8_t type, uint8_t flags, char id, const std::string& payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift & 0xff);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out + std::string(3, '\0') + id + payload;
}

/// A client by hand, and a server that answers each head at once.
class Early final : ServerSessionOwner, ServerStreamObserver, event::TcpStream::Observer {
 public:
  Early() {
    auto made =
        event::Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](event::TcpStream accepted) {
          ServerSessionOwner& owner = *this;
          server_ = std::make_unique<H2ServerSession>(loop, std::move(accepted), owner, limits_);
          server_->start({});
        });
    REQUIRE(made);
    listener_.emplace(std::move(*made));
    client_ = event::TcpStream::connect(loop, listener_->address(), *this);
    until([&] { return connected_; });
    say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""));
    post(1);
  }
  void say(const std::string& bytes) { client_.write(bytes); }
  /// A head without its end.
  void post(char id) {
    constexpr uint8_t kEndHeaders = 4;
    // :method POST, :scheme http and :path / of the static table; :authority as a literal.
    say(frame(kHeaders, kEndHeaders, id,
              "\x83\x86\x84\x01\x06"
              "a.test"));
  }
  /// The frames that have come, a list for each read.
  std::vector<std::vector<Frame>> reads;
  const Frame* last(uint8_t type) {
    const Frame* found = nullptr;
    for (const auto& read : reads) {
      for (const Frame& one : read) {
        if (one.type == type && one.id != 0) found = &one;
      }
    }
    return found;
  }
  /// All that was said before has been read, and answered where it is.
  void settle() {
    say(frame(kPing, 0, 0, "12345678"));
    until([&] { return pinged_ > 0; });
    pinged_ = 0;
  }
  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(loop, [] {});
    guard.start_once(10'000);
    while (!holds() && guard.active()) loop.run_ready();
    REQUIRE(holds());
  }

  event::Loop loop;
  size_t body_bytes = 0;
  bool closed = false;

 private:
  void on_request(ServerStream& stream, const RequestHead&) override {
    stream.attach(*this);
    ResponseHead head;
    head.status = 401;
    head.body = Body::length;
    head.content_length = 2;
    stream.send_head(head);
    stream.send_body("no");
    stream.send_end({});
    stream.release();
  }
  void on_bad_request(uint16_t, const Error&, size_t) override {}
  void on_session_closed() override { closed = true; }
  void on_request_body(std::string_view bytes) override { body_bytes += bytes.size(); }
  void on_request_end(std::span<const Header>) override {}
  void on_client_drained() override {}
  void on_client_gone(const Error&) override {}

  void on_connected() override {
    connected_ = true;
    client_.start_reading();
  }
  void on_read(std::span<char> bytes) override {
    bytes_.append(bytes.data(), bytes.size());
    reads.emplace_back();
    auto byte = [this](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(bytes_[at])); };
    for (size_t length = 0; bytes_.size() >= 9; bytes_.erase(0, 9 + length)) {
      length = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (bytes_.size() < 9 + length) break;
      Frame one{static_cast<uint8_t>(byte(3)), static_cast<uint8_t>(byte(4)), static_cast<int32_t>(byte(8)),
                bytes_.substr(9, length)};
      if (one.type == kPing) ++pinged_;
      reads.back().push_back(std::move(one));
    }
  }
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error&) override {}

  H2Limits limits_;
  std::unique_ptr<H2ServerSession> server_;
  std::optional<event::Listener> listener_;
  event::TcpStream client_;
  std::string bytes_;
  size_t pinged_ = 0;
  bool connected_ = false;
};

}  // namespace

TEST_CASE("h2 early answers: the stream is reset later than the answer leaves, without a fault") {
  Early early;
  early.until([&] { return early.last(kData) != nullptr && (early.last(kData)->flags & kEnd) != 0; });
  for (const Frame& one : early.reads.back()) CHECK(one.type != kReset);
  early.settle();
  early.loop.skip_ms(H2Session::kEarlyMs + 200);
  early.until([&] { return early.last(kReset) != nullptr; });
  CHECK(early.last(kReset)->id == 1);
  CHECK(early.last(kReset)->payload == std::string(4, '\0'));
  early.say(frame(kData, kEnd, 1, "late"));  // was on its way
  early.settle();
  CHECK_FALSE(early.closed);
}

TEST_CASE("h2 early answers: a client that ends its stream itself is not told to") {
  Early early;
  char id = 1;
  // A machine that stands still for so long makes us too late; not every time.
  for (bool reset = true; reset; id = static_cast<char>(id + 2)) {
    REQUIRE(id < 100);
    if (id > 1) early.post(id);
    early.until([&] { return early.last(kData) != nullptr && early.last(kData)->id == id; });
    early.say(frame(kData, kEnd, id, "all of it"));
    early.settle();
    early.loop.skip_ms(H2Session::kEarlyMs + 200);
    early.settle();
    reset = early.last(kReset) != nullptr && early.last(kReset)->id == id;
  }
  CHECK_FALSE(early.closed);
}

TEST_CASE("h2 early answers: what comes of the body is dropped, and the stream gets no window for it") {
  Early early;
  early.until([&] { return early.last(kData) != nullptr; });
  for (int i = 0; i < 4; ++i) early.say(frame(kData, 0, 1, std::string(15'000, 'x')));  // 64 KiB is all it has
  early.settle();
  CHECK(early.last(kWindowUpdate) == nullptr);
  CHECK(early.body_bytes == 0);
  early.post(3);
  early.until([&] { return early.last(kHeaders)->id == 3; });
}
