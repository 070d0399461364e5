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
#include <cstdlib>
#include <memory>

#include "net.h"
#include "pair_loop.h"
#include "tls_context.h"

namespace {

using namespace weir::bench;

struct Pair {
  int client = -1;
  int upstream = -1;
  SslPointer ssl;
};

class TlsRelay {
 public:
  TlsRelay(const char* pem_file, uint16_t upstream_port)
      : upstream_port_(upstream_port), context_(make_server_context(pem_file)) {}

  [[noreturn]] void run() {
    loop_.run([this](Pair& pair, size_t slot, int client) { open_pair(pair, slot, client); },
              [this](Pair& pair, size_t slot, int side, uint32_t) {
                return side == 0 ? from_client(pair, slot) : from_upstream(pair);
              },
              [](Pair& pair) { close_pair(pair); });
  }

 private:
  void open_pair(Pair& pair, size_t slot, int client) {
    pair.client = client;
    pair.ssl.reset(SSL_new(context_));
    SSL_set_fd(pair.ssl.get(), client);
    SSL_set_accept_state(pair.ssl.get());
    loop_.watch_side(client, EPOLLIN, slot, 0);
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
        loop_.watch_side(pair.upstream, EPOLLIN, slot, 1);
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

  static void close_pair(Pair& pair) {
    SSL_shutdown(pair.ssl.get());
    close(pair.client);
    if (pair.upstream >= 0) close(pair.upstream);
  }

  const uint16_t upstream_port_;
  SSL_CTX* const context_;
  PairLoop<Pair> loop_;
  std::array<char, 16 * 1024> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  if (argc < 2) refuse("usage: bench-tls-relay PEM [PORT]");
  std::make_unique<TlsRelay>(argv[1], argc > 2 ? static_cast<uint16_t>(std::atoi(argv[2])) : uint16_t{0})->run();
}
