#include "routing/predicate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "weir/base/host_port.h"
#include "weir/base/text.h"
#include "weir/routing/path_text.h"

namespace weir::routing {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Takes one decoded byte off the front of a query's key or value; '+' is a space. Nothing when an escape is broken.
std::optional<char> take_decoded(std::string_view& raw) {
  char c = raw.front();
  if (c != '%') {
    raw.remove_prefix(1);
    return c == '+' ? ' ' : c;
  }
  if (raw.size() < 3 || hex_value(raw[1]) < 0 || hex_value(raw[2]) < 0) return std::nullopt;
  c = static_cast<char>(hex_value(raw[1]) * 16 + hex_value(raw[2]));
  raw.remove_prefix(3);
  return c;
}

bool decodes_to(std::string_view raw, std::string_view text) {
  while (!raw.empty() && !text.empty()) {
    auto c = take_decoded(raw);
    if (!c || *c != text.front()) return false;
    text.remove_prefix(1);
  }
  return raw.empty() && text.empty();
}

std::optional<std::string> decode(std::string_view raw) {
  std::string out;
  while (!raw.empty()) {
    auto c = take_decoded(raw);
    if (!c) return std::nullopt;
    out += *c;
  }
  return out;
}

bool query_value_holds(const Predicate& predicate, std::string_view raw_value) {
  if (predicate.kind == Predicate::Kind::query) return decodes_to(raw_value, predicate.value);
  auto value = decode(raw_value);
  return value && predicate.regexp.matches(*value);
}

bool query_holds(const Predicate& predicate, std::string_view query) {
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    // Go ignores pairs with a semicolon, so that no two readers split them differently.
    if (pair.find(';') != std::string_view::npos) continue;
    std::string_view key = pair.substr(0, pair.find('='));
    std::string_view value = pair.substr(std::min(pair.size(), key.size() + 1));
    if (pair.empty() || !decodes_to(key, predicate.key)) continue;
    if (query_value_holds(predicate, value)) return true;
  }
  return false;
}

bool path_matches(const Regexp& regexp, std::string_view path) {
  std::string storage;
  return regexp.matches(decoded_path(path, storage));
}

bool value_holds(const Predicate& predicate, std::string_view value) {
  return predicate.kind == Predicate::Kind::header ? value == predicate.value : predicate.regexp.matches(value);
}

/// The fields that a session has taken out of a request for itself, as most clients write them.
bool taken_field_holds(const Predicate& predicate, const RequestView& request) {
  const std::string_view name = predicate.key;
  if (name == "upgrade") return !request.upgrade.empty() && value_holds(predicate, request.upgrade);
  if (name == "connection") return !request.upgrade.empty() && value_holds(predicate, "Upgrade");
  if (name == "expect") return request.expect_continue && value_holds(predicate, "100-continue");
  if (name == "te") return request.te_trailers && value_holds(predicate, "trailers");
  if (name != "content-length" || !request.content_length) return false;
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), *request.content_length).ptr;
  return value_holds(predicate, {digits.data(), static_cast<size_t>(end - digits.data())});
}

bool header_holds(const Predicate& predicate, const RequestView& request) {
  const auto& headers = request.headers;
  return std::any_of(headers.begin(), headers.end(),
                     [&](const Header& header) {
                       return equals_ignore_case(header.name, predicate.key) && value_holds(predicate, header.value);
                     }) ||
         taken_field_holds(predicate, request);
}

}  // namespace

bool is_one_label_below(std::string_view host, std::string_view domain) {
  size_t dot = host.find('.');
  return dot != 0 && dot != std::string_view::npos && host.substr(dot + 1) == domain;
}

bool is_below(std::string_view host, std::string_view domain) {
  return host.size() > domain.size() + 1 && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

bool holds(const Predicate& predicate, const RequestView& request) {
  switch (predicate.kind) {
    case Predicate::Kind::host: return request.host == predicate.value;
    case Predicate::Kind::host_wildcard: return is_one_label_below(request.host, predicate.value);
    case Predicate::Kind::host_suffix: return is_below(request.host, predicate.value);
    case Predicate::Kind::host_port: return request.port == predicate.value;
    case Predicate::Kind::host_regexp: return predicate.regexp.matches(without_brackets(request.host));
    case Predicate::Kind::path: return request.path == predicate.value;
    case Predicate::Kind::path_prefix: return request.path.starts_with(predicate.value);
    case Predicate::Kind::path_regexp: return path_matches(predicate.regexp, request.path);
    case Predicate::Kind::method: return request.method == predicate.value;
    case Predicate::Kind::header:
    case Predicate::Kind::header_regexp: return header_holds(predicate, request);
    case Predicate::Kind::query:
    case Predicate::Kind::query_regexp: return query_holds(predicate, request.query);
    case Predicate::Kind::client_ip: return predicate.network.contains(request.client_ip);
  }
  return false;
}

}  // namespace weir::routing
