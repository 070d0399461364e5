#include "routing/fabio_source.h"

#include <algorithm>

#include "routing/glob.h"
#include "weir/base/host_port.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid, std::move(message)); }

bool add_host_of_goal(std::string_view text, const FabioSource& source, std::vector<std::string>& terms) {
  if (text == "$host") return true;
  const std::string lower = to_lower(text);
  const HostPort goal = split_host_port(lower);
  const bool same = goal.host == source.host;
  const bool possible = same || source.host.empty() || is_glob(source.host);
  if (!possible || goal.host.empty() || !is_host_name(goal.host)) return false;
  // A host without a port stands for all of them.
  if (source.names_port() && goal.port != source.port) return false;
  if (!goal.port.empty() && !parse_u64(goal.port)) return false;
  if (!same) terms.push_back("Host(`" + std::string(goal.host) + "`)");
  if (!goal.port.empty()) terms.push_back("HostPort(`" + std::string(goal.port) + "`)");
  return true;
}

}  // namespace

bool is_host_name(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_plain_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](unsigned char c) { return c > ' ' && c != '`' && c != 0x7f; });
}

Result<FabioSource> split_fabio_source(std::string_view text) {
  if (text.starts_with(':')) return invalid("TCP routes are not supported yet");  // also with a path, as in fabio
  FabioSource out;
  size_t slash = text.find('/');
  std::string host = to_lower(text.substr(0, slash));
  out.path = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  size_t colon = host.rfind(':');
  if (colon != std::string::npos) {
    out.port = host.substr(colon + 1);
    host.resize(colon);
    const auto number = parse_u64(out.port);
    if (!number || *number == 0 || *number > 65'535) return invalid("\"" + out.port + "\" is no port");
  }
  out.host = host;
  return out;
}

std::vector<std::string> terms_of_fabio_goal(const FabioGoal& goal, const FabioSource& source,
                                             std::string_view matcher) {
  const size_t scheme_end = goal.url.find("://");
  if (scheme_end == std::string::npos) return {};
  const std::string scheme = to_lower(goal.url.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return {};
  std::string_view rest = std::string_view(goal.url).substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('?'));
  const size_t host_end = std::min({rest.find('/'), rest.find("$path"), rest.size()});
  std::vector<std::string> terms = {"Header(`X-Forwarded-Proto`, `" + scheme + "`)"};
  if (!add_host_of_goal(rest.substr(0, host_end), source, terms)) return {};
  std::string path = replace_all(rest.substr(host_end), "/$path", "$path");
  if (path == "$path") return goal.keeps_path ? terms : std::vector<std::string>();
  if (path.empty()) path = "/";
  const bool possible = matcher != "prefix" || path.starts_with(source.path);
  if (!possible || path.find("$path") != std::string::npos || !is_plain_path(path)) return {};
  terms.push_back("Path(`" + path + "`)");
  return terms;
}

}  // namespace weir::routing
