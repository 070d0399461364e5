#pragma once
// The contexts of the client side: which certificate and which options answer to which name.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/library.h"
#include "weir/tls/server.h"

namespace weir::tls {

/// A certificate as one worker has it.
struct KeyPair {
  ChainPtr chain;  // without the leaf
  X509Ptr leaf;
  KeyPtr key;
  std::string staple;
};
/// What answers to one name: one certificate a kind of key, the newest of each.
using KeyPairs = std::vector<const KeyPair*>;

/// Server options compiled. Connections are made from the profile of their entry point and may move to another one when
/// the client has said which name it wants.
struct Profile {
  ServerOptions options;
  ContextPtr context;
  int verify_mode = SSL_VERIFY_NONE;
  std::string groups;
  std::string alpn;  // wire form, in our order
};

/// Const once made; shared by the connections of one worker. Lives until the last of them that is shaking hands with it
/// is done: what is established holds OpenSSL's own references.
class ServerContext {
 public:
  ServerContext(std::shared_ptr<Library> library, const ServerMaterial& material)
      : library_(std::move(library)), alpn_protocols_(material.alpn_protocols) {}
  /// Once, first.
  Status load(const ServerMaterial& material);

  /// The profile of that name; "default" where there is none.
  [[nodiscard]] const Profile& profile(const std::string& name) const;
  /// Exact, then the wildcard of its parent, then nullptr. Lower case.
  [[nodiscard]] const KeyPairs* find(std::string_view server_name) const;
  [[nodiscard]] const KeyPairs& default_pairs() const { return default_pairs_; }
  /// Shows these to the client of `ssl`; false when OpenSSL will not have them.
  [[nodiscard]] static bool present(SSL* ssl, const KeyPairs& pairs);
  [[nodiscard]] const Library& library() const { return *library_; }

 private:
  Result<const KeyPair*> add_pair(const CertificateMaterial& material, SSL_CTX* trial);
  Status add_profile(const ServerMaterial& material, const ServerMaterial::Profile& profile);

  std::shared_ptr<Library> library_;
  std::vector<std::string> alpn_protocols_;
  std::vector<std::unique_ptr<KeyPair>> pairs_;
  std::unordered_map<std::string, KeyPairs> exact_;
  std::unordered_map<std::string, KeyPairs> wildcard_;  // "*.example.com" under "example.com"
  KeyPairs default_pairs_;
  std::map<std::string, Profile> profiles_;
};

/// The handshake's callbacks, which find their connection by SSL_get_app_data(): src/tls/handshake.cc.
void install_handshake_callbacks(SSL_CTX* context);

}  // namespace weir::tls
