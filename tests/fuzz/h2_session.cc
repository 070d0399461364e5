// Bytes of a peer into an HTTP/2 session, over a real socket. Byte 0 says which side is ours and how the rest is cut.
// Whatever comes: heads that get through are well-formed and within the limits, bodies hold no more than was sent, what
// goes out is whole frames and no more of them than the budgets allow, and the session ends when its peer has gone.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <string>

#include "fuzz.h"
#include "http/h1_fields.h"
#include "weir/base/check.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/http/h2_client_session.h"
#include "weir/http/h2_server_session.h"

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHeadBytes = 9;
constexpr size_t kTurnsMax = 200;
constexpr size_t kDeadlinesMax = 4;
constexpr size_t kAnswerBytes = 64;
// Of what goes out: answers are small, and everything else is an echo of a frame.
constexpr size_t kOutputBytesMin = 4096;
constexpr size_t kOutputPerByte = 32;

H2Limits small_limits() {
  H2Limits limits;
  limits.head_bytes_max = 1024;
  limits.headers_max = 16;
  limits.streams_max = 8;
  limits.stream_window_bytes = 1024;
  limits.connection_window_bytes = 64 * 1024;
  return limits;
}

event::Loop& loop() {
  static event::Loop one;
  return one;
}

/// A connected pair: a stream of ours, and the peer's end as a plain socket.
struct Ends {
  event::TcpStream ours;
  int peer = -1;

  Ends() {
    static const int listener = [] {
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in any{};
      any.sin_family = AF_INET;
      any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      CHECK(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 && listen(fd, 8) == 0);
      return fd;
    }();
    sockaddr_in address{};
    socklen_t size = sizeof address;
    CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    linger at_once{1, 0};  // RST: no port is left waiting
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    CHECK(connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ours = event::TcpStream::adopt(loop(), accepted);
  }
};

void check_fields(std::span<const Header> fields) {
  CHECK(fields.size() <= small_limits().headers_max);
  size_t bytes = 0;
  for (const Header& field : fields) {
    bytes += field.name.size() + field.value.size();
    CHECK(!field.name.empty() && std::all_of(field.name.begin(), field.name.end(), is_token_char));
    CHECK(std::none_of(field.name.begin(), field.name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    CHECK(std::all_of(field.value.begin(), field.value.end(), is_field_char));
  }
  CHECK(bytes <= small_limits().head_bytes_max);
}

/// What nghttp2 and we have said, frame by frame.
struct Output {
  std::string bytes;
  std::array<size_t, 16> frames{};
  std::array<size_t, 16> acks{};

  void read_from(int peer) {
    std::array<char, 16384> some;
    for (;;) {
      ssize_t got = recv(peer, some.data(), some.size(), MSG_DONTWAIT);
      if (got <= 0) return;
      bytes.append(some.data(), static_cast<size_t>(got));
    }
  }
  /// `whole`: nothing was cut off.
  void check(size_t input_bytes, bool from_client) {
    CHECK(bytes.size() <= kOutputBytesMin + kOutputPerByte * input_bytes);
    std::string_view left = bytes;
    if (from_client) {
      CHECK(left.starts_with(kPreface));
      left.remove_prefix(kPreface.size());
    }
    while (!left.empty()) {
      CHECK(left.size() >= kFrameHeadBytes);
      auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<uint8_t>(left[at])); };
      size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
      CHECK(length <= 16384 && left.size() >= kFrameHeadBytes + length);
      if (byte(3) < frames.size()) ++((byte(4) & 1) != 0 && byte(3) != 0 && byte(3) != 1 ? acks : frames)[byte(3)];
      left.remove_prefix(kFrameHeadBytes + length);
    }
    // Bursts of H2Budget, and as much again: a run may take more than a second.
    constexpr size_t kReset = 3;
    constexpr size_t kSettings = 4;
    constexpr size_t kPing = 6;
    CHECK(acks[kSettings] <= 2 * H2Budget::rate(H2Budget::Cost::settings).burst);
    CHECK(acks[kPing] <= 2 * H2Budget::rate(H2Budget::Cost::ping).burst);
    CHECK(frames[kReset] <=
          2 * H2Budget::rate(H2Budget::Cost::own_reset).burst + 2 * H2Budget::rate(H2Budget::Cost::peer_reset).burst);
  }
};

/// The side towards clients: answers everything that comes whole.
class ServerSide final : public ServerSessionOwner {
 public:
  ServerSide(event::TcpStream stream, size_t input_bytes)
      : input_bytes_(input_bytes), session_(loop(), std::move(stream), *this, limits_) {
    session_.start({});
  }
  [[nodiscard]] bool over() const { return over_; }

 private:
  struct Served final : ServerStreamObserver {
    ServerSide* side = nullptr;
    ServerStream* stream = nullptr;
    size_t body_bytes = 0;

    void on_request_body(std::string_view bytes) override {
      body_bytes += bytes.size();
      CHECK(body_bytes <= side->input_bytes_);
    }
    void on_request_end(std::span<const Header> trailers) override {
      check_fields(trailers);
      ResponseHead head;
      head.body = Body::unknown;
      stream->send_head(head);
      stream->send_body(std::string(kAnswerBytes, 'a'));
      stream->send_end({});
      let_go();
    }
    void on_client_drained() override {}
    void on_client_gone(const Error&) override { let_go(); }
    void let_go() {
      --side->attached_;
      std::exchange(stream, nullptr)->release();
    }
  };

  void on_request(ServerStream& stream, const RequestHead& head) override {
    CHECK(!over_ && ++attached_ <= limits_.streams_max);
    check_fields(head.headers);
    CHECK(!head.method_text.empty() && !head.target.empty());
    CHECK(std::all_of(head.method_text.begin(), head.method_text.end(), is_token_char));
    for (std::string_view text : {head.target, head.authority}) {
      CHECK(std::none_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) <= ' ' || c == 127; }));
    }
    Served& served = served_.emplace_back();
    served.side = this;
    served.stream = &stream;
    stream.attach(served);
  }
  void on_bad_request(uint16_t status, const Error&, size_t) override { CHECK(status >= 400 && status <= 599); }
  void on_session_closed() override {
    CHECK(attached_ == 0 && !over_);
    over_ = true;
  }

  const H2Limits limits_ = small_limits();
  const size_t input_bytes_;
  std::list<Served> served_;
  size_t attached_ = 0;
  bool over_ = false;
  H2ServerSession session_;
};

/// The side towards upstreams, with three requests under way.
class ClientSide final : public H2ClientSession::Owner {
 public:
  ClientSide(event::TcpStream stream, size_t input_bytes)
      : input_bytes_(input_bytes), session_(loop(), std::move(stream), "http", *this, limits_) {
    session_.start();
    for (Method method : {Method::get, Method::post, Method::head}) ask(method);
  }
  [[nodiscard]] bool over() const { return over_; }

 private:
  struct Asked final : ClientStreamObserver {
    ClientSide* side = nullptr;
    ClientStream* stream = nullptr;
    size_t body_bytes = 0;
    size_t interims = 0;
    bool answered = false;

    void on_interim(const ResponseHead& head) override {
      CHECK(!answered && head.status >= 100 && head.status < 200 && ++interims <= side->limits_.interims_max);
      check_fields(head.headers);
    }
    void on_response_head(const ResponseHead& head) override {
      CHECK(!std::exchange(answered, true) && head.status >= 200 && head.status <= 999);
      check_fields(head.headers);
    }
    void on_response_body(std::string_view bytes) override {
      body_bytes += bytes.size();
      CHECK(answered && body_bytes <= side->input_bytes_);
    }
    void on_response_end(std::span<const Header> trailers) override {
      CHECK(answered);
      check_fields(trailers);
      let_go();
    }
    void on_upstream_drained() override {}
    void on_upstream_failed(const Error&) override { let_go(); }
    void let_go() {
      --side->asking_;
      std::exchange(stream, nullptr)->release();
    }
  };

  void ask(Method method) {
    Asked& asked = asked_.emplace_back();
    asked.side = this;
    asked.stream = &session_.begin(asked);
    ++asking_;
    RequestHead head;
    head.method = method;
    head.method_text = method == Method::get ? "GET" : method == Method::post ? "POST" : "HEAD";
    head.target = "/";
    head.authority = "up.test";
    head.body = method == Method::post ? Body::unknown : Body::none;
    asked.stream->send_head(head);
    if (method == Method::post) asked.stream->send_body("body");
    asked.stream->send_end({});
  }
  void on_stream_released(H2ClientSession&) override {}
  void on_session_closed(H2ClientSession&, const Error&) override {
    CHECK(asking_ == 0 && !over_);
    over_ = true;
  }

  const H2Limits limits_ = small_limits();
  const size_t input_bytes_;
  std::list<Asked> asked_;
  size_t asking_ = 0;
  bool over_ = false;
  H2ClientSession session_;
};

template <typename Side>
void feed(std::string_view input, size_t piece, bool ours_is_client) {
  Ends ends;
  Output output;
  {
    Side side(std::move(ends.ours), input.size());
    auto turn = [&] {
      loop().run_ready();
      output.read_from(ends.peer);
    };
    if (!ours_is_client) CHECK(send(ends.peer, kPreface.data(), kPreface.size(), MSG_NOSIGNAL) > 0);
    turn();
    for (size_t at = 0; at < input.size() && !side.over(); at += piece) {
      std::string_view some = input.substr(at, piece);
      if (send(ends.peer, some.data(), some.size(), MSG_NOSIGNAL) <= 0) break;
      turn();
    }
    shutdown(ends.peer, SHUT_WR);
    for (size_t i = 0; i < kTurnsMax && !side.over(); ++i) turn();
    turn();
    output.check(input.size(), ours_is_client);
    close(ends.peer);
    for (size_t i = 0; i < kTurnsMax && !side.over(); ++i) loop().run_ready();
    // An answer that waits for a window which nobody can open any more has a deadline.
    for (size_t i = 0; i < kDeadlinesMax && !side.over(); ++i) {
      loop().skip_ms(H2Session::kStallMs + 1000);
      loop().run_ready();
    }
    CHECK(side.over());
  }
  loop().run_ready();  // what was to be destroyed later
}

}  // namespace

void fuzz::run(std::string_view input) {
  if (input.empty()) return;
  auto choice = static_cast<uint8_t>(input[0]);
  input.remove_prefix(1);
  bool client = (choice & 1) != 0;
  // Whole, or in pieces; never so many that a run takes long.
  size_t piece =
      (choice & 2) == 0 ? std::max<size_t>(input.size(), 1) : std::max<size_t>(1 + (choice >> 2), input.size() / 64);
  if (client) {
    feed<ClientSide>(input, piece, client);
  } else {
    feed<ServerSide>(input, piece, client);
  }
}
