#pragma once
// What TLS is told: values that configuration is decoded into. Names follow Traefik's.

#include <cstdint>
#include <string>
#include <vector>

namespace weir::tls {

/// A certificate chain (the leaf first) and its private key, both PEM.
struct CertificateFiles {
  std::string cert_file;
  std::string key_file;   // may be cert_file: both in one file
  std::string ocsp_file;  // a DER OCSP response to staple; "": none
  bool operator==(const CertificateFiles&) const = default;
};

enum class ClientAuth : uint8_t {
  none,                // NoClientCert
  request,             // RequestClientCert: asked for, any or none will do
  require_any,         // RequireAnyClientCert: one must come, nobody checks it
  verify_if_given,     // VerifyClientCertIfGiven
  require_and_verify,  // RequireAndVerifyClientCert
};

/// How an entry point, or a router's host, speaks TLS.
struct ServerOptions {
  std::string name = "default";
  uint8_t min_version_minor = 2;            // TLS 1.2; 3: TLS 1.3
  uint8_t max_version_minor = 3;            // TLS 1.3
  std::vector<std::string> cipher_suites;   // of TLS 1.2, by their IANA or OpenSSL names; empty: ours
  std::vector<std::string> curves;          // "X25519", "CurveP256", ...; empty: ours
  std::vector<std::string> alpn_protocols;  // in our order of preference; empty: what the edge speaks
  bool sni_strict = false;                  // no certificate for that name: refused, not answered with the default one
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> ca_files;  // that client certificates are checked against
  bool tickets_off = false;           // each connection shakes hands in full
  bool operator==(const ServerOptions&) const = default;
};

/// How a connection to an upstream (or a catalog) speaks TLS: Traefik's serversTransport.
struct ClientOptions {
  std::string name = "default";
  std::string server_name;                     // "": the endpoint's host
  std::vector<std::string> root_cas;           // PEM files; empty: the system's
  bool insecure_skip_verify = false;           // any certificate will do, where there is no peer_uri
  std::vector<CertificateFiles> certificates;  // shown to the upstream when it asks; the first that it takes
  std::string peer_uri;  // "spiffe://...": this URI must be in the certificate, which is verified, instead of the name
  bool http2_off = false;  // h2 is not offered
  bool operator==(const ClientOptions&) const = default;
};

}  // namespace weir::tls
