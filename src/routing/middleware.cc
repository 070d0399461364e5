#include "routing/middleware.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "routing/go_number.h"
#include "routing/left_out_fields.h"
#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/field_name.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::routing {

tl::unexpected<Error> unknown_option(const std::string& key) {
  return fail(ErrorCode::invalid, "option \"" + key + "\" is unknown or not supported yet");
}

tl::unexpected<Error> bad_option(std::string_view key, std::string_view wanted) {
  return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\" must be " + std::string(wanted));
}

tl::unexpected<Error> missing_option(std::string_view key) {
  return fail(ErrorCode::invalid, "option \"" + std::string(key) + "\" is missing");
}

Result<std::string> only_option(const Options& options, std::string_view key) {
  const std::string* value = nullptr;
  for (const auto& [name, text] : options) {
    if (name != key) return unknown_option(name);
    value = &text;
  }
  if (value == nullptr) return missing_option(key);
  return *value;
}

Status take_flag(const std::string& key, const std::string& value, bool& out) {
  auto on = parse_go_bool(value);
  if (!on) return bad_option(key, "true or false");
  out = *on;
  return {};
}

Status take_whole(const std::string& key, const std::string& value, int64_t& out) {
  auto number = parse_i64(without_plus(value));
  if (!number) return bad_option(key, "a whole number");
  out = *number;
  return {};
}

Status check_count(size_t count, const std::string& what) {
  if (count <= kMiddlewareValuesMax) return {};
  return fail(ErrorCode::too_large, "more than " + std::to_string(kMiddlewareValuesMax) + " " + what);
}

Status take_networks(const std::string& key, const std::string& list, std::string_view wanted, std::vector<Cidr>& out) {
  for (std::string_view text : list_items(list)) {
    auto network = Cidr::parse(text);
    if (!network) return bad_option(key, wanted);
    out.push_back(*network);
  }
  return check_count(out.size(), "networks");
}

Status take_ip_strategy(std::string_view prefix, const std::string& key, const std::string& value, IpStrategy& out) {
  const std::string_view field = std::string_view(key).substr(prefix.size());
  if (field == ".excludedips") return take_networks(key, value, kAddressesWanted, out.proxies);
  if (field == ".depth") {
    auto depth = parse_i64(value);
    if (!depth || *depth > static_cast<int64_t>(kMiddlewareValuesMax)) return bad_option(key, "a number of proxies");
    out.depth = static_cast<uint32_t>(std::max<int64_t>(*depth, 0));  // below 0 Traefik asks for none
  } else if (field == ".ipv6subnet") {
    auto bits = parse_u64(value);
    if (!bits || *bits == 0 || *bits > 128) return bad_option(key, "a number of bits from 1 to 128");
    out.v6_prefix_bits = static_cast<uint8_t>(*bits);
  } else if (!field.empty()) {  // true: with none of its fields, the connection's address
    return unknown_option(key);
  }
  return {};
}

Status check_header(std::string_view name, std::string_view value) {
  // These say where a message ends. Whoever sets them to something else makes two readers disagree about it.
  constexpr std::array<std::string_view, 3> kFraming = {"content-length", "transfer-encoding", "connection"};
  if (!is_token(name)) return fail(ErrorCode::invalid, "not a header name: \"" + std::string(name) + "\"");
  if (std::any_of(kFraming.begin(), kFraming.end(), [&](auto one) { return equals_ignore_case(one, name); })) {
    return fail(ErrorCode::invalid, "the header \"" + std::string(name) + "\" is not for a middleware to set");
  }
  if (value.find_first_of(std::string_view("\r\n\0\x1f", 4)) != std::string_view::npos) {
    return fail(ErrorCode::invalid, "a line break in the value of the header \"" + std::string(name) + "\"");
  }
  return {};
}

namespace {

using Type = Middleware::Type;

Status compile_grpc_web(const Options& options, Middleware& out) {
  for (const auto& [key, value] : options) {
    if (key != "alloworigins") return unknown_option(key);
    for (std::string_view origin : list_items(value)) out.values.emplace_back(origin);
  }
  return check_count(out.values.size(), "origins");
}

Status compile_chain(const Options& options, Middleware& out) {
  auto list = only_option(options, "middlewares");
  if (!list) return fail(list.error());
  for (std::string_view name : list_items(*list)) out.values.emplace_back(name);
  return check_count(out.values.size(), "middlewares");
}

struct TypeRow {
  std::string_view name;
  Type type;
  Status (*compile)(const Options& options, Middleware& out);  // null: known to Traefik, but not done here
};
constexpr Type kNone = Type::headers;  // refused
/// The place of every middleware: who adds one gives its row a function, and src/proxy/middlewares.cc its work.
constexpr TypeRow kTypes[] = {
    {"addPrefix", Type::add_prefix, compile_add_prefix},
    {"accessList", Type::access_list, compile_access_list},
    {"basicAuth", Type::basic_auth, compile_basic_auth},
    {"buffering", Type::buffering, compile_buffering},
    {"chain", Type::chain, compile_chain},
    {"circuitBreaker", Type::left_out, nullptr},
    {"compress", Type::compress, compile_compress},
    {"contentType", Type::left_out, nullptr},
    {"digestAuth", Type::digest_auth, compile_digest_auth},
    {"encodedCharacters", kNone, nullptr},
    {"errors", Type::left_out, nullptr},
    {"forwardAuth", Type::forward_auth, compile_forward_auth},
    {"grpcWeb", Type::grpc_web, compile_grpc_web},
    {"headers", Type::headers, compile_headers},
    {"inFlightReq", Type::in_flight_req, compile_in_flight_req},
    {"ipAllowList", Type::ip_allow_list, compile_ip_allow_list},
    {"ipWhiteList", Type::ip_allow_list, compile_ip_allow_list},
    {"passTLSClientCert", Type::pass_tls_client_cert, compile_pass_tls_client_cert},
    {"plugin", kNone, nullptr},
    {"rateLimit", Type::rate_limit, compile_rate_limit},
    {"redirectRegex", Type::redirect_regex, compile_redirect_regex},
    {"redirectScheme", Type::redirect_scheme, compile_redirect_scheme},
    {"redirectUrl", Type::redirect_url, compile_redirect_url},
    {"replacePath", Type::replace_path, compile_replace_path},
    {"replacePathRegex", Type::replace_path_regex, compile_replace_path_regex},
    {"retry", Type::left_out, nullptr},
    {"stripPrefix", Type::strip_prefix, compile_strip_prefix},
    {"stripPrefixRegex", Type::strip_prefix_regex, compile_strip_prefix_regex},
};

const TypeRow* find_type(std::string_view name) {
  const auto* row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                 [&](const TypeRow& one) { return equals_ignore_case(one.name, name); });
  return row != std::end(kTypes) ? row : nullptr;
}

/// What Traefik would refuse is refused.
Status check_left_out(std::string_view type, const Options& options) {
  for (const auto& [key, value] : options) {
    auto wanted = left_out_problem(to_lower(type) + "." + key, value);
    if (!wanted) return unknown_option(key);
    if (!wanted->empty()) return bad_option(key, *wanted);
  }
  return {};
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

std::string_view middleware_type_name(Middleware::Type type) {
  return std::find_if(
             std::begin(kTypes), std::end(kTypes),
             [&](const TypeRow& one) { return one.type == type && (one.compile != nullptr || type == Type::left_out); })
      ->name;
}

std::vector<std::string> middleware_notes(const MiddlewareDefinition& definition) {
  const TypeRow* row = find_type(definition.type);
  if (row != nullptr && row->type == Type::left_out) {
    return {"middleware type " + std::string(row->name) + " is left out: requests and answers pass as they are"};
  }
  if (row == nullptr) return {};
  std::vector<std::string> notes;
  for (const auto& [key, value] : definition.options) {
    if (left_out_problem(to_lower(row->name) + "." + key, value)) notes.push_back("option \"" + key + "\" is left out");
  }
  auto users = definition.options.find("users");
  if (row->type != Type::basic_auth || users == definition.options.end()) return notes;
  return unreadable_users(users->second);
}

Result<Middleware> compile_middleware(const MiddlewareDefinition& definition, std::string qualified_name) {
  const TypeRow* row = find_type(definition.type);
  const bool leaves_out = row != nullptr && row->type == Type::left_out;
  if (row == nullptr || (row->compile == nullptr && !leaves_out)) {
    std::string reason = row == nullptr ? "unknown middleware type \"" + definition.type + "\""
                                        : "middleware type " + std::string(row->name) + " is not supported yet";
    return fail(ErrorCode::invalid, reason + "; supported are " + done_types());
  }
  Middleware out{std::move(qualified_name), row->type};
  auto compiled = leaves_out ? check_left_out(row->name, definition.options) : row->compile(definition.options, out);
  if (!compiled) return fail(compiled.error());
  return out;
}

}  // namespace weir::routing
