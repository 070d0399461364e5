#pragma once
// From a connection to what its peer has shown.

#include <string>
#include <vector>

#include "tls/openssl.h"
#include "weir/tls/peer_certificate.h"

namespace weir::tls {

/// Of a connection that this end accepted: the leaf first, then what came with it; of a resumed session the leaf only,
/// for a ticket holds no more. At most kPeerCertificatesMax.
std::vector<PeerCertificate> read_peer_certificates(const SSL* ssl);

/// The subject of a certificate as Go's pkix.Name.String() writes it: RFC 2253, the last part first.
std::string subject_text(const X509* certificate);

constexpr int kPeerCertificatesMax = 10;

}  // namespace weir::tls
