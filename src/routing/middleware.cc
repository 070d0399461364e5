#include "routing/middleware.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "weir/base/text.h"

namespace weir::routing {

namespace {

using Options = std::map<std::string, std::string>;
using Type = Middleware::Type;

tl::unexpected<Error> unknown_option(const std::string& key) {
  return fail(ErrorCode::invalid, "option \"" + key + "\" is unknown or not supported yet");
}

tl::unexpected<Error> bad_option(std::string_view key, std::string_view wanted) {
  return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\" must be " + std::string(wanted));
}

// The value of the only option the type has.
Result<std::string> only_option(const Options& options, std::string_view key) {
  std::string value;
  for (const auto& [name, text] : options) {
    if (name != key) return unknown_option(name);
    value = text;
  }
  if (value.empty()) return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\" is missing");
  return value;
}

// What goes into a request line must not end it.
bool is_path(std::string_view text) {
  return text.starts_with('/') && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '#' || c == '?';
         });
}

Status compile_strip_prefix(const Options& options, Middleware& out) {
  std::string prefixes;
  for (const auto& [key, value] : options) {
    if (key == "prefixes") {
      prefixes = value;
    } else if (key == "forceslash") {
      if (value != "true" && value != "false") return bad_option(key, "true or false");
      out.force_slash = value == "true";
    } else {
      return unknown_option(key);
    }
  }
  if (prefixes.empty()) return fail(ErrorCode::invalid, "option \"prefixes\" is missing");
  for (std::string_view prefix : split_list(prefixes)) {
    if (!is_path(prefix)) return bad_option("prefixes", "a list of paths that begin with \"/\"");
    out.values.emplace_back(prefix);
  }
  if (out.values.empty()) return bad_option("prefixes", "a list of paths that begin with \"/\"");
  if (out.values.size() > kMiddlewareValuesMax) {
    return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " prefixes");
  }
  return {};
}

Status compile_path(const Options& options, std::string_view key, Middleware& out) {
  auto path = only_option(options, key);
  if (!path) return fail(path.error());
  if (!is_path(*path)) return bad_option(key, "a path that begins with \"/\"");
  out.values.push_back(std::move(*path));
  return {};
}

Status compile_redirect_scheme(const Options& options, Middleware& out) {
  std::string port;
  std::string scheme;
  for (const auto& [key, value] : options) {
    if (key == "scheme") {
      scheme = to_lower(value);
    } else if (key == "port") {
      auto number = parse_u64(value);
      if (!number || *number == 0 || *number > 65535) return bad_option(key, "a port from 1 to 65535");
      port = std::to_string(*number);
    } else if (key == "permanent") {
      if (value != "true" && value != "false") return bad_option(key, "true or false");
      out.permanent = value == "true";
    } else {
      return unknown_option(key);
    }
  }
  if (scheme != "http" && scheme != "https") return bad_option("scheme", "http or https");
  out.values.push_back(scheme);
  if (!port.empty()) out.values.push_back(port);
  return {};
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
  });
}

Status check_header(std::string_view name, std::string_view value) {
  // These say where a message ends. Whoever sets them to something else makes two readers disagree about it.
  constexpr std::array<std::string_view, 3> kFraming = {"content-length", "transfer-encoding", "connection"};
  if (!is_header_name(name)) return fail(ErrorCode::invalid, "not a header name: \"" + std::string(name) + "\"");
  if (std::any_of(kFraming.begin(), kFraming.end(), [&](auto one) { return equals_ignore_case(one, name); })) {
    return fail(ErrorCode::invalid, "the header \"" + std::string(name) + "\" is not for a middleware to set");
  }
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return fail(ErrorCode::invalid, "a line break in the value of the header \"" + std::string(name) + "\"");
  }
  return {};
}

Status compile_headers(const Options& options, Middleware& out) {
  constexpr std::string_view kRequest = "customrequestheaders.";
  constexpr std::string_view kResponse = "customresponseheaders.";
  for (const auto& [key, value] : options) {
    bool request = key.starts_with(kRequest);
    if (!request && !key.starts_with(kResponse)) return unknown_option(key);
    std::string name = key.substr(request ? kRequest.size() : kResponse.size());
    if (auto checked = check_header(name, value); !checked) return checked;
    (request ? out.request_headers : out.response_headers).emplace_back(std::move(name), value);
  }
  if (options.empty()) return fail(ErrorCode::invalid, "no customRequestHeaders or customResponseHeaders");
  if (std::max(out.request_headers.size(), out.response_headers.size()) > kMiddlewareValuesMax) {
    return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " headers");
  }
  return {};
}

// scheme://host/path?query, in which host may be $host and the path hold $path.
Status compile_redirect_url(const Options& options, Middleware& out) {
  std::string url;
  std::string strip;
  std::string prepend;
  for (const auto& [key, value] : options) {
    if (key == "code") {
      auto code = parse_u64(value);
      if (!code || *code < 300 || *code > 399) return bad_option(key, "a status from 300 to 399");
      out.status = static_cast<uint16_t>(*code);
    } else if (key == "url") {
      url = value;
    } else if (key == "strip") {
      strip = value;
    } else if (key == "prepend") {
      prepend = value;
    } else {
      return unknown_option(key);
    }
  }
  size_t scheme_end = url.find("://");
  std::string scheme = to_lower(url.substr(0, scheme_end));
  if (scheme_end == std::string::npos || (scheme != "http" && scheme != "https") || out.status == 0) {
    return bad_option("url", "a URL that begins with http:// or https://, with a code");
  }
  std::string rest = url.substr(scheme_end + 3);
  std::string query = rest.find('?') == std::string::npos ? "" : rest.substr(rest.find('?') + 1);
  rest = rest.substr(0, rest.find('?'));
  std::string host = rest.substr(0, rest.find('/'));
  std::string path = rest.substr(host.size());
  // fabio takes https://name$path and https://name/$path for the same.
  if (host.size() > 5 && host.ends_with("$path")) {
    host.resize(host.size() - 5);
    path = "$path" + path;
  }
  path = replace_all(path, "/$path", "$path");
  bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c != 0x7f; });
  if (host.empty() || !plain) return bad_option("url", "a URL with a host");
  out.values = {scheme, host, path, query, strip, prepend};
  return {};
}

Status compile_access_list(const Options& options, Middleware& out) {
  if (options.size() != 1) return fail(ErrorCode::invalid, "one of the options \"allow\" and \"deny\" is needed");
  const auto& [key, value] = *options.begin();
  if (key != "allow" && key != "deny") return unknown_option(key);
  out.deny = key == "deny";
  for (std::string_view text : split_list(value)) {
    auto network = Cidr::parse(text);
    if (!network) return bad_option(key, "a list of networks");
    out.networks.push_back(*network);
  }
  if (out.networks.empty()) return bad_option(key, "a list of networks");
  if (out.networks.size() > kMiddlewareValuesMax) {
    return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " networks");
  }
  return {};
}

Status compile_grpc_web(const Options& options, Middleware& out) {
  for (const auto& [key, value] : options) {
    if (key != "alloworigins") return unknown_option(key);
    for (std::string_view origin : split_list(value)) out.values.emplace_back(origin);
  }
  if (out.values.size() <= kMiddlewareValuesMax) return {};
  return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " origins");
}

/// The parts of a name that may be asked for, in the order Traefik tells them.
struct NamePart {
  std::string_view option;
  const char* type;
};
constexpr NamePart kNameParts[] = {{"domaincomponent", "DC"},
                                   {"country", "C"},
                                   {"province", "ST"},
                                   {"locality", "L"},
                                   {"organization", "O"},
                                   {"organizationalunit", "OU"},
                                   {"serialnumber", "serialNumber"},
                                   {"commonname", "CN"}};

Status compile_pass_tls_client_cert(const Options& options, Middleware& out) {
  ClientCertificateFields& fields = out.client_certificate;
  const std::pair<std::string_view, bool*> flags[] = {{"pem", &fields.pem},
                                                      {"info.notbefore", &fields.not_before},
                                                      {"info.notafter", &fields.not_after},
                                                      {"info.sans", &fields.sans},
                                                      {"info.serialnumber", &fields.serial_number}};
  const std::pair<std::string_view, std::vector<std::string>*> names[] = {{"info.subject.", &fields.subject},
                                                                          {"info.issuer.", &fields.issuer}};
  Options left = options;
  auto take = [&left](const std::string& key) -> Result<bool> {
    auto option = left.extract(key);
    if (option.empty()) return false;
    if (option.mapped() != "true" && option.mapped() != "false") return bad_option(key, "true or false");
    return option.mapped() == "true";
  };
  for (const auto& [key, flag] : flags) {
    auto on = take(std::string(key));
    if (!on) return fail(on.error());
    *flag = *on;
  }
  for (const auto& [section, parts] : names) {
    for (const NamePart& part : kNameParts) {
      // Traefik does not tell an issuer's units.
      if (parts == &fields.issuer && part.option == "organizationalunit") continue;
      auto on = take(std::string(section) + std::string(part.option));
      if (!on) return fail(on.error());
      if (*on) parts->emplace_back(part.type);
    }
  }
  if (!left.empty()) return unknown_option(left.begin()->first);
  if (!fields.pem && !fields.has_info())
    return fail(ErrorCode::invalid, "neither pem nor anything of info is asked for");
  return {};
}

// RFC 7617; the realm goes into a quoted string.
Status compile_basic_auth(const Options& options, Middleware& out) {
  BasicAuth& auth = out.basic_auth;
  std::string realm = "traefik";
  for (const auto& [key, value] : options) {
    if (key == "users") {
      for (std::string_view text : split_list(value)) {
        auto credential = parse_htpasswd_line(text);
        if (!credential) return fail(ErrorCode::invalid, "option \"users\": " + credential.error().message);
        auth.users.push_back(std::move(*credential));
      }
      auth.digest = content_hash(value);
    } else if (key == "usersfile") {
      auth.users_file = value;
    } else if (key == "realm") {
      if (!value.empty()) realm = value;
    } else if (key == "removeheader") {
      if (value != "true" && value != "false") return bad_option(key, "true or false");
      auth.remove_header = value == "true";
    } else if (key == "headerfield") {
      if (auto checked = check_header(value, ""); !value.empty() && !checked) return checked;
      auth.header_field = value;
    } else {
      return unknown_option(key);
    }
  }
  if (auth.users.empty() && auth.users_file.empty()) return fail(ErrorCode::invalid, "neither users nor usersFile");
  if (auth.users.size() > kMiddlewareValuesMax) {
    return fail(ErrorCode::too_large,
                "more than " + std::to_string(kMiddlewareValuesMax) + " users; more of them may be in a usersFile");
  }
  bool plain = std::all_of(realm.begin(), realm.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  if (!plain) return bad_option("realm", "printable text");
  auth.challenge = "Basic realm=\"" + replace_all(replace_all(realm, "\\", "\\\\"), "\"", "\\\"") + "\"";
  return {};
}

Result<Regexp> compile_pattern(std::string_view key, std::string_view text) {
  auto pattern = Regexp::compile(trim(text));
  if (!pattern) return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\": " + pattern.error().message);
  return pattern;
}

Status compile_strip_prefix_regex(const Options& options, Middleware& out) {
  auto list = only_option(options, "regex");
  if (!list) return fail(list.error());
  for (std::string_view text : split_list(*list)) {
    auto pattern = compile_pattern("regex", text);
    if (!pattern) return fail(pattern.error());
    out.patterns.push_back(std::move(*pattern));
  }
  if (out.patterns.size() <= kMiddlewareValuesMax) return {};
  return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " expressions");
}

// Of replacePathRegex and redirectRegex; the latter may be permanent.
Status compile_replacement(const Options& options, bool may_be_permanent, Middleware& out) {
  std::string replacement;
  for (const auto& [key, value] : options) {
    if (key == "regex") {
      auto pattern = compile_pattern(key, value);
      if (!pattern) return fail(pattern.error());
      out.patterns.push_back(std::move(*pattern));
    } else if (key == "replacement") {
      replacement = trim(value);
    } else if (key == "permanent" && may_be_permanent) {
      if (value != "true" && value != "false") return bad_option(key, "true or false");
      out.permanent = value == "true";
    } else {
      return unknown_option(key);
    }
  }
  if (out.patterns.empty()) return fail(ErrorCode::invalid, "option \"regex\" is missing");
  // It goes into a request line or a header field.
  bool plain =
      std::all_of(replacement.begin(), replacement.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
  if (!plain) return bad_option("replacement", "text without blanks");
  out.values.push_back(std::move(replacement));
  return {};
}

Status compile_networks(const std::string& key, const std::string& list, std::vector<Cidr>& out) {
  for (std::string_view text : split_list(list)) {
    auto network = Cidr::parse(text);
    if (!network) return bad_option(key, "a list of addresses and networks");
    out.push_back(*network);
  }
  if (out.size() <= kMiddlewareValuesMax) return {};
  return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " networks");
}

Status compile_ip_allow_list(const Options& options, Middleware& out) {
  out.status = 403;
  for (const auto& [key, value] : options) {
    if (key == "sourcerange") {
      if (Status taken = compile_networks(key, value, out.networks); !taken) return taken;
    } else if (key == "ipstrategy.excludedips") {
      if (Status taken = compile_networks(key, value, out.proxies); !taken) return taken;
    } else if (key == "ipstrategy.depth") {
      auto depth = parse_u64(value);
      if (!depth || *depth > kMiddlewareValuesMax) return bad_option(key, "a number of proxies");
      out.depth = static_cast<uint32_t>(*depth);
    } else if (key == "rejectstatuscode") {
      auto status = parse_u64(value);
      if (!status || *status < 400 || *status > 599) return bad_option(key, "a status from 400 to 599");
      out.status = static_cast<uint16_t>(*status);
    } else if (key != "ipstrategy") {  // true: with none of its fields, the connection's address
      return unknown_option(key);
    }
  }
  if (out.networks.empty()) return fail(ErrorCode::invalid, "option \"sourceRange\" is missing");
  return {};
}

Status compile_chain(const Options& options, Middleware& out) {
  auto list = only_option(options, "middlewares");
  if (!list) return fail(list.error());
  for (std::string_view name : split_list(*list)) out.values.emplace_back(name);
  if (out.values.size() <= kMiddlewareValuesMax) return {};
  return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " middlewares");
}

struct TypeRow {
  std::string_view name;
  Type type;
  Status (*compile)(const Options& options, Middleware& out);  // null: known to Traefik, but not done here yet
};
constexpr Type kNone = Type::headers;
Status compile_add_prefix(const Options& options, Middleware& out) { return compile_path(options, "prefix", out); }
Status compile_replace_path(const Options& options, Middleware& out) { return compile_path(options, "path", out); }
Status compile_replace_path_regex(const Options& options, Middleware& out) {
  return compile_replacement(options, false, out);
}
Status compile_redirect_regex(const Options& options, Middleware& out) {
  return compile_replacement(options, true, out);
}

/// The place of every middleware: who adds one gives its row a function, and src/proxy/forwarding.cc its work.
constexpr TypeRow kTypes[] = {
    {"addPrefix", Type::add_prefix, compile_add_prefix},
    {"accessList", Type::access_list, compile_access_list},
    {"basicAuth", Type::basic_auth, compile_basic_auth},
    {"buffering", kNone, nullptr},
    {"chain", Type::chain, compile_chain},
    {"circuitBreaker", kNone, nullptr},
    {"compress", kNone, nullptr},
    {"contentType", kNone, nullptr},
    {"digestAuth", kNone, nullptr},
    {"encodedCharacters", kNone, nullptr},
    {"errors", kNone, nullptr},
    {"forwardAuth", kNone, nullptr},
    {"grpcWeb", Type::grpc_web, compile_grpc_web},
    {"headers", Type::headers, compile_headers},
    {"inFlightReq", kNone, nullptr},
    {"ipAllowList", Type::ip_allow_list, compile_ip_allow_list},
    {"ipWhiteList", Type::ip_allow_list, compile_ip_allow_list},
    {"passTLSClientCert", Type::pass_tls_client_cert, compile_pass_tls_client_cert},
    {"plugin", kNone, nullptr},
    {"rateLimit", kNone, nullptr},
    {"redirectRegex", Type::redirect_regex, compile_redirect_regex},
    {"redirectScheme", Type::redirect_scheme, compile_redirect_scheme},
    {"redirectUrl", Type::redirect_url, compile_redirect_url},
    {"replacePath", Type::replace_path, compile_replace_path},
    {"replacePathRegex", Type::replace_path_regex, compile_replace_path_regex},
    {"retry", kNone, nullptr},
    {"stripPrefix", Type::strip_prefix, compile_strip_prefix},
    {"stripPrefixRegex", Type::strip_prefix_regex, compile_strip_prefix_regex},
};

const TypeRow* find_type(std::string_view name) {
  const auto* row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                 [&](const TypeRow& one) { return equals_ignore_case(one.name, name); });
  return row != std::end(kTypes) ? row : nullptr;
}

std::string done_types() {
  std::string out;
  for (const TypeRow& row : kTypes) {
    if (row.compile != nullptr) out.append(out.empty() ? "" : ", ").append(row.name);
  }
  return out;
}

}  // namespace

std::string middleware_type_name(std::string_view name) {
  const TypeRow* row = find_type(name);
  return std::string(row != nullptr ? row->name : name);
}

Result<Middleware> compile_middleware(const MiddlewareDefinition& definition, std::string qualified_name) {
  const TypeRow* row = find_type(definition.type);
  if (row == nullptr || row->compile == nullptr) {
    std::string reason = row == nullptr ? "unknown middleware type \"" + definition.type + "\""
                                        : "middleware type " + std::string(row->name) + " is not supported yet";
    return fail(ErrorCode::invalid, reason + "; supported are " + done_types());
  }
  Middleware out{std::move(qualified_name), row->type};
  if (auto compiled = row->compile(definition.options, out); !compiled) return fail(compiled.error());
  return out;
}

}  // namespace weir::routing
