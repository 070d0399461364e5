#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace weir::bench {

/// TLS 1.3 with one cipher and one group, the same for all who are measured: AES-128-GCM and X25519. Ends the program
/// when OpenSSL refuses.
SSL_CTX* make_client_context();
/// With the chain and the key of one PEM file.
SSL_CTX* make_server_context(const std::string& pem_file);

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;

}  // namespace weir::bench
