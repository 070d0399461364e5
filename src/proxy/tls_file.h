#pragma once
// The TLS file: Traefik's [tls] sections and serversTransports, as values.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/tls/options.h"

namespace weir::proxy {

struct TlsFile {
  std::vector<tls::CertificateFiles> certificates;
  std::optional<tls::CertificateFiles> default_certificate;
  std::vector<tls::ServerOptions> options;           // one is "default"
  std::vector<tls::ClientOptions> transports;        // one is "default"
  std::map<std::string, std::string> mesh_services;  // by transport: whom it speaks to in Consul Connect
};

/// Use `file` only when there are no errors: half of a TLS configuration might let somebody in.
struct TlsFileOutcome {
  TlsFile file;
  std::vector<Error> errors;
  std::vector<Error> ignored;  // what Traefik has and we do without; the file is good
};
/// Pure. Relative paths are taken from the folder of `file_name`. Empty text is
/// a good file: all at its default.
TlsFileOutcome decode_tls_file(std::string_view text, const std::string& file_name);

}  // namespace weir::proxy
