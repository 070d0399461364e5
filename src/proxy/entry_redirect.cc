#include "proxy/entry_redirect.h"

#include "weir/proxy/path.h"

namespace weir::proxy {

uint16_t EntryRedirect::answer(const http::RequestHead& request, std::string& location) const {
  std::string storage;
  std::string_view host = normalise_host(request.authority, storage);
  if (host.empty()) return 400;
  location = scheme + "://";
  location += host;
  location += port;
  location += request.target.starts_with('/') ? request.target : std::string_view("/");
  if (request.method == http::Method::get) return permanent ? 301 : 302;
  return permanent ? 308 : 307;
}

}  // namespace weir::proxy
