#pragma once
// Media types (RFC 9110 section 8.3.1), as Content-Type has them. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// A value. Names are in lower case, values of parameters as they were written.
struct MediaType {
  std::string name;  // "text/html"; also what stands there without a slash
  std::map<std::string, std::string> parameters;

  /// Nothing: it is not one.
  [[nodiscard]] static std::optional<MediaType> parse(std::string_view text);
  /// Whether that one is of this type: with the same parameters, where this has any.
  [[nodiscard]] bool covers(const MediaType& other) const {
    return name == other.name && (parameters.empty() || parameters == other.parameters);
  }
  bool operator==(const MediaType&) const = default;
};

}  // namespace weir
