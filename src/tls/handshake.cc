// OpenSSL's questions during a client's handshake: which options, which certificate, which protocol, which ticket key.

#include <string>
#include <string_view>

#include "tls/layer.h"
#include "tls/server_context.h"
#include "weir/base/text.h"

namespace weir::tls {
namespace {

/// The host of a server_name extension (RFC 6066 section 3): list length, type 0, name length, name. "" if it has none.
std::string_view server_name_in(SSL* ssl) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1 || size < 5) return {};
  size_t list = static_cast<size_t>(bytes[0]) << 8 | bytes[1];
  size_t name = static_cast<size_t>(bytes[3]) << 8 | bytes[4];
  if (list + 2 != size || bytes[2] != TLSEXT_NAMETYPE_host_name || name + 5 > size) return {};
  return {reinterpret_cast<const char*>(bytes) + 5, name};
}

// What SSL_new has copied from the first context and SSL_set_SSL_CTX leaves alone.
bool move_to(SSL* ssl, const Profile& profile) {
  SSL_CTX* context = profile.context.get();
  if (SSL_set_SSL_CTX(ssl, context) == nullptr) return false;
  SSL_set_verify(ssl, profile.verify_mode, SSL_CTX_get_verify_callback(context));
  SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
  SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(context)));
  SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(context));
  if (profile.options.tickets_off) {
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
  } else {
    SSL_clear_options(ssl, SSL_OP_NO_TICKET);
  }
  return SSL_set1_groups_list(ssl, profile.groups.c_str()) == 1;
}

// First of all: the version is not chosen yet, no session looked up.
int on_client_hello(SSL* ssl, int* alert, void*) {
  Layer& layer = Layer::of(ssl);
  std::string name = to_lower(server_name_in(ssl));
  const HostOptions* host_options = layer.host_options();
  if (!name.empty() && host_options != nullptr) {
    if (const std::string* asked = options_of(*host_options, name)) {
      const Profile& wanted = layer.server().profile(*asked);
      if (&wanted != &layer.profile()) {
        if (!move_to(ssl, wanted)) {
          *alert = SSL_AD_INTERNAL_ERROR;
          return SSL_CLIENT_HELLO_ERROR;
        }
        layer.set_profile(wanted);
      }
    }
  }
  // A client that asks for an address (https://10.0.0.1) sends no name: it means the one that it has come to.
  if (name.empty()) name = layer.local_address().ip.text();
  const KeyPairs* pairs = layer.server().find(name);
  if (pairs == nullptr && layer.profile().options.sni_strict) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  layer.set_pairs(pairs);
  return SSL_CLIENT_HELLO_SUCCESS;
}

// Only when no session is resumed. The default ones are in the context already.
int on_certificate(SSL* ssl, void*) {
  const Layer& layer = Layer::of(ssl);
  if (layer.pairs() == nullptr) return 1;
  return ServerContext::present(ssl, *layer.pairs()) ? 1 : 0;
}

int on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                 unsigned offered_size, void*) {
  const std::string& ours = Layer::of(ssl).profile().alpn;
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* chosen = nullptr;
  int result = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                     static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  // None in common is fatal (RFC 7301 section 3.2): another protocol must not be mistaken for ours.
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int on_status_request(SSL* ssl, void*) {
  const Layer& layer = Layer::of(ssl);
  const KeyPairs& pairs = layer.pairs() == nullptr ? layer.server().default_pairs() : *layer.pairs();
  const X509* shown = SSL_get_certificate(ssl);
  for (const KeyPair* pair : pairs) {
    if (pair->leaf.get() != shown || pair->staple.empty()) continue;
    void* copy = OPENSSL_memdup(pair->staple.data(), pair->staple.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(pair->staple.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

const std::string* options_of(const HostOptions& by_host, std::string_view host) {
  if (by_host.empty()) return nullptr;
  if (auto exact = by_host.find(std::string(host)); exact != by_host.end()) return &exact->second;
  size_t dot = host.find('.');
  if (dot == std::string_view::npos) return nullptr;
  auto wildcard = by_host.find("*" + std::string(host.substr(dot)));
  return wildcard == by_host.end() ? nullptr : &wildcard->second;
}

void install_handshake_callbacks(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_cert_cb(context, on_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(context, on_protocols, nullptr);
  SSL_CTX_set_tlsext_status_cb(context, on_status_request);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, seal_or_open_ticket);
}

}  // namespace weir::tls
