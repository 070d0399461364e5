#pragma once
// Certificates as files give them, checked before anybody uses them. Control thread: reads files.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/tls/options.h"

namespace weir::tls {

/// What a certificate says of itself.
struct CertificateFacts {
  std::vector<std::string> names;  // DNS names and addresses it is good for, lower case; "*.example.com" as it stands
  std::string subject;
  std::string common_name;  // of the subject; "": it has none
  std::string issuer;
  std::string serial;        // hex
  std::string key_type;      // "RSA", "EC", "ED25519"
  int64_t not_before_s = 0;  // seconds since 1970
  int64_t not_after_s = 0;
};

/// A chain and a key that belong together. A value; shared between threads once made.
struct CertificateMaterial {
  CertificateFiles files;  // empty names: made by us
  std::string chain_pem;
  std::string key_pem;
  std::string staple;  // DER
  CertificateFacts facts;
};

/// Reads and checks: everything parses, the key is the leaf's and not encrypted. An expired one is taken: it is for the
/// caller to warn. The error names the file.
Result<std::shared_ptr<const CertificateMaterial>> load_certificate(const CertificateFiles& files);

/// Self-signed, a new key each time: what answers where no certificate is configured.
Result<std::shared_ptr<const CertificateMaterial>> make_default_certificate();

/// The PEM certificates of a file, as text; an error when there is none or one does not parse.
Result<std::string> load_ca_file(const std::string& path);

}  // namespace weir::tls
