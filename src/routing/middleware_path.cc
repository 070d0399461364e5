// Middlewares that change the path, or send the client elsewhere.

#include <algorithm>

#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/text.h"
#include "weir/routing/path_text.h"

namespace weir::routing {

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }
bool has_controls(std::string_view text) { return std::any_of(text.begin(), text.end(), is_control); }

/// One without its slash gets it.
Status compile_path(const Options& options, std::string_view key, Middleware& out) {
  auto path = only_option(options, key);
  if (!path) return fail(path.error());
  if (has_controls(*path)) return bad_option(key, "a path that begins with \"/\"");
  if (!path->starts_with('/')) path->insert(0, 1, '/');
  out.values.push_back(sent_path_text(*path));
  return {};
}

Result<Regexp> compile_pattern(std::string_view key, std::string_view text) {
  auto pattern = Regexp::compile(trim(text));
  if (!pattern) return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\": " + pattern.error().message);
  return pattern;
}

// Of replacePathRegex and redirectRegex; the latter may be permanent.
Status compile_replacement(const Options& options, bool is_redirect, Middleware& out) {
  std::string replacement;
  for (const auto& [key, value] : options) {
    if (key == "regex") {
      auto pattern = compile_pattern(key, value);
      if (!pattern) return fail(pattern.error());
      out.patterns.push_back(std::move(*pattern));
    } else if (key == "replacement") {
      replacement = trim(value);
    } else if (key == "permanent" && is_redirect) {
      if (Status taken = take_flag(key, value, out.permanent); !taken) return taken;
    } else {
      return unknown_option(key);
    }
  }
  if (out.patterns.empty()) return fail(ErrorCode::invalid, "option \"regex\" is missing");
  // It goes into a header field or a request line.
  if (has_controls(replacement)) return bad_option("replacement", "text without control characters");
  // A path is brought to its form when its groups are filled in.
  out.values.push_back(is_redirect ? replace_all(replacement, " ", "%20") : replacement);
  return {};
}

}  // namespace

Status compile_strip_prefix(const Options& options, Middleware& out) {
  std::string prefixes;
  for (const auto& [key, value] : options) {
    if (key == "prefixes") {
      prefixes = value;
    } else if (key == "forceslash") {
      if (Status taken = take_flag(key, value, out.force_slash); !taken) return taken;
    } else {
      return unknown_option(key);
    }
  }
  for (std::string_view prefix : list_items(prefixes)) {
    if (has_controls(prefix)) return bad_option("prefixes", "a list of paths that begin with \"/\"");
    // No path begins with any other, nor has any prefix: Traefik takes both, and nothing comes of it.
    if (prefix.starts_with('/')) out.values.push_back(sent_path_text(prefix));
  }
  return check_count(out.values.size(), "prefixes");
}

Status compile_strip_prefix_regex(const Options& options, Middleware& out) {
  auto list = only_option(options, "regex");
  if (!list) return fail(list.error());
  for (std::string_view text : list_items(*list)) {
    auto pattern = compile_pattern("regex", text);
    if (!pattern) return fail(pattern.error());
    out.patterns.push_back(std::move(*pattern));
  }
  return check_count(out.patterns.size(), "expressions");
}

Status compile_add_prefix(const Options& options, Middleware& out) {
  // An empty path is "/"; an empty prefix is refused by Traefik too.
  auto prefix = options.find("prefix");
  if (prefix != options.end() && prefix->second.empty()) return missing_option("prefix");
  return compile_path(options, "prefix", out);
}
Status compile_replace_path(const Options& options, Middleware& out) { return compile_path(options, "path", out); }
Status compile_replace_path_regex(const Options& options, Middleware& out) {
  return compile_replacement(options, false, out);
}
Status compile_redirect_regex(const Options& options, Middleware& out) {
  return compile_replacement(options, true, out);
}

Status compile_redirect_scheme(const Options& options, Middleware& out) {
  std::string port;
  std::string scheme;
  for (const auto& [key, value] : options) {
    if (key == "scheme") {
      scheme = to_lower(value);
    } else if (key == "port" && value.empty()) {
      continue;  // as if it were not there
    } else if (key == "port") {
      auto number = parse_u64(value);
      if (!number || *number == 0 || *number > 65535) return bad_option(key, "a port from 1 to 65535");
      port = std::to_string(*number);
    } else if (key == "permanent") {
      if (Status taken = take_flag(key, value, out.permanent); !taken) return taken;
    } else {
      return unknown_option(key);
    }
  }
  // Traefik sends the client to whatever it is told.
  const bool known = scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss";
  if (!known) return bad_option("scheme", "http, https, ws or wss");
  out.values.push_back(scheme);
  if (!port.empty()) out.values.push_back(port);
  return {};
}

// scheme://host/path?query, in which host may be $host and the path hold $path; also //host/path and /path.
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
  const bool has_scheme = !url.starts_with('/');
  const bool has_host = has_scheme || url.starts_with("//");
  const size_t scheme_end = has_scheme ? url.find("://") : 0;
  std::string scheme = has_scheme ? to_lower(url.substr(0, scheme_end)) : "";
  const bool known = !has_scheme || (scheme_end != std::string::npos && (scheme == "http" || scheme == "https"));
  if (!known || out.status == 0) {
    return bad_option("url", "a URL that begins with http://, https:// or a slash, with a code");
  }
  std::string rest = url.substr(has_scheme ? scheme_end + 3 : has_host ? 2 : 0);
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
  if (host.empty() == has_host || !plain) return bad_option("url", "a URL with a host");
  out.values = {scheme, host, path, query, path_text(strip), path_text(prepend)};
  return {};
}

}  // namespace weir::routing
