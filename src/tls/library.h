#pragma once
// OpenSSL's state of one worker.

#include "tls/openssl.h"

namespace weir::tls {

/// The library context and what is fetched from it once. Constant after construction.
class Library {
 public:
  Library();
  [[nodiscard]] OSSL_LIB_CTX* raw() const { return context_.get(); }
  [[nodiscard]] const EVP_CIPHER* ticket_cipher() const { return ticket_cipher_.get(); }
  /// OpenSSL's names of these curves, separated by colons; of ours where there are none.
  [[nodiscard]] std::string groups(const std::vector<std::string>& curves) const;
  /// A context with what both sides have in common.
  [[nodiscard]] Result<ContextPtr> make_context(const SSL_METHOD* method, const std::vector<std::string>& cipher_suites,
                                                const std::vector<std::string>& curves) const;

 private:
  LibraryPtr context_;
  CipherPtr ticket_cipher_;
  std::string groups_default_;
};

/// Adds PEM certificates to what `context` trusts.
Status trust(SSL_CTX* context, std::string_view ca_pem, OSSL_LIB_CTX* library);
/// Length-prefixed names as ALPN wants them.
std::string alpn_wire(const std::vector<std::string>& protocols);

}  // namespace weir::tls
