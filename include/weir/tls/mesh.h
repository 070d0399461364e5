#pragma once
// Who we are in a mesh of services that know each other by URI (SPIFFE), such as Consul Connect.

#include <optional>
#include <string>
#include <string_view>

#include "weir/tls/certificate.h"
#include "weir/tls/client.h"

namespace weir::tls {

/// PEM texts. A value.
struct MeshIdentity {
  std::string service;    // our name there
  std::string uri;        // "spiffe://<trust domain>/ns/default/dc/dc1/svc/edge"
  std::string chain_pem;  // the leaf first
  std::string key_pem;
  std::string roots_pem;  // of all that are trusted now: while a root is replaced, of both
  bool operator==(const MeshIdentity&) const = default;
};

/// What the leaf says, where everything parses and the key is the leaf's.
Result<CertificateFacts> check(const MeshIdentity& identity);

/// The URI of another service of the same datacenter and namespace; "" where ours is none of Consul's.
std::string mesh_uri(const MeshIdentity& identity, std::string_view service);

/// For a transport to a service of the mesh: our leaf is shown, the roots are trusted, the service's URI must be in the
/// upstream's certificate. An error where we have no identity.
Result<ClientMaterial> mesh_client_material(const ClientOptions& options, std::string_view service,
                                            const std::optional<MeshIdentity>& identity);

}  // namespace weir::tls
