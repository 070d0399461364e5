// bench-load --port PORT [...]: sends requests to 127.0.0.1:PORT and checks every byte of every answer. Closed loop
// (the next request when the answer is there) or open loop (--rate: requests are due at their times, whatever the proxy
// does, and the time of each counts from when it was due). Prints one line of JSON a slice; load_options.cc has the
// flags.

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cpu_time.h"
#include "histogram.h"
#include "load_options.h"
#include "net.h"
#include "pattern.h"
#include "response_reader.h"

namespace {

using namespace weir::bench;
using Traffic = LoadOptions::Traffic;

constexpr size_t kBufferBytes = 256 * 1024;
constexpr size_t kBacklogMax = 1'000'000;  // requests that are due and have no free connection
constexpr size_t kMessageBytes = 64;
constexpr int64_t kAnswerNsMax = 30'000'000'000;
constexpr std::string_view kUpgradeFields =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
// As a browser sends it: with the line and the host about 450 bytes.
constexpr std::string_view kBrowserFields =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n"
    "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nDNT: 1\r\n";

struct Connection {
  explicit Connection(const ResponseReader& fresh) : reader(fresh) {}

  enum class State { closed, idle, waiting } state = State::closed;
  int fd = -1;
  int64_t due_ns = 0;
  std::string unsent;  // of a request's head or a message
  uint64_t upload_left = 0;
  bool watching_room = false;
  bool upgraded = false;
  size_t echoed = 0;
  ResponseReader reader;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        fresh_(pattern_, options.body_bytes),
        random_(20261121),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    prctl(PR_SET_TIMERSLACK, 1);
    make_request();
    connections_.reserve(options.connections);
    for (uint64_t i = 0; i < options.connections; ++i) {
      connections_.emplace_back(fresh_);
      idle_.push_back(i);
    }
  }

  int run() {
    if (options_.traffic == Traffic::idle) return run_idle();
    if (options_.requests_max > 0) {
      begin_slice();
      turn_until(now_ns() + static_cast<int64_t>(3600e9));
      print_slice();
    } else {
      start_schedule();
      turn_until(now_ns() + seconds(options_.warm_s));
      for (uint64_t i = 0; i < options_.slices && !failed(); ++i) {
        begin_slice();
        turn_until(slice_start_ + seconds(options_.slice_s));
        print_slice();
      }
    }
    if (failed()) std::fprintf(stderr, "error: %s\n", first_error_.c_str());
    return failed() ? 1 : 0;
  }

 private:
  static int64_t seconds(double count) { return static_cast<int64_t>(count * 1e9); }
  bool failed() const { return errors_all_ > 0 && !options_.tolerate_errors; }
  bool enough() const { return options_.requests_max > 0 && answered_ >= options_.requests_max; }

  void make_request() {
    bool upload = options_.traffic == Traffic::upload;
    request_ = upload ? "POST /p0/index.html HTTP/1.1\r\nHost: " : "GET /p0/index.html HTTP/1.1\r\nHost: ";
    path_at_ = request_.find("/p0") + 2;
    host_at_ = request_.size() + 1;
    request_ += "h000000.bench.test\r\n";
    request_ += kBrowserFields;
    if (options_.traffic == Traffic::websocket) request_ += kUpgradeFields;
    if (upload) request_ += "Content-Length: " + std::to_string(options_.upload_bytes) + "\r\n";
    if (options_.connection_per_request) request_ += "Connection: close\r\n";
    request_ += "\r\n";
    message_ = {'\x82', static_cast<char>(0x80 | kMessageBytes), 1, 2, 3, 4};
    echo_ = {'\x82', static_cast<char>(kMessageBytes)};
    for (size_t i = 0; i < kMessageBytes; ++i) {
      echo_.push_back(*pattern_.at(i));
      message_.push_back(static_cast<char>(*pattern_.at(i) ^ message_[2 + i % 4]));
    }
  }

  // ---- time

  void start_schedule() {
    next_due_ns_ = now_ns();
    if (options_.rate_per_s > 0) return;
    while (!idle_.empty()) begin_next(now_ns());
  }

  void advance_schedule() {
    double gap_ns = 1e9 / options_.rate_per_s;
    if (options_.poisson) gap_ns *= -std::log(1 - std::uniform_real_distribution<double>(0, 1)(random_));
    next_due_ns_ += static_cast<int64_t>(gap_ns);
  }

  void turn_until(int64_t end_ns) {
    std::array<epoll_event, 512> events;
    if (options_.requests_max > 0) start_schedule();
    int64_t now = now_ns();
    while (now < end_ns && !failed() && !enough()) {
      int64_t wake_ns = end_ns;
      if (options_.rate_per_s > 0) {
        for (; next_due_ns_ <= now; advance_schedule()) take_due(next_due_ns_);
        wake_ns = std::min(end_ns, next_due_ns_);
      }
      int64_t wait_ns = std::clamp<int64_t>(wake_ns - now_ns(), 0, 1'000'000'000);
      timespec wait{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
      int count = epoll_pwait2(epoll_, events.data(), events.size(), &wait, nullptr);
      for (int i = 0; i < count; ++i) on_event(events[i].data.u64, events[i].events);
      now = now_ns();
      if (count == 0) look_for_silence(now);
    }
  }

  void look_for_silence(int64_t now) {
    for (uint64_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      bool waits = connection.state == Connection::State::waiting;
      if (waits && now - connection.due_ns > kAnswerNsMax) fail(i, "no answer within 30 s");
    }
  }

  // ---- slices

  void begin_slice() {
    times_.clear();
    answered_ = 0;
    errors_ = 0;
    bytes_ = 0;
    cpu_start_ = cpu_ns_of_trees(options_.cpu_of);
    own_cpu_start_ = own_cpu_ns();
    slice_start_ = now_ns();
  }

  void print_slice() {
    int64_t took = now_ns() - slice_start_;
    uint64_t cpu = cpu_ns_of_trees(options_.cpu_of) - cpu_start_;
    std::printf(
        "{\"requests\": %lu, \"errors\": %lu, \"bytes\": %lu, \"seconds\": %.6f, \"cpu_ns\": %lu, \"own_cpu_ns\": %lu, "
        "\"backlog\": %zu, \"reconnects\": %lu, \"p50_ns\": %lu, \"p99_ns\": %lu, \"p999_ns\": %lu, \"max_ns\": %lu, "
        "\"first_error\": \"%s\"}\n",
        answered_, errors_, bytes_, static_cast<double>(took) / 1e9, cpu, own_cpu_ns() - own_cpu_start_,
        backlog_.size(), reconnects_, times_.quantile(0.5), times_.quantile(0.99), times_.quantile(0.999), times_.max(),
        first_error_.c_str());
    std::fflush(stdout);
  }

  // ---- requests

  void take_due(int64_t due_ns) {
    if (!idle_.empty()) return begin_next(due_ns);
    if (backlog_.size() >= kBacklogMax) refuse("the proxy is too slow for this rate");
    backlog_.push_back(due_ns);
  }

  // The connection that has been idle longest: all of them are used.
  void begin_next(int64_t due_ns) {
    uint64_t slot = idle_.front();
    idle_.pop_front();
    Connection& connection = connections_[slot];
    if (connection.state == Connection::State::closed) open(slot);
    connection.due_ns = due_ns;
    connection.echoed = 0;
    connection.state = Connection::State::waiting;
    if (options_.traffic == Traffic::websocket && connection.upgraded) {
      send_or_keep(slot, message_);
    } else {
      choose_host();
      connection.upload_left = options_.upload_bytes;
      send_or_keep(slot, request_);
    }
  }

  void choose_host() {
    if (options_.hosts <= 1) return;
    uint64_t host = random_() % options_.hosts;
    for (size_t digit = 6; digit-- > 0; host /= 10) request_[host_at_ + digit] = static_cast<char>('0' + host % 10);
    request_[path_at_] = static_cast<char>('0' + random_() % 3);
  }

  void open(uint64_t slot) {
    Connection& connection = connections_[slot];
    connection.fd = connect_loopback(options_.port);
    connection.reader = fresh_;
    connection.upgraded = false;
    connection.watching_room = false;
    watch(epoll_, connection.fd, EPOLLIN, slot);
  }

  void send_or_keep(uint64_t slot, std::string_view bytes) {
    Connection& connection = connections_[slot];
    int more = connection.upload_left > 0 ? MSG_MORE : 0;
    ssize_t sent = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | more);
    if (sent < 0 && errno != EAGAIN) return fail(slot, std::string("send: ") + std::strerror(errno));
    connection.unsent = bytes.substr(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
    go_on_sending(slot);
  }

  void go_on_sending(uint64_t slot) {
    Connection& connection = connections_[slot];
    while (!connection.unsent.empty() || connection.upload_left > 0) {
      bool head = !connection.unsent.empty();
      uint64_t done = options_.upload_bytes - connection.upload_left;
      const char* from = head ? connection.unsent.data() : pattern_.at(done);
      size_t size =
          head ? connection.unsent.size() : std::min<uint64_t>(connection.upload_left, Pattern::kPieceBytesMax);
      ssize_t sent = send(connection.fd, from, size, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return fail(slot, std::string("send: ") + std::strerror(errno));
      if (sent < 0) break;
      if (head) {
        connection.unsent.erase(0, static_cast<size_t>(sent));
      } else {
        connection.upload_left -= static_cast<uint64_t>(sent);
        bytes_ += static_cast<uint64_t>(sent);
      }
    }
    bool wants_room = !connection.unsent.empty() || connection.upload_left > 0;
    if (wants_room == connection.watching_room) return;
    connection.watching_room = wants_room;
    change_watch(epoll_, connection.fd, wants_room ? EPOLLIN | EPOLLOUT : EPOLLIN, slot);
  }

  // ---- answers

  void on_event(uint64_t slot, uint32_t events) {
    Connection& connection = connections_[slot];
    if (connection.state == Connection::State::closed) return;
    if ((events & EPOLLOUT) != 0) go_on_sending(slot);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || connection.state == Connection::State::closed) return;
    ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail(slot, std::string("recv: ") + std::strerror(errno));
    if (got == 0) return on_end(slot);
    bytes_ += static_cast<uint64_t>(got);
    on_bytes(slot, {buffer_.data(), static_cast<size_t>(got)});
  }

  // Between two answers a proxy may close: that is counted, and no error.
  void on_end(uint64_t slot) {
    if (connections_[slot].state != Connection::State::idle) return fail(slot, "closed before the answer was whole");
    reconnects_ += 1;
    disconnect(slot);
  }

  void on_bytes(uint64_t slot, std::string_view bytes) {
    Connection& connection = connections_[slot];
    if (connection.state != Connection::State::waiting) return fail(slot, "bytes that no request asked for");
    if (options_.traffic == Traffic::websocket) return on_websocket_bytes(slot, bytes);
    switch (connection.reader.feed(bytes)) {
      case ResponseReader::Outcome::more: return;
      case ResponseReader::Outcome::wrong: return fail(slot, connection.reader.error());
      case ResponseReader::Outcome::done: break;
    }
    if (connection.upload_left > 0) return fail(slot, "answered before the upload was whole");
    if (options_.connection_per_request) {
      disconnect(slot);
    } else if (connection.reader.closes()) {
      reconnects_ += 1;
      disconnect(slot);
    }
    finish(slot);
  }

  void on_websocket_bytes(uint64_t slot, std::string_view bytes) {
    Connection& connection = connections_[slot];
    if (!connection.upgraded) {
      if (!bytes.starts_with("HTTP/1.1 101") || !bytes.ends_with("\r\n\r\n")) return fail(slot, "not upgraded");
      connection.upgraded = true;
      return send_or_keep(slot, message_);
    }
    if (connection.echoed + bytes.size() > echo_.size() || echo_.compare(connection.echoed, bytes.size(), bytes) != 0) {
      return fail(slot, "another message came back");
    }
    connection.echoed += bytes.size();
    if (connection.echoed == echo_.size()) finish(slot);
  }

  void finish(uint64_t slot) {
    Connection& connection = connections_[slot];
    times_.add(static_cast<uint64_t>(now_ns() - connection.due_ns));
    answered_ += 1;
    if (connection.state == Connection::State::waiting) connection.state = Connection::State::idle;
    idle_.push_back(slot);
    go_on();
  }

  void go_on() {
    if (options_.traffic == Traffic::idle || failed()) return;
    if (options_.rate_per_s <= 0) {
      // Of an exact count the last ones are already under way.
      if (options_.requests_max > 0 && answered_ + connections_.size() - idle_.size() >= options_.requests_max) return;
      begin_next(now_ns());
    } else if (!backlog_.empty()) {
      int64_t due_ns = backlog_.front();
      backlog_.pop_front();
      begin_next(due_ns);
    }
  }

  void fail(uint64_t slot, const std::string& why) {
    errors_ += 1;
    errors_all_ += 1;
    if (first_error_.empty()) first_error_ = why;
    bool busy = connections_[slot].state != Connection::State::idle;
    disconnect(slot);
    if (!busy) return;
    idle_.push_back(slot);
    // A failing proxy is not asked again at once: the next answer, or the schedule, goes on.
    if (options_.rate_per_s <= 0 && options_.tolerate_errors) go_on();
  }

  void disconnect(uint64_t slot) {
    close(connections_[slot].fd);
    connections_[slot].fd = -1;
    connections_[slot].state = Connection::State::closed;
    connections_[slot].upload_left = 0;
    connections_[slot].unsent.clear();
  }

  // ---- idle connections

  int run_idle() {
    for (uint64_t wanted = connections_.size(); answered_ < wanted && !failed();) {
      // A few at a time: the listen queue is limited.
      uint64_t target = std::min<uint64_t>(wanted, answered_ + 64);
      begin_slice_of_idle(target);
    }
    if (failed()) refuse(first_error_);
    std::printf("idle %zu\n", connections_.size());
    std::fflush(stdout);
    char byte = 0;
    while (read(0, &byte, 1) > 0) continue;
    return 0;
  }

  void begin_slice_of_idle(uint64_t target) {
    for (uint64_t i = answered_; i < target; ++i) begin_next(now_ns());
    std::array<epoll_event, 512> events;
    while (answered_ < target && !failed()) {
      int count = epoll_wait(epoll_, events.data(), events.size(), 10'000);
      if (count <= 0) refuse("no answer within 10 s");
      for (int i = 0; i < count; ++i) on_event(events[i].data.u64, events[i].events);
    }
  }

  const LoadOptions options_;
  const Pattern pattern_;
  const ResponseReader fresh_;
  std::mt19937_64 random_;
  const int epoll_;
  std::string request_, message_, echo_;
  size_t host_at_ = 0;
  size_t path_at_ = 0;

  std::vector<Connection> connections_;
  std::deque<uint64_t> idle_;
  std::deque<int64_t> backlog_;
  int64_t next_due_ns_ = 0;

  Histogram times_;
  uint64_t answered_ = 0, errors_ = 0, errors_all_ = 0, bytes_ = 0, reconnects_ = 0;
  uint64_t cpu_start_ = 0, own_cpu_start_ = 0;
  int64_t slice_start_ = 0;
  std::string first_error_;
  std::array<char, kBufferBytes> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  return std::make_unique<Load>(read_load_options(argc, argv))->run();
}
