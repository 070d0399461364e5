#include "tls_context.h"

#include "net.h"

namespace weir::bench {
namespace {

SSL_CTX* make_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set1_groups_list(context, "X25519") != 1) {
    refuse("OpenSSL does not do TLS 1.3 as the bench needs it");
  }
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  return context;
}

}  // namespace

SSL_CTX* make_client_context() { return make_context(TLS_client_method()); }

SSL_CTX* make_server_context(const std::string& pem_file) {
  SSL_CTX* context = make_context(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context, pem_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, pem_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    refuse("no certificate and key in " + pem_file);
  }
  // Tickets only, as all who are measured.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return context;
}

}  // namespace weir::bench
