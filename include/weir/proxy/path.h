#pragma once
// Request targets and hosts in the one form that rules are matched against and upstreams see.

#include <string>
#include <string_view>

namespace weir::proxy {

/// A request target in its parts. Views into the target or into the storage given.
struct NormalTarget {
  std::string_view path;   // as routing/path_text.h has it; "*" of OPTIONS
  std::string_view query;  // without '?'
  bool has_query = false;  // "/a?" has one that is empty
  bool rewritten = false;  // path differs from what the client sent
};

/// Uses `storage` only where something has to change.
[[nodiscard]] NormalTarget normalise_target(std::string_view target, std::string& storage);

/// "Example.COM.:80" -> "example.com". A view of `authority` where that is its form already, else of `storage`.
[[nodiscard]] std::string_view normalise_host(std::string_view authority, std::string& storage);

}  // namespace weir::proxy
