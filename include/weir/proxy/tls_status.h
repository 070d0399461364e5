#pragma once
// Which certificates the edge has, and what is wrong with them: for the admin API and the metrics.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weir/tls/certificate.h"

namespace weir::proxy {

struct CertificateStatus {
  std::string file;  // "": made by the edge itself
  bool is_default = false;
  bool in_use = false;          // false: it has never been good
  tls::CertificateFacts facts;  // of the version in use
  std::string problem;          // of the newest version on disk; the last good one serves
  int64_t staple_until_s = 0;   // of an OCSP response that was fetched; 0: there is none
  std::string staple_problem;   // why the newest attempt to fetch one failed
};

/// Who the edge is in a mesh.
struct MeshStatus {
  std::string uri;
  tls::CertificateFacts facts;
};

struct TlsStatus {
  std::vector<CertificateStatus> certificates;
  std::string problem;   // of the TLS file or what it names beyond certificates; the last good configuration serves
  uint64_t reloads = 0;  // that changed something
  uint64_t reload_failures = 0;  // with at least one problem
  std::vector<std::string> transports;
  std::map<std::string, std::string> transport_problems;  // by name; one that was good before goes on as it was
  std::optional<MeshStatus> mesh;
};

}  // namespace weir::proxy
