#include "tls/client_context.h"

#include <cstdlib>
#include <utility>

#include "tls/layer.h"
#include "tls/pem.h"
#include "weir/base/ip.h"

namespace weir::tls {
namespace {

// A TLS 1.3 ticket should be used once (RFC 8446 appendix C.4), and each connection brings a new one: the newest is
// kept.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  const Layer& layer = Layer::of(ssl);
  layer.client()->keep(layer.session_key(), session);
  return 1;  // it is ours now
}

// Instead of the host's name: Consul Connect and other meshes say who is who by URI.
int verify_uri(X509_STORE_CTX* store, void* wanted_uri) {
  if (X509_verify_cert(store) != 1) return 0;
  const std::string& wanted = *static_cast<const std::string*>(wanted_uri);
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  bool found = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_URI) continue;
    const ASN1_STRING* uri = name->d.uniformResourceIdentifier;
    std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                          static_cast<size_t>(ASN1_STRING_length(uri)));
    found = found || text == wanted;
  }
  GENERAL_NAMES_free(names);
  if (!found) X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return found ? 1 : 0;
}

}  // namespace

Result<ClientMaterial> load_client_material(const ClientOptions& options) {
  ClientMaterial material;
  material.options = options;
  for (const std::string& path : options.root_cas) {
    auto pem = load_ca_file(path);
    if (!pem) return fail(pem.error());
    material.ca_pem += *pem + "\n";
  }
  for (const CertificateFiles& files : options.certificates) {
    auto pair = load_certificate(files);
    if (!pair) return fail(pair.error());
    material.certificates.push_back({(*pair)->chain_pem, (*pair)->key_pem});
  }
  return material;
}

Status ClientContext::load(const ClientMaterial& material) {
  auto made = library_->make_context(TLS_client_method(), {}, {});
  if (!made) return fail(made.error());
  context_ = std::move(*made);
  SSL_CTX* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (!material.ca_pem.empty()) {
    if (Status trusted = trust(context, material.ca_pem, library_->raw()); !trusted) return trusted;
  } else if (verifies()) {
    // The folder is looked into by name when a certificate is checked; the file would be read and kept whole, for each
    // context again.
    bool set = std::getenv("SSL_CERT_FILE") == nullptr ? SSL_CTX_set_default_verify_dir(context) == 1
                                                       : SSL_CTX_set_default_verify_paths(context) == 1;
    if (!set) return fail(take_error("the system's CA certificates"));
  }
  for (const auto& [chain_pem, key_pem] : material.certificates) {
    auto chain = parse_chain(chain_pem, library_->raw());
    if (!chain) return fail(chain.error());
    auto key = parse_key(key_pem, library_->raw());
    if (!key) return fail(key.error());
    X509Ptr leaf(sk_X509_shift(chain->get()));
    if (SSL_CTX_use_cert_and_key(context, leaf.get(), key->get(), chain->get(), 1) != 1) {
      return fail(take_error("client certificate"));
    }
  }
  SSL_CTX_set_verify(context, verifies() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options_.peer_uri.empty()) {
    SSL_CTX_set_cert_verify_callback(context, verify_uri, const_cast<std::string*>(&options_.peer_uri));
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  return {};
}

bool ClientContext::prepare(SSL* ssl, const ClientTarget& target) {
  const std::string& name = options_.server_name.empty() ? target.host : options_.server_name;
  bool is_address = IpAddress::parse(name).has_value();
  if (!is_address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) return false;
  if (verifies() && options_.peer_uri.empty()) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1
                          : X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), name.size()) == 1;
    if (!set) return false;
  }
  std::vector<std::string> protocols = target.alpn_protocols;
  if (options_.http2_off) std::erase(protocols, "h2");
  if (std::string wire = alpn_wire(protocols); !wire.empty()) {
    // The odd one out: 0 is success.
    int failed = SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()),
                                     static_cast<unsigned>(wire.size()));
    if (failed != 0) return false;
  }
  if (auto kept = sessions_.find(target.session_key); kept != sessions_.end()) {
    SSL_set_session(ssl, kept->second.get());
    if (SSL_SESSION_get_protocol_version(kept->second.get()) == TLS1_3_VERSION) sessions_.erase(kept);
  }
  return true;
}

void ClientContext::keep(const std::string& key, SSL_SESSION* session) {
  if (sessions_.size() >= kSessionsMax && !sessions_.contains(key)) sessions_.erase(sessions_.begin());
  sessions_[key].reset(session);
}

Result<std::shared_ptr<ClientContext>> make_client_context(std::shared_ptr<Library> library,
                                                           const ClientMaterial& material) {
  auto context = std::make_shared<ClientContext>(std::move(library), material.options);
  if (Status loaded = context->load(material); !loaded) return fail(loaded.error());
  return context;
}

}  // namespace weir::tls
