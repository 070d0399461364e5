#include "tls/library.h"

#include "tls/pem.h"
#include "weir/base/check.h"
#include "weir/base/text.h"
#include "weir/tls/server.h"

namespace weir::tls {
namespace {

// Forward secrecy and authenticated encryption only: what testssl.sh and Mozilla's intermediate profile have nothing
// against. The ones with AES first where both sides have AES in hardware; see SSL_OP_PRIORITIZE_CHACHA.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCurves = "X25519:P-256:P-384";
// Known from OpenSSL 3.5 on.
constexpr const char* kCurvesPostQuantum = "X25519MLKEM768:X25519:P-256:P-384";
// RSA of 2048 bits and more, no SHA-1: Debian's own default, which a library context of ours does not read.
constexpr int kSecurityLevel = 2;

}  // namespace

Library::Library() : context_(OSSL_LIB_CTX_new()) {
  CHECK(context_ != nullptr);
  ticket_cipher_.reset(EVP_CIPHER_fetch(context_.get(), "AES-256-CBC", nullptr));
  CHECK(ticket_cipher_ != nullptr);
  ContextPtr trial(SSL_CTX_new_ex(context_.get(), nullptr, TLS_server_method()));
  bool post_quantum = SSL_CTX_set1_groups_list(trial.get(), kCurvesPostQuantum) == 1;
  groups_default_ = post_quantum ? kCurvesPostQuantum : kCurves;
  ERR_clear_error();
}

std::string Library::groups(const std::vector<std::string>& curves) const {
  if (curves.empty()) return groups_default_;
  std::vector<std::string> names;
  for (const std::string& curve : curves) names.push_back(openssl_curve_name(curve));
  return join(names, ":");
}

std::shared_ptr<Library> make_library() { return std::make_shared<Library>(); }

Result<ContextPtr> Library::make_context(const SSL_METHOD* method, const std::vector<std::string>& cipher_suites,
                                         const std::vector<std::string>& curves) const {
  ContextPtr made(SSL_CTX_new_ex(context_.get(), nullptr, method));
  if (made == nullptr) return fail(take_error("TLS context"));
  SSL_CTX* context = made.get();
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no record buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  std::vector<std::string> ciphers;
  for (const std::string& suite : cipher_suites) {
    if (suite.starts_with("TLS_AES_") || suite.starts_with("TLS_CHACHA20_")) continue;  // of TLS 1.3: always on
    std::string name = openssl_cipher_name(suite);
    if (name.empty()) return fail(ErrorCode::invalid, "unknown cipher suite " + suite);
    ciphers.push_back(std::move(name));
  }
  std::string list = ciphers.empty() ? kCiphers : join(ciphers, ":");
  if (SSL_CTX_set_cipher_list(context, list.c_str()) != 1) return fail(take_error("cipher suites"));
  if (SSL_CTX_set1_groups_list(context, groups(curves).c_str()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid, "unknown curve among " + join(curves, ", "));
  }
  return made;
}

Status trust(SSL_CTX* context, std::string_view ca_pem, OSSL_LIB_CTX* library) {
  auto chain = parse_chain(ca_pem, library);
  if (!chain) return fail(chain.error());
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (int i = 0; i < sk_X509_num(chain->get()); ++i) {
    if (X509_STORE_add_cert(store, sk_X509_value(chain->get(), i)) != 1) return fail(take_error("CA certificate"));
  }
  return {};
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string out;
  for (const std::string& protocol : protocols) {
    out += static_cast<char>(protocol.size());
    out += protocol;
  }
  return out;
}

// ---- Names ----

std::string openssl_cipher_name(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
      {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
      {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
      {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
      {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
      {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
      {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
      {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"},
      {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
      {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
      {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
      {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
      {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
      {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
      {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
      {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
      {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
      {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
  };
  for (const auto& [iana, openssl] : kNames) {
    if (name == iana || name == openssl) return std::string(openssl);
  }
  return "";
}

std::string openssl_curve_name(std::string_view name) {
  if (name == "CurveP256") return "P-256";
  if (name == "CurveP384") return "P-384";
  if (name == "CurveP521") return "P-521";
  return std::string(name);
}

}  // namespace weir::tls
