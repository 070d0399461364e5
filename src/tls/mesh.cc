#include "weir/tls/mesh.h"

#include "tls/openssl.h"
#include "tls/pem.h"

namespace weir::tls {
namespace {

constexpr std::string_view kServicePart = "/svc/";

Error in_part(const char* part, const Error& error) {
  return {error.code, std::string("mesh ") + part + ": " + error.message};
}

}  // namespace

Result<CertificateFacts> check(const MeshIdentity& identity) {
  auto chain = parse_chain(identity.chain_pem, nullptr);
  if (!chain) return fail(in_part("leaf", chain.error()));
  auto key = parse_key(identity.key_pem, nullptr);
  if (!key) return fail(in_part("key", key.error()));
  X509* leaf = sk_X509_value(chain->get(), 0);
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid, "mesh key: it is not the leaf's");
  }
  if (auto roots = parse_chain(identity.roots_pem, nullptr); !roots) return fail(in_part("roots", roots.error()));
  return describe(leaf);
}

std::string mesh_uri(const MeshIdentity& identity, std::string_view service) {
  size_t at = identity.uri.rfind(kServicePart);
  if (!identity.uri.starts_with("spiffe://") || at == std::string::npos) return "";
  return identity.uri.substr(0, at + kServicePart.size()) + std::string(service);
}

Result<ClientMaterial> mesh_client_material(const ClientOptions& options, std::string_view service,
                                            const std::optional<MeshIdentity>& identity) {
  if (!identity) {
    return fail(ErrorCode::unavailable,
                "Consul Connect has given no certificate yet (providers.consul.connect_service)");
  }
  ClientMaterial material;
  material.options = options;
  material.options.peer_uri = mesh_uri(*identity, service);
  // Without a URI to look for anybody of the mesh would do.
  if (material.options.peer_uri.empty()) return fail(ErrorCode::invalid, "not a URI of Connect: " + identity->uri);
  material.ca_pem = identity->roots_pem;
  material.certificates.push_back({identity->chain_pem, identity->key_pem});
  return material;
}

}  // namespace weir::tls
