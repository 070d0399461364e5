#include "weir/http/redirect.h"

namespace weir::http {

std::string redirect_target(const Url& from, const ClientResponse& response) {
  const int status = response.status;
  const bool redirects = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  std::string_view location = response.header("Location");
  location = location.substr(0, location.find('#'));
  if (!redirects || location.empty()) return "";
  // RFC 3986 section 5.2, but for dot segments: whoever is asked knows them.
  const std::string origin = from.scheme + "://" + from.authority();
  const std::string_view path = std::string_view(from.target).substr(0, from.target.find('?'));
  if (location.starts_with("//")) return from.scheme + ":" + std::string(location);
  if (location.starts_with('/')) return origin + std::string(location);
  if (location.starts_with('?')) return origin + std::string(path) + std::string(location);
  const size_t colon = location.find(':');
  if (colon < location.find_first_of("/?")) return std::string(location);
  return origin + std::string(path.substr(0, path.rfind('/') + 1)) + std::string(location);
}

std::string redirect_method(std::string_view method, int status) {
  const bool keeps = status == 307 || status == 308 || method == "HEAD";
  return keeps ? std::string(method) : "GET";
}

}  // namespace weir::http
