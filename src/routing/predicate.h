#pragma once
// One matcher of a rule, such as Host(`x`), and whether it holds for a request. Values; pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/routing/regexp.h"
#include "weir/base/ip.h"
#include "weir/routing/table.h"

namespace weir::routing {

struct Predicate {
  enum class Kind : uint8_t {
    host,           // value: the name, lower case, without trailing dot
    host_wildcard,  // value: what stands behind "*."; exactly one label before it
    host_suffix,    // value: what stands behind "**."; one label or more before it
    host_regexp,
    host_port,    // value: the port that the request's Host names
    path,         // value: as path_text.h has it
    path_prefix,  // of bytes, not of segments, as Traefik has it
    path_regexp,  // sees the path decoded
    method,
    header,  // key: the name in lower case; any of its values equal
    header_regexp,
    query,  // key, value: decoded
    query_regexp,
    client_ip,  // the peer's address, never a forwarded one
  };

  Kind kind = Kind::host;
  std::string key = {};
  std::string value = {};  // also the text of a regular expression and of a network
  Cidr network = {};
  Regexp regexp = {};

  bool operator==(const Predicate&) const = default;
};

/// "a.d" for "d": one label, a dot, the domain.
[[nodiscard]] bool is_one_label_below(std::string_view host, std::string_view domain);

/// "a.d", "b.a.d" for "d": any number of labels, a dot, the domain.
[[nodiscard]] bool is_below(std::string_view host, std::string_view domain);

/// Allocates nothing, but for regular expressions.
[[nodiscard]] bool holds(const Predicate& predicate, const RequestView& request);

}  // namespace weir::routing
