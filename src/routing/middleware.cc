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
  return fail(ErrorCode::invalid, "unknown option \"" + key + "\"");
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
  auto prefixes = only_option(options, "prefixes");
  if (!prefixes) return fail(prefixes.error());
  for (std::string_view prefix : split_list(*prefixes)) {
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

Status compile_options(const MiddlewareDefinition& definition, Middleware& out) {
  std::string type = to_lower(definition.type);
  if (type == "stripprefix") {
    out.type = Type::strip_prefix;
    return compile_strip_prefix(definition.options, out);
  }
  if (type == "addprefix") {
    out.type = Type::add_prefix;
    return compile_path(definition.options, "prefix", out);
  }
  if (type == "replacepath") {
    out.type = Type::replace_path;
    return compile_path(definition.options, "path", out);
  }
  if (type == "redirectscheme") {
    out.type = Type::redirect_scheme;
    return compile_redirect_scheme(definition.options, out);
  }
  if (type == "headers") {
    out.type = Type::headers;
    return compile_headers(definition.options, out);
  }
  return fail(ErrorCode::invalid, "unknown middleware type \"" + definition.type +
                                      "\"; known are stripPrefix, addPrefix, replacePath, redirectScheme, headers");
}

}  // namespace

Result<Middleware> compile_middleware(const MiddlewareDefinition& definition, std::string qualified_name) {
  Middleware out{std::move(qualified_name), Type::strip_prefix};
  if (auto compiled = compile_options(definition, out); !compiled) return fail(compiled.error());
  return out;
}

}  // namespace weir::routing
