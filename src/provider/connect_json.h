#pragma once
// Consul Connect's certificates, decoded. Pure.

#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::provider {

constexpr size_t kConnectRootsMax = 64;

struct ConnectLeaf {
  std::string service;
  std::string uri;
  std::string chain_pem;
  std::string key_pem;
};
/// /v1/agent/connect/ca/leaf/<service>
Result<ConnectLeaf> decode_connect_leaf(std::string_view body);

/// /v1/agent/connect/ca/roots: the PEM of all roots, those that are being replaced too. An error where there is none.
Result<std::string> decode_connect_roots(std::string_view body);

}  // namespace weir::provider
