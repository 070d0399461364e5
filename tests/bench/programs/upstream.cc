// bench-upstream [--body BYTES] [--chunked] [--close] [--listeners N]: answers every request with the same 200 and
// echoes WebSocket messages after an upgrade. A body that is not
// the pattern's ends the connection. One recv and one send a small request. Prints its ports.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net.h"
#include "pattern.h"

namespace {

using namespace weir::bench;

constexpr size_t kBufferBytes = 256 * 1024;
constexpr size_t kChunkBytes = 16 * 1024;
constexpr size_t kHeadBytesMax = 64 * 1024;
constexpr uint64_t kListenerFlag = uint64_t{1} << 63;
constexpr std::string_view kUpgradeAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    // Of the key that bench-load sends ("the sample nonce" of RFC 6455, section 1.3).
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Options {
  uint64_t body_bytes = 100;
  bool chunked = false;
  bool close = false;
  int listeners = 1;
};

/// A connection between two heads, within a request's body, sending an answer, or echoing.
struct Connection {
  int fd = -1;
  std::string head;         // of a request that has not come in one piece
  uint64_t body_bytes = 0;  // of the request
  uint64_t body_left = 0;
  uint64_t answer_sent = 0;  // bytes of the answer's body that have gone
  bool answering = false;
  bool echoing = false;
  std::string unsent;  // of a head or an echo
  bool watching_room = false;
};

class Upstream {
 public:
  explicit Upstream(const Options& options) : options_(options) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    head_ = "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/octet-stream\r\n";
    head_ += options.close ? "Connection: close\r\n" : "";
    head_ += options.chunked ? "Transfer-Encoding: chunked\r\n\r\n"
                             : "Content-Length: " + std::to_string(options.body_bytes) + "\r\n\r\n";
    make_small_answer();
    for (int i = 0; i < options.listeners; ++i) {
      uint16_t port = 0;
      int fd = listen_loopback(port);
      watch(epoll_, fd, EPOLLIN, kListenerFlag | static_cast<uint64_t>(fd));
      std::printf("port %u\n", port);
    }
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) on_event(events[i].data.u64, events[i].events);
    }
  }

 private:
  // Head and body in one piece where they are small or chunked: one send.
  void make_small_answer() {
    if (options_.chunked) {
      small_answer_ = head_;
      for (uint64_t at = 0; at < options_.body_bytes; at += kChunkBytes) {
        size_t size = std::min<uint64_t>(kChunkBytes, options_.body_bytes - at);
        std::array<char, 32> line{};
        small_answer_.append(line.data(),
                             static_cast<size_t>(std::snprintf(line.data(), line.size(), "%zx\r\n", size)));
        small_answer_.append(pattern_.at(at), size).append("\r\n");
      }
      small_answer_ += "0\r\n\r\n";
    } else if (options_.body_bytes <= kBufferBytes) {
      small_answer_ = head_ + std::string(pattern_.at(0), options_.body_bytes);
    }
  }

  void on_event(uint64_t what, uint32_t events) {
    if ((what & kListenerFlag) != 0) return accept_all(static_cast<int>(what & ~kListenerFlag));
    Connection& connection = *connections_[what];
    if (connection.fd < 0) return;
    bool alive = true;
    if ((events & EPOLLOUT) != 0) alive = go_on_sending(connection);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !is_sending(connection))
      alive = receive(connection);
    if (alive) {
      update_watch(connection);
    } else {
      close(connection.fd);
      connection.fd = -1;
    }
  }

  void accept_all(int listener) {
    for (int fd = accept_one(listener); fd >= 0; fd = accept_one(listener)) {
      size_t slot = static_cast<size_t>(fd);  // the kernel's numbers are dense
      if (slot >= connections_.size()) connections_.resize(slot + 1);
      connections_[slot] = std::make_unique<Connection>();
      connections_[slot]->fd = fd;
      watch(epoll_, fd, EPOLLIN, slot);
    }
  }

  static bool is_sending(const Connection& c) { return c.answering || !c.unsent.empty(); }

  bool receive(Connection& connection) {
    ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
    if (connection.echoing) return echo(connection, bytes);
    while (!bytes.empty()) {
      if (connection.body_left > 0) {
        size_t taken = std::min<uint64_t>(connection.body_left, bytes.size());
        if (!pattern_.matches(connection.body_bytes - connection.body_left, bytes.data(), taken)) return false;
        bytes.remove_prefix(taken);
        connection.body_left -= taken;
        if (connection.body_left == 0 && !answer(connection)) return false;
        continue;
      }
      if (!take_head(connection, bytes)) return false;
    }
    return true;
  }

  bool take_head(Connection& connection, std::string_view& bytes) {
    std::string_view head = bytes;
    if (!connection.head.empty()) {
      connection.head.append(bytes);
      head = connection.head;
    }
    size_t end = head.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (connection.head.empty()) connection.head = bytes;
      bytes = {};
      return connection.head.size() <= kHeadBytesMax;
    }
    end += 4;
    bytes.remove_prefix(bytes.size() - (head.size() - end));
    head = head.substr(0, end);
    bool upgrade = !find_field(head, "sec-websocket-key:").empty();
    std::string_view length = find_field(head, "content-length:");
    connection.body_bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), connection.body_bytes);
    connection.body_left = connection.body_bytes;
    connection.head.clear();
    if (upgrade) {
      connection.echoing = true;
      return send_or_keep(connection, kUpgradeAnswer);
    }
    return connection.body_left > 0 || answer(connection);
  }

  /// The value of the field, for a lower-case `name` with its colon. A GET has neither of the two that are asked for,
  /// so only the initial letter of each line is looked at.
  static std::string_view find_field(std::string_view head, std::string_view name) {
    for (size_t line = head.find('\n'); line != std::string_view::npos; line = head.find('\n', line + 1)) {
      std::string_view rest = head.substr(line + 1);
      if (rest.size() <= name.size() || (rest[0] | 0x20) != name[0]) continue;
      if (strncasecmp(rest.data(), name.data(), name.size()) != 0) continue;
      rest.remove_prefix(name.size());
      while (rest.starts_with(' ')) rest.remove_prefix(1);
      return rest.substr(0, rest.find('\r'));
    }
    return {};
  }

  bool answer(Connection& connection) {
    if (!small_answer_.empty()) return send_or_keep(connection, small_answer_) && !options_.close;
    connection.answering = true;
    connection.answer_sent = 0;
    ssize_t sent = send(connection.fd, head_.data(), head_.size(), MSG_NOSIGNAL | MSG_MORE);
    if (sent != static_cast<ssize_t>(head_.size())) return false;
    return go_on_sending(connection);
  }

  bool send_or_keep(Connection& connection, std::string_view bytes) {
    ssize_t sent = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < static_cast<ssize_t>(bytes.size())) connection.unsent = bytes.substr(sent < 0 ? 0 : sent);
    return true;
  }

  bool go_on_sending(Connection& connection) {
    if (!connection.unsent.empty()) {
      ssize_t sent = send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.unsent.erase(0, static_cast<size_t>(sent));
      return true;
    }
    while (connection.answering) {
      size_t piece = std::min<uint64_t>(options_.body_bytes - connection.answer_sent, Pattern::kPieceBytesMax);
      ssize_t sent = send(connection.fd, pattern_.at(connection.answer_sent), piece, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.answer_sent += static_cast<uint64_t>(sent);
      connection.answering = connection.answer_sent < options_.body_bytes;
      if (sent < static_cast<ssize_t>(piece)) return true;
    }
    return !options_.close;
  }

  // Bench messages are small and come whole: a masked frame of less than 126 bytes goes back unmasked.
  bool echo(Connection& connection, std::string_view bytes) {
    echo_.clear();
    while (bytes.size() >= 6) {
      size_t size = static_cast<unsigned char>(bytes[1]) & 0x7f;
      if (size > 125 || bytes.size() < 6 + size) return false;
      echo_.push_back(bytes[0]);
      echo_.push_back(static_cast<char>(size));
      for (size_t i = 0; i < size; ++i) echo_.push_back(static_cast<char>(bytes[6 + i] ^ bytes[2 + i % 4]));
      bytes.remove_prefix(6 + size);
    }
    return bytes.empty() && send_or_keep(connection, echo_);
  }

  void update_watch(Connection& connection) {
    if (is_sending(connection) == connection.watching_room) return;
    connection.watching_room = !connection.watching_room;
    change_watch(epoll_, connection.fd, connection.watching_room ? EPOLLOUT : EPOLLIN,
                 static_cast<uint64_t>(connection.fd));
  }

  const Options options_;
  const Pattern pattern_;
  std::string head_;
  std::string small_answer_;
  int epoll_ = -1;
  std::string echo_;
  std::array<char, kBufferBytes> buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
};

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--chunked") {
      options.chunked = true;
    } else if (name == "--close") {
      options.close = true;
    } else if (i + 1 < argc && name == "--body") {
      options.body_bytes = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && name == "--listeners") {
      options.listeners = std::atoi(argv[++i]);
    } else {
      refuse("unknown argument: " + std::string(name));
    }
  }
  std::make_unique<Upstream>(options)->run();
}
