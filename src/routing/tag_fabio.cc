#include "routing/tag_fabio.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "routing/fabio_source.h"
#include "routing/glob.h"
#include "routing/go_number.h"
#include "weir/base/host_port.h"
#include "weir/base/ip.h"
#include "weir/base/text.h"

namespace weir::routing {

namespace {

// fabio asks hosts from the most particular to the least and goes on to the next where no path fits: a host with a
// port, the host, patterns by how much of the name's end they say, then routes without a host. Within one, the greater
// path by its bytes: of beginnings that is the longer, and priorities say so; else PathOrder does. These are bands of
// priority; rules with a whole host keep 0, the rule's length, which is below the first band.
constexpr int64_t kHostWithPort = 20'000;  // a rule has at most 16 KiB
constexpr int64_t kPattern = -20'000'000'000;
constexpr int64_t kNoHost = -30'000'000'000;
constexpr int64_t kLastResort = -40'000'000'000;  // added to another priority
constexpr int64_t kPathBytesMax = 4096;
constexpr int64_t kPathStep = 8192;  // a longer literal beginning, and then a longer path: below kPathStep together
constexpr int64_t kHostStep = 512;   // the same of hosts, twice: one with a port is asked before it without
constexpr auto kShortestPathTerm = static_cast<int64_t>(std::string_view(" && PathPrefix(`/`)").size());
constexpr size_t kHostBytesMax = 253;
constexpr size_t kAliasBytesMax = 63;  // one label of a name in the DNS

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::invalid, std::move(message)); }

/// $DC and ${DC}. fabio replaces other variables by nothing, and "$HOST/" would catch every request.
Result<std::string> expand(std::string_view source, std::string_view datacenter) {
  std::string out = replace_all(replace_all(source, "${DC}", datacenter), "$DC", datacenter);
  if (out.find('$') != std::string::npos) return invalid("only $DC is expanded in \"" + std::string(source) + "\"");
  return out;
}

/// What may stand in a Host field: a name or an address, and a port.
bool is_host_field(std::string_view text) {
  constexpr std::string_view kMarks = "-._~%!$&'()*+,;=:[]";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

/// Among patterns: the more of the name's end it says the sooner it is asked.
int64_t pattern_band(const FabioSource& source) {
  const std::string& host = source.host;
  const size_t mark = std::min(host.find_last_of("*?]}"), host.size() - 1);  // none where a bracket does not close
  const auto end_bytes = static_cast<int64_t>(host.size() - mark - 1);
  // Of equal ends, in the order of the marks' bytes; then by the byte before the mark, for which that of "*:80" is its
  // colon, less than a letter and greater than a dot; then the longer pattern, then the one with a port.
  const auto kind = static_cast<int64_t>(std::min<size_t>(std::string_view("*?]}").find(host[mark]), 3));
  const bool has_port = !source.port.empty();
  const int64_t before = mark == 0 ? (has_port ? 1 : 0) : (host[mark - 1] > ':' ? 2 : 0);
  const auto size = static_cast<int64_t>(host.size() * 2 + (has_port ? 1 : 0));
  return kPattern + (((end_bytes * 4 + kind) * 3 + before) * kHostStep + size) * kPathStep;
}

/// The term of the rule that the host is, and the band its routes are in; "" for any host.
Result<std::string> host_term(const FabioSource& source, int64_t& band) {
  const std::string& host = source.host;
  if (host.empty()) {
    band = kNoHost;
    return "";
  }
  if (host.size() > kHostBytesMax) return invalid("\"" + host + "\" is no host name");
  if (!is_glob(host)) {
    if (!is_host_name(host)) return invalid("\"" + host + "\" is no host name");
    band = source.port.empty() ? 0 : kHostWithPort;
    return "Host(`" + host + "`)";
  }
  band = pattern_band(source);
  if (host == "*") return "";
  std::string_view domain = host.starts_with("*.") ? std::string_view(host).substr(2) : std::string_view();
  if (!domain.empty() && is_host_name(domain)) return "Host(`**." + std::string(domain) + "`)";
  std::string regexp = glob_to_regexp(host);
  bool plain = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 0x7f && c != '`'; });
  if (regexp.empty() || !plain) return invalid("\"" + host + "\" is no host pattern");
  return "HostRegexp(`" + regexp + "`)";
}

Result<std::string> path_term(const std::string& path, std::string_view matcher) {
  if (!is_plain_path(path)) return invalid("the path holds a character no path has");
  if (static_cast<int64_t>(path.size()) > kPathBytesMax) {
    return invalid("the path is longer than " + std::to_string(kPathBytesMax) + " bytes");
  }
  if (matcher == "iprefix") return "PathRegexp(`(?i)^" + regexp_literal(path) + "`)";
  if (matcher != "glob") return "PathPrefix(`" + path + "`)";
  std::string regexp = glob_to_regexp(path);
  if (regexp.empty()) return invalid("\"" + path + "\" is no path pattern");
  return "PathRegexp(`" + regexp + "`)";
}

Status set_match(FabioRoute& route, const FabioSource& source, std::string_view matcher) {
  int64_t band = 0;
  auto host = host_term(source, band);
  if (!host) return fail(host.error());
  auto path = path_term(source.path, matcher);
  if (!path) return fail(path.error());
  RouterDefinition& router = route.router;
  std::string place = *host;
  if (source.names_port()) place += (place.empty() ? "" : " && ") + ("HostPort(`" + source.port + "`)");
  router.rule = place.empty() ? *path : place + " && " + *path;
  router.tls = source.port == "443";
  router.plain = source.port == "80";
  if (matcher != "prefix") {
    router.path_order = PathOrder::bytes;
    router.priority = band != 0 ? band : static_cast<int64_t>(host->size()) + kShortestPathTerm;
  } else if (band != 0) {
    router.priority = band + static_cast<int64_t>(source.path.size());
  }
  std::string name = source.host + (source.port.empty() ? "" : ":" + source.port) + source.path;
  router.name = replace_all(name, "@", "%40");  // what follows an @ in a name is a provider
  return {};
}

/// A redirect does not match a request that is where it leads: the next route is asked, as in fabio. Where there is
/// none its own service is better than nothing.
void pass_over(FabioRoute& route, const std::vector<std::string>& terms) {
  if (terms.empty()) return;
  RouterDefinition& router = route.router;
  if (router.priority == 0) router.priority = static_cast<int64_t>(router.rule.size());
  RouterDefinition own = router;
  const std::string all = join(terms, " && ");
  router.rule += terms.size() == 1 ? " && !" + all : " && !(" + all + ")";
  own.name += " (own)";  // no source has a blank
  own.rule += " && " + all;
  own.priority += kLastResort;
  own.last_resort = true;
  route.last_resort = std::move(own);
}

class OptionReader {
 public:
  /// `scheme` is the one of a command's target; "" of a tag.
  OptionReader(FabioRoute& route, std::string_view scheme) : route_(route), scheme_(scheme) {
    if (!scheme.empty()) route.scheme = scheme;
  }

  Status take(std::string_view option) {
    size_t equals = option.find('=');
    std::string_view key = option.substr(0, equals);
    std::string value(equals == std::string_view::npos ? "" : option.substr(equals + 1));
    if (key == "strip") return take_path(strip_, option, value);
    if (key == "prepend") return take_path(prepend_, option, value);
    if (key == "host") return take_host(option, value);
    if (key == "proto") return take_protocol(option, value);
    if (key == "weight") return take_weight(value);
    if (key == "redirect") return take_redirect(option, value);
    if (key == "allow" || key == "deny") return take_access(std::string(key), value);
    if (key == "tlsskipverify") {
      route_.servers_transport = value == "true" ? "insecureSkipVerify" : "";
      return {};
    }
    if (key == "auth") return take_authentication(value);
    if (key == "register") return take_alias(option, value);
    if (key == "pxyproto" && value != "true") return {};
    if (key == "pxyproto" || key == "grpcservername") {
      return invalid("option " + std::string(key) + "= is not supported yet");
    }
    ignore(option, "unknown");
    return {};
  }

  Status finish() {
    if (!allow_.empty() && !deny_.empty()) return invalid("allow= and deny= on one route");
    // In the order fabio works.
    if (!allow_.empty()) add("access", "accessList", {{"allow", allow_}});
    if (!deny_.empty()) add("access", "accessList", {{"deny", deny_}});
    if (!authentication_.empty()) route_.router.middlewares.push_back(authentication_);
    if (!redirect_url_.empty()) {
      add("redirect", "redirectUrl",
          {{"code", redirect_code_}, {"url", redirect_url_}, {"strip", strip_}, {"prepend", prepend_}});
    }
    if (!strip_.empty()) add("strip", "stripPrefix", {{"prefixes", strip_}, {"forceslash", "true"}});
    if (!prepend_.empty()) add("prepend", "addPrefix", {{"prefix", prepend_}});
    if (!host_.empty()) add("host", "headers", {{"customrequestheaders.host", host_}});
    route_.server_name = to_lower(without_brackets(split_host_port(host_).host));
    return {};
  }

  /// Of the redirect; behind finish().
  [[nodiscard]] FabioGoal goal() const { return {redirect_url_, strip_.empty() && prepend_.empty()}; }

 private:
  void ignore(std::string_view option, std::string_view why) {
    route_.ignored.push_back("option \"" + std::string(option) + "\" is ignored: " + std::string(why));
  }

  void add(const std::string& suffix, std::string type, std::map<std::string, std::string> options) {
    MiddlewareDefinition middleware;
    middleware.name = route_.router.name + "#" + suffix;
    middleware.type = std::move(type);
    middleware.options = std::move(options);
    middleware.origin = route_.router.origin;
    route_.router.middlewares.push_back(middleware.name);
    route_.middlewares.push_back(std::move(middleware));
  }

  // Of options said twice the last holds, as in fabio, also where it says nothing.
  Status take_path(std::string& out, std::string_view option, const std::string& value) {
    out.clear();
    if (value.empty()) {
      ignore(option, "no path");
      return {};
    }
    const bool unfit = &out == &strip_ && (!value.starts_with("/") || value.find(',') != std::string::npos);
    if (unfit) {
      ignore(option, "one path that begins with / is taken off");
      return {};
    }
    out = value.starts_with("/") ? value : "/" + value;
    return {};
  }

  Status take_host(std::string_view option, const std::string& value) {
    host_.clear();
    route_.pass_host_header = value != "dst";
    if (value.empty()) {
      ignore(option, "no name");
      return {};
    }
    if (value == "dst") return {};
    if (!is_host_field(value)) return invalid("option host=" + value + ": expected dst or what a Host field may hold");
    host_ = value;
    return {};
  }

  /// Another word is none to fabio, and plain HTTP is spoken.
  Status take_protocol(std::string_view option, const std::string& value) {
    if (!scheme_.empty()) {
      const std::string_view meant = value == "grpc" ? "h2c" : value == "grpcs" ? "https" : std::string_view(value);
      if (meant != scheme_) ignore(option, "the target's URL says how it is spoken to, and that is " + scheme_);
    } else if (value == "grpc") {
      route_.scheme = "h2c";
    } else if (value == "grpcs") {
      route_.scheme = "https";
    } else if (value == "http" || value == "https") {
      route_.scheme = value;
    } else if (value.starts_with("tcp")) {
      return invalid("option proto=" + value + " is not supported yet");
    } else {
      ignore(option, "a protocol that is not known; http is spoken");
    }
    return {};
  }

  Status take_weight(const std::string& value) {
    auto share = parse_share(value);
    if (!share) return invalid("option weight=" + value + ": " + share.error().message);
    route_.share = *share;
    return {};
  }

  Status take_redirect(std::string_view option, const std::string& value) {
    size_t comma = value.find(',');
    if (comma == std::string::npos || value.find(',', comma + 1) != std::string::npos) {
      ignore(option, "expected a code, a comma and a URL");
      return {};
    }
    redirect_code_ = value.substr(0, comma);
    redirect_url_ = value.substr(comma + 1);
    bool known = redirect_code_.size() == 3 && redirect_code_[0] == '3' && parse_u64(redirect_code_).has_value();
    if (known && !redirect_url_.empty()) return {};
    return invalid("option redirect=" + value + ": expected a code from 300 to 399, a comma and a URL");
  }

  // The scheme is a middleware of a routes file: without it the route answers 503, never openly.
  Status take_authentication(const std::string& value) {
    bool plain = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c != '@' && c != ','; });
    if (value.empty() || !plain) return invalid("option auth=" + value + ": expected the name of a middleware");
    authentication_ = value + "@file";
    return {};
  }

  Status take_alias(std::string_view option, const std::string& value) {
    const bool fits = !value.empty() && value.size() <= kAliasBytesMax && is_host_name(to_lower(value));
    if (fits) {
      route_.alias = value;
    } else {
      ignore(option, "expected a name of letters, digits, dots and dashes");
    }
    return {};
  }

  // ip:10.0.0.0/8,ip:fe80::1
  Status take_access(const std::string& key, const std::string& value) {
    std::string& out = key == "allow" ? allow_ : deny_;
    out.clear();
    for (std::string_view one : split_list(value)) {
      bool ip = one.starts_with("ip:");
      auto network = ip ? Cidr::parse(one.substr(3)) : fail(ErrorCode::invalid, "expected ip: and a network");
      if (!network) {
        return invalid(std::string("option ").append(key).append("=").append(value) + ": " + network.error().message);
      }
      out += (out.empty() ? "" : ",") + std::string(one.substr(3));
    }
    if (out.empty()) return invalid("option " + key + "=: expected ip: and a network");
    return {};
  }

  FabioRoute& route_;
  std::string scheme_;
  std::string strip_;
  std::string prepend_;
  std::string host_;
  std::string authentication_;
  std::string allow_;
  std::string deny_;
  std::string redirect_code_;
  std::string redirect_url_;
};

}  // namespace

Result<FabioRoute> decode_fabio_tag(std::string_view source, const FabioContext& context) {
  std::string text = replace_all(source, "\t", " ");
  std::vector<std::string_view> words = split_list(text, ' ');  // any number of blanks between options
  if (words.empty()) return invalid("nothing after the prefix");
  auto expanded = expand(words[0], context.datacenter);
  if (!expanded) return fail(expanded.error());
  auto matched = split_fabio_source(*expanded);
  if (!matched) return fail(matched.error());
  FabioRoute route;
  if (Status done = set_match(route, *matched, context.matcher); !done) return fail(done.error());
  route.router.name = std::string(context.prefix) + route.router.name;
  route.router.service = route.router.name;
  route.router.origin.text =
      "service " + std::string(context.service_name) + ", tag " + std::string(context.prefix) + std::string(words[0]);
  OptionReader options(route, context.scheme);
  for (size_t i = 1; i < words.size(); ++i) {
    if (Status done = options.take(words[i]); !done) return fail(done.error());
  }
  if (Status done = options.finish(); !done) return fail(done.error());
  pass_over(route, terms_of_fabio_goal(options.goal(), *matched, context.matcher));
  return route;
}

std::string fabio_route_name(std::string_view source) {
  FabioRoute route;
  auto matched = split_fabio_source(source);
  return matched && set_match(route, *matched, "prefix") ? route.router.name : std::string(source);
}

Result<double> parse_share(std::string_view text) {
  if (text.empty()) return 0;
  text = without_plus(text);
  double share = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool good = error == std::errc() && end == text.data() + text.size() && std::isfinite(share);
  if (!good) return fail(ErrorCode::invalid, "expected a number, the share from 0 to 1");
  return std::clamp(share, 0.0, 1000.0);
}

Result<Url> parse_fabio_target(std::string_view text) {
  // A WebSocket is asked for over HTTP.
  for (auto [scheme, spoken] :
       {std::pair{"grpc://", "h2c://"}, {"grpcs://", "https://"}, {"ws://", "http://"}, {"wss://", "https://"}}) {
    const std::string_view written = scheme;
    const bool has_it = equals_ignore_case(text.substr(0, written.size()), written);
    if (has_it) return Url::parse_server(std::string(spoken).append(text.substr(written.size())));
  }
  return Url::parse_server(text);
}

}  // namespace weir::routing
