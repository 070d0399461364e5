#pragma once
// The context of the upstream side, and the sessions that may be resumed.

#include <memory>
#include <string>
#include <unordered_map>

#include "tls/library.h"
#include "weir/tls/client.h"

namespace weir::tls {

/// See client.h. The worker's thread only, once made.
class ClientContext {
 public:
  ClientContext(std::shared_ptr<Library> library, ClientOptions options)
      : library_(std::move(library)), options_(std::move(options)) {}
  /// Once, first.
  Status load(const ClientMaterial& material);

  [[nodiscard]] SSL_CTX* raw() const { return context_.get(); }
  /// Name, verification, ALPN and a session to resume, for one connection.
  [[nodiscard]] bool prepare(SSL* ssl, const ClientTarget& target);
  /// Takes over the session.
  void keep(const std::string& key, SSL_SESSION* session);

 private:
  // A URI is looked for in a certificate that is verified, as in Traefik: who asks for it has not meant "anybody".
  [[nodiscard]] bool verifies() const { return !options_.insecure_skip_verify || !options_.peer_uri.empty(); }

  static constexpr size_t kSessionsMax = 4096;  // one an endpoint; when full, an arbitrary one goes

  std::shared_ptr<Library> library_;
  const ClientOptions options_;
  ContextPtr context_;
  std::unordered_map<std::string, SessionPtr> sessions_;
};

}  // namespace weir::tls
