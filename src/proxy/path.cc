#include "weir/proxy/path.h"

#include "weir/base/host_port.h"
#include "weir/base/text.h"
#include "weir/routing/path_text.h"

namespace weir::proxy {

NormalTarget normalise_target(std::string_view target, std::string& storage) {
  NormalTarget out;
  size_t question = target.find('?');
  out.path = target.substr(0, question);
  if (question != std::string_view::npos) {
    out.has_query = true;
    out.query = target.substr(question + 1);
  }
  if (!out.path.starts_with('/')) return out;
  const std::string_view sent = out.path;
  out.path = routing::normal_path(sent, storage);
  out.rewritten = out.path.data() != sent.data() && out.path != sent;
  return out;
}

std::string_view normalise_host(std::string_view authority, std::string& storage) {
  authority = split_host_port(authority).host;
  if (authority.ends_with('.')) authority.remove_suffix(1);
  if (!has_upper(authority)) return authority;
  storage = to_lower(authority);
  return storage;
}

}  // namespace weir::proxy
