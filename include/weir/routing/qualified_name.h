#pragma once
// "web@consul": what the objects of all providers are told apart by, as in Traefik.

#include <string>
#include <string_view>

namespace weir::routing {

/// "web@consul" -> "web", "web" -> "web". A view of `name`, as below.
[[nodiscard]] inline std::string_view local_name(std::string_view name) { return name.substr(0, name.rfind('@')); }

/// "web@consul" -> "consul"; empty where none is named.
[[nodiscard]] inline std::string_view provider_of(std::string_view name) {
  const size_t at = name.rfind('@');
  return at == std::string_view::npos ? std::string_view() : name.substr(at + 1);
}

/// "web" -> "web@consul". A name that has its provider stays as it is.
[[nodiscard]] inline std::string qualify(std::string_view name, std::string_view provider) {
  if (name.find('@') != std::string_view::npos) return std::string(name);
  return std::string(name).append("@").append(provider);
}

}  // namespace weir::routing
