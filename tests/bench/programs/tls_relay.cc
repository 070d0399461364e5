// bench-tls-relay PEM [PORT]: the floor where a proxy ends TLS. With a PORT it carries what clients say over TLS to
// 127.0.0.1:PORT and back and looks at none of it: per request one record in, one send, one recv, one record out.
// Without one it only shakes hands and closes when the client does. Prints its own port. Small messages only: what a
// socket does not take at once ends the program.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "net.h"
#include "tls_context.h"

namespace {

using namespace weir::bench;

constexpr uint64_t kListener = ~uint64_t{0};

struct Pair {
  int client = -1;
  int upstream = -1;
  SslPointer ssl;
};

class TlsRelay {
 public:
  TlsRelay(const char* pem_file, uint16_t upstream_port)
      : upstream_port_(upstream_port), context_(make_server_context(pem_file)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    uint16_t port = 0;
    listener_ = listen_loopback(port);
    watch(epoll_, listener_, EPOLLIN, kListener);
    std::printf("port %u\n", port);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        uint64_t what = events[i].data.u64;
        if (what == kListener) {
          accept_all();
        } else if (Pair* pair = pairs_[what >> 1].get(); pair != nullptr) {
          bool alive = (what & 1) == 0 ? from_client(*pair, what >> 1) : from_upstream(*pair);
          if (!alive) close_pair(what >> 1);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (int client = accept_one(listener_); client >= 0; client = accept_one(listener_)) {
      size_t slot = free_slots_.empty() ? pairs_.size() : free_slots_.back();
      if (free_slots_.empty()) {
        pairs_.emplace_back();
      } else {
        free_slots_.pop_back();
      }
      pairs_[slot] = std::make_unique<Pair>();
      pairs_[slot]->client = client;
      pairs_[slot]->ssl.reset(SSL_new(context_));
      SSL_set_fd(pairs_[slot]->ssl.get(), client);
      SSL_set_accept_state(pairs_[slot]->ssl.get());
      watch(epoll_, client, EPOLLIN, slot << 1);
    }
  }

  /// False: it is over.
  bool from_client(Pair& pair, size_t slot) {
    SSL* ssl = pair.ssl.get();
    do {
      ERR_clear_error();
      int got = SSL_read(ssl, buffer_.data(), static_cast<int>(buffer_.size()));  // shakes hands first
      if (got <= 0) return SSL_get_error(ssl, got) == SSL_ERROR_WANT_READ;
      if (upstream_port_ == 0) return false;
      if (pair.upstream < 0) {
        pair.upstream = connect_loopback(upstream_port_);
        watch(epoll_, pair.upstream, EPOLLIN, slot << 1 | 1);
      }
      if (send(pair.upstream, buffer_.data(), static_cast<size_t>(got), MSG_NOSIGNAL) != got) return false;
    } while (SSL_has_pending(ssl) == 1);
    return true;
  }

  bool from_upstream(Pair& pair) {
    ssize_t got = recv(pair.upstream, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    return SSL_write(pair.ssl.get(), buffer_.data(), static_cast<int>(got)) == got;
  }

  void close_pair(size_t slot) {
    Pair& pair = *pairs_[slot];
    SSL_shutdown(pair.ssl.get());
    close(pair.client);
    if (pair.upstream >= 0) close(pair.upstream);
    pairs_[slot].reset();
    free_slots_.push_back(slot);
  }

  const uint16_t upstream_port_;
  SSL_CTX* const context_;
  const int epoll_;
  int listener_ = -1;
  std::array<char, 16 * 1024> buffer_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<size_t> free_slots_;
};

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  if (argc < 2) refuse("usage: bench-tls-relay PEM [PORT]");
  std::make_unique<TlsRelay>(argv[1], argc > 2 ? static_cast<uint16_t>(std::atoi(argv[2])) : uint16_t{0})->run();
}
