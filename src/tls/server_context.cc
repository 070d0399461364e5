#include "tls/server_context.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "tls/pem.h"
#include "weir/base/check.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::tls {
namespace {

// How long a session may be resumed; the keys of its ticket are gone sooner or later than that by their rotation.
constexpr long kSessionLifetime_s = 24 * 3600;

int accept_any_certificate(int, X509_STORE_CTX*) { return 1; }
// Always one of the two: SSL_set_verify takes no callback for "keep the one there is", and a connection that moved to
// options that check would go on with the one that accepts.
int accept_verified_certificate(int verified, X509_STORE_CTX*) { return verified; }

int verify_mode_of(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::none: return SSL_VERIFY_NONE;
    case ClientAuth::request:
    case ClientAuth::verify_if_given: return SSL_VERIFY_PEER;
    case ClientAuth::require_any:
    case ClientAuth::require_and_verify: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_NONE;
}

bool checks_certificate(ClientAuth auth) {
  return auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify;
}

// A newer certificate of the same kind of key takes the older one's place.
void add(KeyPairs& pairs, const KeyPair* pair) {
  for (const KeyPair*& known : pairs) {
    if (EVP_PKEY_get_base_id(known->key.get()) != EVP_PKEY_get_base_id(pair->key.get())) continue;
    if (ASN1_TIME_compare(X509_get0_notAfter(pair->leaf.get()), X509_get0_notAfter(known->leaf.get())) > 0)
      known = pair;
    return;
  }
  pairs.push_back(pair);
}

int file_index() {
  static const int index = CRYPTO_get_ex_new_index(
      CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr,
      [](void*, void* held, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(held); });
  return index;
}

void write_keylog_line(const SSL* ssl, const char* line) {
  auto* path = static_cast<std::string*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), file_index()));
  int fd = ::open(path->c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  std::string text = std::string(line) + "\n";
  [[maybe_unused]] ssize_t written =
      ::write(fd, text.data(), text.size());  // a help for debugging: lost lines are lost
  ::close(fd);
}

// A session is resumed only under options that would have let its client in: the same clientAuth and the same CAs.
std::string session_context_of(const ServerMaterial::Profile& profile) {
  std::string identity = profile.options.name + "\n" + std::to_string(static_cast<int>(profile.options.client_auth)) +
                         "\n" + profile.ca_pem;
  return sha256(identity).substr(0, SSL_MAX_SID_CTX_LENGTH);
}

Status require_client_certificates(SSL_CTX* context, const ServerMaterial::Profile& from, Profile& profile,
                                   OSSL_LIB_CTX* library) {
  bool checked = checks_certificate(from.options.client_auth);
  profile.verify_mode = verify_mode_of(from.options.client_auth);
  SSL_CTX_set_verify(context, profile.verify_mode, checked ? accept_verified_certificate : accept_any_certificate);
  if (from.ca_pem.empty()) {
    if (checked) return fail(ErrorCode::invalid, "clientAuth checks certificates, but there is no caFiles");
    return {};
  }
  if (Status trusted = trust(context, from.ca_pem, library); !trusted) return trusted;
  auto chain = parse_chain(from.ca_pem, library);
  if (!chain) return fail(chain.error());
  for (int i = 0; i < sk_X509_num(chain->get()); ++i) SSL_CTX_add_client_CA(context, sk_X509_value(chain->get(), i));
  return {};
}

}  // namespace

Status ServerContext::load(const ServerMaterial& material) {
  auto trial = library_->make_context(TLS_server_method(), {}, {});
  if (!trial) return fail(trial.error());
  auto fallback = add_pair(*material.default_certificate, trial->get());
  if (!fallback) return fail(fallback.error());
  default_pairs_.push_back(*fallback);
  for (const auto& certificate : material.certificates) {
    auto pair = add_pair(*certificate, trial->get());
    if (!pair) return fail(pair.error());
    for (const std::string& name : certificate->facts.names) {
      bool wildcard = name.starts_with("*.");
      add(wildcard ? wildcard_[name.substr(2)] : exact_[name], *pair);
    }
    // The default certificate's brothers for the same names, with another kind of key, are default too.
    if (certificate->facts.names == material.default_certificate->facts.names) add(default_pairs_, *pair);
  }
  for (const ServerMaterial::Profile& profile : material.profiles) {
    if (Status added = add_profile(material, profile); !added) {
      return fail(Error{added.error().code, "TLS options " + profile.options.name + ": " + added.error().message});
    }
  }
  CHECK(profiles_.contains("default"));
  return {};
}

Result<const KeyPair*> ServerContext::add_pair(const CertificateMaterial& material, SSL_CTX* trial) {
  auto pair = std::make_unique<KeyPair>();
  auto chain = parse_chain(material.chain_pem, library_->raw());
  if (!chain) return fail(Error{chain.error().code, material.files.cert_file + ": " + chain.error().message});
  auto key = parse_key(material.key_pem, library_->raw());
  if (!key) return fail(Error{key.error().code, material.files.key_file + ": " + key.error().message});
  pair->chain = std::move(*chain);
  pair->leaf.reset(sk_X509_shift(pair->chain.get()));
  pair->key = std::move(*key);
  pair->staple = material.staple;
  // What OpenSSL will not show to anybody (a key too short for the security level) is found here, not by a client.
  if (SSL_CTX_use_cert_and_key(trial, pair->leaf.get(), pair->key.get(), pair->chain.get(), 1) != 1) {
    return fail(take_error(material.files.cert_file));
  }
  return pairs_.emplace_back(std::move(pair)).get();
}

Status ServerContext::add_profile(const ServerMaterial& material, const ServerMaterial::Profile& from) {
  const ServerOptions& options = from.options;
  auto made = library_->make_context(TLS_server_method(), options.cipher_suites, options.curves);
  if (!made) return fail(made.error());
  SSL_CTX* context = made->get();
  Profile profile;
  profile.options = options;
  profile.groups = library_->groups(options.curves);
  SSL_CTX_set_min_proto_version(context, options.min_version_minor == 3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, options.max_version_minor == 3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (Status set = require_client_certificates(context, from, profile, library_->raw()); !set) return set;
  for (const KeyPair* pair : default_pairs_) {
    if (SSL_CTX_use_cert_and_key(context, pair->leaf.get(), pair->key.get(), pair->chain.get(), 1) != 1) {
      return fail(take_error("default certificate"));
    }
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // the state of a session is in its ticket
  SSL_CTX_set_timeout(context, kSessionLifetime_s);
  SSL_CTX_set_num_tickets(context, options.tickets_off ? 0 : 1);  // each resumption brings the next
  if (options.tickets_off) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  std::string identity = session_context_of(from);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(identity.data()),
                                 static_cast<unsigned>(identity.size()));
  profile.alpn = alpn_wire(options.alpn_protocols.empty() ? alpn_protocols_ : options.alpn_protocols);
  install_handshake_callbacks(context);
  if (!material.keylog_file.empty()) {
    SSL_CTX_set_ex_data(context, file_index(), new std::string(material.keylog_file));
    SSL_CTX_set_keylog_callback(context, write_keylog_line);
  }
  profile.context = std::move(*made);
  profiles_.emplace(options.name, std::move(profile));
  return {};
}

const Profile& ServerContext::profile(const std::string& name) const {
  auto found = profiles_.find(name);
  return found == profiles_.end() ? profiles_.at("default") : found->second;
}

const KeyPairs* ServerContext::find(std::string_view server_name) const {
  if (auto exact = exact_.find(std::string(server_name)); exact != exact_.end()) return &exact->second;
  size_t dot = server_name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  auto wildcard = wildcard_.find(std::string(server_name.substr(dot + 1)));
  return wildcard == wildcard_.end() ? nullptr : &wildcard->second;
}

bool ServerContext::present(SSL* ssl, const KeyPairs& pairs) {
  SSL_certs_clear(ssl);
  for (const KeyPair* pair : pairs) {
    if (SSL_use_cert_and_key(ssl, pair->leaf.get(), pair->key.get(), pair->chain.get(), 1) != 1) return false;
  }
  return true;
}

Result<std::shared_ptr<const ServerContext>> make_server_context(std::shared_ptr<Library> library,
                                                                 const ServerMaterial& material) {
  auto context = std::make_shared<ServerContext>(std::move(library), material);
  if (Status loaded = context->load(material); !loaded) return fail(loaded.error());
  return context;
}

}  // namespace weir::tls
