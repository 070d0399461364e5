#include "routing/tag_fabio.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "weir/base/text.h"

namespace weir::routing {

namespace {

// fabio asks hosts before wildcards and wildcards before routes without a host, whatever the paths' lengths: bands of
// priority. Within a band the longer host, then the longer path. Rules with a whole host keep 0, the rule's length.
constexpr int64_t kNoHostPriority = -10'000'000;
constexpr int64_t kWildcardPriority = -5'000'000;
constexpr int64_t kHostBytePriority = 10'000;  // longer than any path taken
constexpr size_t kPathBytesMax = 4096;
constexpr size_t kHostBytesMax = 253;

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid, std::move(message)); }

/// $DC and ${DC}; fabio knows no other variable here.
Result<std::string> expand(std::string_view source, std::string_view datacenter) {
  std::string out = replace_all(replace_all(source, "${DC}", datacenter), "$DC", datacenter);
  if (out.find('$') != std::string::npos) return invalid("only $DC is expanded in \"" + std::string(source) + "\"");
  return out;
}

bool is_host_name(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

Status set_host_and_path(FabioRoute& route, std::string_view source) {
  size_t slash = source.find('/');
  if (slash == std::string_view::npos) {
    bool port = source.find(':') != std::string_view::npos;
    return invalid(port ? "TCP routes are not supported yet" : "no path; write \"" + std::string(source) + "/\"");
  }
  std::string host = to_lower(source.substr(0, slash));
  std::string path(source.substr(slash));
  if (host == "*") host.clear();
  bool wildcard = host.starts_with("*.");
  std::string_view name = std::string_view(host).substr(wildcard ? 2 : 0);
  if (host.find(':') != std::string::npos) return invalid("a port in the host is not supported yet");
  if (name.find_first_of("*?[{") != std::string_view::npos || (wildcard && name.empty())) {
    return invalid("of host patterns only *.name is supported yet");
  }
  if (!is_host_name(name) || host.size() > kHostBytesMax) return invalid("\"" + host + "\" is no host name");
  if (path.size() > kPathBytesMax)
    return invalid("the path is longer than " + std::to_string(kPathBytesMax) + " bytes");
  bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) { return c > ' ' && c != '`' && c != 0x7f; });
  if (!plain) return invalid("the path holds a character no path has");
  if (path.find_first_of("*?[{") != std::string::npos) return invalid("path patterns are not supported yet");

  RouterDefinition& router = route.router;
  router.rule = host.empty() ? "PathPrefix(`" + path + "`)" : "Host(`" + host + "`) && PathPrefix(`" + path + "`)";
  int64_t path_bytes = static_cast<int64_t>(path.size());
  if (host.empty()) router.priority = kNoHostPriority + path_bytes;
  if (wildcard)
    router.priority = kWildcardPriority + static_cast<int64_t>(host.size()) * kHostBytePriority + path_bytes;
  router.name = replace_all(host + path, "@", "%40");  // what follows an @ in a name is a provider
  return {};
}

class OptionReader {
 public:
  explicit OptionReader(FabioRoute& route) : route_(route) {}

  Status take(std::string_view option) {
    size_t equals = option.find('=');
    std::string_view key = option.substr(0, equals);
    if (equals == std::string_view::npos) return invalid("option \"" + std::string(option) + "\" has no value");
    std::string value(option.substr(equals + 1));
    if (key == "strip") return take_path(strip_, key, value);
    if (key == "prepend") return take_path(prepend_, key, value);
    if (key == "host") return take_host(value);
    if (key == "proto") return take_protocol(value);
    if (key == "weight") return take_weight(value);
    if (key == "redirect") return take_redirect(value);
    if ((key == "tlsskipverify" || key == "pxyproto") && value == "false") return {};
    for (std::string_view later :
         {"tlsskipverify", "pxyproto", "allow", "deny", "auth", "register", "grpcservername"}) {
      if (key == later) return invalid("option " + std::string(key) + "= is not supported yet");
    }
    return invalid("unknown option \"" + std::string(key) + "=\"");
  }

  /// Middlewares in the order fabio works: redirect, strip, prepend, host.
  void finish() {
    if (!redirect_code_.empty()) {
      bool permanent = redirect_code_ == "301" || redirect_code_ == "308";
      add("redirect", "redirectScheme", {{"scheme", redirect_scheme_}, {"permanent", permanent ? "true" : "false"}});
    }
    if (!strip_.empty()) add("strip", "stripPrefix", {{"prefixes", strip_}});
    if (!prepend_.empty()) add("prepend", "addPrefix", {{"prefix", prepend_}});
    if (!host_.empty()) add("host", "headers", {{"customrequestheaders.host", host_}});
  }

 private:
  void add(const std::string& suffix, std::string type, std::map<std::string, std::string> options) {
    MiddlewareDefinition middleware;
    middleware.name = route_.router.name + "#" + suffix;
    middleware.type = std::move(type);
    middleware.options = std::move(options);
    middleware.origin = route_.router.origin;
    route_.router.middlewares.push_back(middleware.name);
    route_.middlewares.push_back(std::move(middleware));
  }

  static Status take_path(std::string& out, std::string_view key, const std::string& value) {
    if (!value.starts_with("/") || value.find(',') != std::string::npos) {
      return invalid("option " + std::string(key) + "=" + value +
                     ": expected a path that begins with /, without a comma");
    }
    out = value;
    return {};
  }

  Status take_host(const std::string& value) {
    route_.pass_host_header = value != "dst";
    if (value == "dst") return {};
    host_ = to_lower(value);
    if (host_.empty() || !is_host_name(host_)) return invalid("option host=" + value + ": expected dst or a host name");
    return {};
  }

  Status take_protocol(const std::string& value) {
    if (value != "http" && value != "https") return invalid("option proto=" + value + " is not supported yet");
    route_.scheme = value;
    return {};
  }

  Status take_weight(const std::string& value) {
    double share = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share);
    if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(share) || share > 1) {
      return invalid("option weight=" + value + ": expected a number from 0 to 1");
    }
    route_.share = std::max(share, 0.0);
    return {};
  }

  Status take_redirect(const std::string& value) {
    size_t comma = value.find(',');
    redirect_code_ = value.substr(0, comma);
    std::string url = comma == std::string::npos ? "" : value.substr(comma + 1);
    bool known_code =
        redirect_code_ == "301" || redirect_code_ == "302" || redirect_code_ == "307" || redirect_code_ == "308";
    if (!known_code) return invalid("option redirect=" + value + ": expected 301, 302, 307 or 308, a comma and a URL");
    for (std::string_view scheme : {"http", "https"}) {
      if (url != std::string(scheme) + "://$host$path") continue;
      redirect_scheme_ = scheme;
      return {};
    }
    return invalid("option redirect=" + value + ": only https://$host$path and http://$host$path are supported yet");
  }

  FabioRoute& route_;
  std::string strip_;
  std::string prepend_;
  std::string host_;
  std::string redirect_code_;
  std::string redirect_scheme_;
};

}  // namespace

Result<FabioRoute> decode_fabio_tag(std::string_view source, std::string_view prefix, std::string_view datacenter,
                                    std::string_view service_name) {
  std::string text = replace_all(source, "\t", " ");
  std::vector<std::string_view> words = split_list(text, ' ');  // any number of blanks between options
  if (words.empty()) return invalid("nothing after the prefix");
  auto expanded = expand(words[0], datacenter);
  if (!expanded) return fail(expanded.error());
  FabioRoute route;
  if (Status done = set_host_and_path(route, *expanded); !done) return fail(done.error());
  route.router.name = std::string(prefix) + route.router.name;
  route.router.service = route.router.name;
  route.router.origin.text =
      "service " + std::string(service_name) + ", tag " + std::string(prefix) + std::string(words[0]);
  OptionReader options(route);
  for (size_t i = 1; i < words.size(); ++i) {
    if (Status done = options.take(words[i]); !done) return fail(done.error());
  }
  options.finish();
  return route;
}

}  // namespace weir::routing
