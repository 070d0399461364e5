// bench-tls-load --port PORT [...]: what bench-load is for TLS 1.3, closed loop. --handshakes: each connection shakes
// hands, says close_notify and waits for the other's end; --resumed: the same with a ticket, and one that is not taken
// is an error; --key-updates: nothing but KeyUpdates, until the connection is ended; --idle: see bench-load; otherwise
// GET over and over. Prints one line of JSON.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpu_time.h"
#include "net.h"
#include "pattern.h"
#include "response_reader.h"
#include "tls_context.h"

namespace {

using namespace weir::bench;

// As in load.cc.
constexpr std::string_view kRequest =
    "GET /p0/index.html HTTP/1.1\r\nHost: h000000.bench.test\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n"
    "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nDNT: 1\r\n\r\n";
constexpr const char* kHost = "h000000.bench.test";
constexpr int kSilenceMsMax = 10'000;
constexpr int kKeyUpdatesAtOnce = 64;
constexpr size_t kIdleAtOnce = 64;  // being opened: the listen queue is limited

struct Options {
  enum class Traffic { get, handshakes, resumed, key_updates, idle } traffic = Traffic::get;
  uint16_t port = 0;
  size_t connections = 64;
  double warm_s = 1;
  double slice_s = 5;
  uint64_t requests_max = 0;  // 0: until the slice is over
  uint64_t body_bytes = 100;
  std::vector<pid_t> cpu_of;
};

struct Connection {
  explicit Connection(const ResponseReader& fresh) : reader(fresh) {}

  enum class State { closed, shaking, asking, idle, flooding, ending } state = State::closed;
  int fd = -1;
  SslPointer ssl;
  SSL_SESSION* session = nullptr;  // the newest that its handshakes brought
  ResponseReader reader;
};

class TlsLoad {
 public:
  explicit TlsLoad(const Options& options)
      : options_(options),
        fresh_(pattern_, options.body_bytes),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        context_(make_client_context()) {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, keep_session);
    connections_.reserve(options.connections);
    for (size_t i = 0; i < options.connections; ++i) connections_.emplace_back(fresh_);
  }

  int run() {
    if (options_.traffic == Options::Traffic::idle) return run_idle();
    for (size_t slot = 0; slot < connections_.size(); ++slot) begin(slot);
    if (options_.requests_max == 0) turn_until(now_ns() + seconds(options_.warm_s));
    done_ = bytes_ = 0;
    counted_ = true;
    uint64_t cpu = cpu_ns_of_trees(options_.cpu_of);
    uint64_t own = own_cpu_ns();
    int64_t start = now_ns();
    turn_until(start + (options_.requests_max == 0 ? seconds(options_.slice_s) : seconds(3600)));
    std::printf("{\"requests\": %lu, \"bytes\": %lu, \"seconds\": %.6f, \"cpu_ns\": %lu, \"own_cpu_ns\": %lu}\n", done_,
                bytes_, static_cast<double>(now_ns() - start) / 1e9, cpu_ns_of_trees(options_.cpu_of) - cpu,
                own_cpu_ns() - own);
    return 0;
  }

 private:
  static int64_t seconds(double count) { return static_cast<int64_t>(count * 1e9); }
  bool enough() const { return counted_ && options_.requests_max > 0 && done_ >= options_.requests_max; }
  bool asks() const { return options_.traffic == Options::Traffic::get || options_.traffic == Options::Traffic::idle; }

  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* connection = static_cast<Connection*>(SSL_get_app_data(ssl));
    if (connection->session != nullptr) SSL_SESSION_free(connection->session);
    connection->session = session;
    return 1;  // it is ours now
  }

  void turn_until(int64_t end_ns) {
    while (now_ns() < end_ns && !enough()) turn();
  }

  void turn() {
    std::array<epoll_event, 512> events;
    int count = epoll_wait(epoll_, events.data(), events.size(), kSilenceMsMax);
    if (count == 0) refuse("nothing came within 10 s");
    for (int i = 0; i < count; ++i) on_event(events[i].data.u64, events[i].events);
  }

  void begin(size_t slot) {
    Connection& connection = connections_[slot];
    connection.fd = connect_loopback(options_.port);
    connection.ssl.reset(SSL_new(context_));
    connection.reader = fresh_;
    connection.state = Connection::State::shaking;
    SSL* ssl = connection.ssl.get();
    SSL_set_fd(ssl, connection.fd);
    SSL_set_app_data(ssl, &connection);
    SSL_set_tlsext_host_name(ssl, kHost);
    if (options_.traffic == Options::Traffic::resumed && connection.session != nullptr) {
      SSL_set_session(ssl, connection.session);
    }
    SSL_set_connect_state(ssl);
    watch(epoll_, connection.fd, EPOLLOUT, slot);
  }

  void on_event(size_t slot, uint32_t) {
    Connection& connection = connections_[slot];
    if (connection.state == Connection::State::shaking) return shake(slot);
    if (connection.state != Connection::State::closed) read(slot);
    if (connection.state == Connection::State::flooding) update_keys(slot);
  }

  void shake(size_t slot) {
    Connection& connection = connections_[slot];
    bool resumes = options_.traffic == Options::Traffic::resumed && connection.session != nullptr;
    ERR_clear_error();
    int result = SSL_do_handshake(connection.ssl.get());
    if (result != 1) {
      int error = SSL_get_error(connection.ssl.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) refuse("a handshake failed");
      change_watch(epoll_, connection.fd, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, slot);
      return;
    }
    if (resumes && SSL_session_reused(connection.ssl.get()) != 1) refuse("a session was not resumed");
    change_watch(epoll_, connection.fd, EPOLLIN, slot);
    if (asks()) return ask(slot);
    if (options_.traffic == Options::Traffic::key_updates) return update_keys(slot);
    // Its tickets are still to come, and the other side's end.
    connection.state = Connection::State::ending;
    SSL_shutdown(connection.ssl.get());
    shutdown(connection.fd, SHUT_WR);
  }

  // As many as the socket takes.
  void update_keys(size_t slot) {
    Connection& connection = connections_[slot];
    SSL* ssl = connection.ssl.get();
    connection.state = Connection::State::flooding;
    change_watch(epoll_, connection.fd, EPOLLIN | EPOLLOUT, slot);
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    for (int i = 0; i < kKeyUpdatesAtOnce && result == 1; ++i) {
      SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
      result = SSL_do_handshake(ssl);
    }
    if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_WRITE) end(slot);
  }

  void ask(size_t slot) {
    connections_[slot].state = Connection::State::asking;
    int sent = SSL_write(connections_[slot].ssl.get(), kRequest.data(), static_cast<int>(kRequest.size()));
    if (sent != static_cast<int>(kRequest.size())) refuse("a request could not be sent at once");
  }

  void read(size_t slot) {
    Connection& connection = connections_[slot];
    do {
      ERR_clear_error();
      int got = SSL_read(connection.ssl.get(), buffer_.data(), static_cast<int>(buffer_.size()));
      if (got <= 0) return on_nothing(slot, got);
      bytes_ += static_cast<uint64_t>(got);
      on_bytes(slot, {buffer_.data(), static_cast<size_t>(got)});
    } while (connection.ssl != nullptr && SSL_has_pending(connection.ssl.get()) == 1);
  }

  void on_nothing(size_t slot, int result) {
    Connection& connection = connections_[slot];
    if (SSL_get_error(connection.ssl.get(), result) == SSL_ERROR_WANT_READ) return;
    bool may_end = connection.state == Connection::State::ending || connection.state == Connection::State::flooding;
    if (!may_end) refuse("a connection ended before its answer");
    end(slot);
  }

  // And the next.
  void end(size_t slot) {
    Connection& connection = connections_[slot];
    close(connection.fd);
    connection.ssl.reset();
    connection.state = Connection::State::closed;
    ++done_;
    ++bytes_;  // so that nothing is not taken for an answer
    begin(slot);
  }

  void on_bytes(size_t slot, std::string_view bytes) {
    Connection& connection = connections_[slot];
    // Some say that there was no request before they close.
    if (connection.state == Connection::State::ending) return;
    if (connection.state != Connection::State::asking) refuse("bytes that no request asked for");
    switch (connection.reader.feed(bytes)) {
      case ResponseReader::Outcome::more: return;
      case ResponseReader::Outcome::wrong: refuse(connection.reader.error());
      case ResponseReader::Outcome::done: break;
    }
    if (connection.reader.closes()) refuse("an answer that closes its connection");
    ++done_;
    connection.state = Connection::State::idle;
    if (options_.traffic == Options::Traffic::get && !enough()) ask(slot);
  }

  int run_idle() {
    for (size_t opened = 0; opened < connections_.size();) {
      size_t target = std::min(connections_.size(), opened + kIdleAtOnce);
      while (opened < target) begin(opened++);
      while (done_ < target) turn();
    }
    std::printf("idle %zu\n", connections_.size());
    std::fflush(stdout);
    char byte = 0;
    while (::read(0, &byte, 1) > 0) continue;
    return 0;
  }

  const Options options_;
  const Pattern pattern_;
  const ResponseReader fresh_;
  const int epoll_;
  SSL_CTX* const context_;
  std::vector<Connection> connections_;
  uint64_t done_ = 0;
  uint64_t bytes_ = 0;
  bool counted_ = false;
  std::array<char, 64 * 1024> buffer_;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    auto is = [&](const char* wanted) { return name == wanted; };
    if (is("--key-updates")) {
      options.traffic = Options::Traffic::key_updates;
    } else if (is("--handshakes")) {
      options.traffic = Options::Traffic::handshakes;
    } else if (is("--resumed")) {
      options.traffic = Options::Traffic::resumed;
    } else if (is("--idle")) {
      options.traffic = Options::Traffic::idle;
    } else if (i + 1 == argc) {
      refuse("unknown argument: " + name);
    } else {
      const char* value = argv[++i];
      if (is("--port")) options.port = static_cast<uint16_t>(std::atoi(value));
      if (is("--connections")) options.connections = std::strtoul(value, nullptr, 10);
      if (is("--warm")) options.warm_s = std::strtod(value, nullptr);
      if (is("--seconds")) options.slice_s = std::strtod(value, nullptr);
      if (is("--requests")) options.requests_max = std::strtoul(value, nullptr, 10);
      if (is("--body")) options.body_bytes = std::strtoul(value, nullptr, 10);
      if (is("--cpu-of")) options.cpu_of.push_back(std::atoi(value));
    }
  }
  if (options.port == 0 || options.connections == 0) refuse("--port and at least one connection are needed");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  signal(SIGPIPE, SIG_IGN);  // whoever floods is let go
  return std::make_unique<TlsLoad>(read_options(argc, argv))->run();
}
