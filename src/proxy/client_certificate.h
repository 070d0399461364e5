#pragma once
// passTLSClientCert: what an upstream is told of the certificate that the client has shown.

#include <string>
#include <vector>

#include "weir/routing/table.h"
#include "weir/tls/peer_certificate.h"

namespace weir::proxy {

/// Traefik's X-Forwarded-Tls-Client-Cert: each certificate's DER in base64, with commas between.
void write_client_certificate(const std::vector<tls::PeerCertificate>& certificates, std::string& out);

/// Traefik's X-Forwarded-Tls-Client-Cert-Info, escaped as in a query: Subject="CN=…,O=…";SerialNumber="…";NB="…" and so
/// on, with commas between certificates.
void write_client_certificate_info(const std::vector<tls::PeerCertificate>& certificates,
                                   const routing::ClientCertificateFields& fields, std::string& out);

}  // namespace weir::proxy
