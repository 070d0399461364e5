#pragma once
// What a peer's certificate says, in the words that whoever stands behind the edge may be told.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::tls {

/// A subject or an issuer: type as RFC 4514 abbreviates it ("CN", "OU", "serialNumber") and value in UTF-8, in the
/// certificate's order.
using NameParts = std::vector<std::pair<std::string, std::string>>;

struct PeerCertificate {
  std::string der_base64;
  NameParts subject;
  NameParts issuer;
  std::string serial;                     // decimal
  std::vector<std::string> alternatives;  // DNS names, mail addresses, IP addresses, URIs, in this order
  int64_t not_before_s = 0;               // seconds since 1970
  int64_t not_after_s = 0;
};

}  // namespace weir::tls
