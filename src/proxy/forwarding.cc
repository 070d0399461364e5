#include "proxy/forwarding.h"

#include <algorithm>
#include <optional>

#include "weir/base/field_name.h"
#include "weir/base/host_port.h"
#include "weir/base/text.h"

namespace weir::proxy {
namespace {

using http::Header;

constexpr std::string_view kForwardedFor = "X-Forwarded-For";

bool is_forwarding_field(std::string_view name) {
  if (name.size() < 9 || (ascii_lower(name[0]) != 'x' && ascii_lower(name[0]) != 'f')) return false;
  if (name.size() == 9) return may_be_read_as(name, "x-real-ip") || may_be_read_as(name, "forwarded");
  return name.size() > 12 && may_be_read_as(name.substr(0, 12), "x-forwarded-");
}

// RFC 7239 section 4: what holds more than a token's characters stands in quotes.
void append_forwarded(const http::RequestHead& request, const ForwardedBy& by, std::string& out) {
  if (!out.empty()) out += ", ";
  bool v6 = by.client_ip().find(':') != std::string::npos;
  out += v6 ? "for=\"[" : "for=";
  out += by.client_ip();
  out += v6 ? "]\";proto=" : ";proto=";
  out += by.proto();
  std::string_view host = request.authority;
  if (host.empty() || host.find_first_of("\"\\") != std::string_view::npos) return;
  bool token = host.find_first_of(":[](),;=") == std::string_view::npos;
  out += token ? ";host=" : ";host=\"";
  out += host;
  if (!token) out += '"';
}

/// A list that is there has grown.
void renew(std::string_view name, std::string_view list, std::vector<Header>& headers) {
  std::find_if(headers.begin(), headers.end(), [&](const Header& one) { return one.name == name; })->value = list;
}

/// As Traefik has it: the port that the client has named, else the usual one of what it speaks, of which a trusted
/// proxy may have told.
Header forwarded_port(const http::RequestHead& request, const ForwardedBy& by, std::string_view told_proto) {
  const Header& usual = by.fields.port();
  if (std::string_view port = split_host_port(request.authority).port; !port.empty()) return {usual.name, port};
  return told_proto == "https" ? Header{usual.name, "443"} : usual;
}

/// However a trusted proxy writes what its client speaks: rules, fabio's redirects and upstreams ask for this one form.
std::string_view one_form_of(std::string_view proto) {
  if (is_named(proto, "https") || is_named(proto, "wss")) return "https";
  if (is_named(proto, "http") || is_named(proto, "ws")) return "http";
  return proto;
}

bool counts_forwards(const http::RequestHead& request) {
  return request.method == http::Method::options || request.method == http::Method::trace;
}

}  // namespace

bool may_be_read_as(std::string_view name, std::string_view lower) {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(),
                    [](char sent, char known) { return ascii_lower(sent) == known || (sent == '_' && known == '-'); });
}

HopFields::HopFields(std::string_view proto, uint16_t port, std::string_view client_ip) {
  const std::string digits = std::to_string(port);
  fields_[0] = {"X-Forwarded-Proto", proto};
  fields_[1] = {"X-Forwarded-Port", digits};
  fields_[2] = {"X-Real-Ip", client_ip};
  fields_[3] = {kForwardedFor, client_ip};
  size_t bytes = 0;
  for (const Header& field : fields_) bytes += field.name.size() + field.value.size() + 4;
  text_ = std::make_unique<char[]>(bytes);
  char* at = text_.get();
  auto put = [&at](std::string_view text) {
    const char* begin = at;
    at = std::copy(text.begin(), text.end(), at);
    return std::string_view(begin, text.size());
  };
  for (Header& field : fields_) {
    field.name = put(field.name);
    put(": ");
    field.value = put(field.value);
    put("\r\n");
  }
}

uint16_t final_recipient_status(const http::RequestHead& request) {
  if (!counts_forwards(request)) return 0;
  const Header* count = http::find(request.headers, "Max-Forwards");
  if (count == nullptr) return 0;
  auto left = parse_u64(count->value);
  if (!left) return 400;
  if (*left > 0) return 0;
  return request.method == http::Method::options ? 200 : 501;  // what came is reflected to nobody
}

void append_via(std::string_view pseudonym, http::Version version, std::vector<Header>& headers, std::string& scratch) {
  if (pseudonym.empty()) return;
  scratch = http::version_text(version).substr(5);
  scratch += ' ';
  scratch += pseudonym;
  headers.push_back({"Via", scratch});
}

void write_forwarded_headers(const http::RequestHead& request, const ForwardedBy& by,
                             const config::ForwardingConfig& config, ForwardingScratch& scratch) {
  auto& out = scratch.headers;
  out.clear();
  scratch.forwarded_for.clear();
  scratch.forwarded.clear();
  std::optional<std::string_view> proto;
  bool has_host = false;
  bool has_port = false;
  bool has_real_ip = false;
  for (const Header& header : request.headers) {
    if (!is_forwarding_field(header.name)) {
      out.push_back(header);
      if (is_named(header.name, "accept")) scratch.wants_events = header.value.starts_with("text/event-stream");
      continue;
    }
    // A trusted proxy says only what has its dashes: it lets a client's own spelling with underscores through unseen.
    if (!by.trusted || header.name.find('_') != std::string_view::npos) continue;
    std::string_view which = header.name.substr(header.name.size() == 9 ? 2 : 12);
    std::string* list = nullptr;
    if (config.x_forwarded && equals_ignore_case(which, "for")) list = &scratch.forwarded_for;
    if (config.forwarded && equals_ignore_case(header.name, "forwarded")) list = &scratch.forwarded;
    if (list != nullptr) {
      if (!list->empty()) *list += ", ";
      *list += header.value;
      continue;
    }
    has_host = has_host || equals_ignore_case(which, "host");
    has_port = has_port || equals_ignore_case(which, "port");
    has_real_ip = has_real_ip || equals_ignore_case(which, "real-ip");
    out.push_back(header);
    if (!equals_ignore_case(which, "proto")) continue;
    out.back().value = one_form_of(header.value);
    if (!proto) proto = out.back().value;
  }
  if (!scratch.forwarded.empty()) out.push_back({"Forwarded", scratch.forwarded});
  if (!scratch.forwarded_for.empty()) out.push_back({kForwardedFor, scratch.forwarded_for});
  if (!config.x_forwarded) return;
  if (!has_host && !request.authority.empty()) out.push_back({"X-Forwarded-Host", request.authority});
  if (!proto) out.push_back(by.fields.proto());
  if (!has_port) out.push_back(forwarded_port(request, by, proto.value_or("")));
  if (!has_real_ip) out.push_back(by.fields.real_ip());
}

void append_hop(const http::RequestHead& request, const ForwardedBy& by, const config::ForwardingConfig& config,
                ForwardingScratch& scratch) {
  if (config.forwarded) {
    if (scratch.forwarded.empty()) scratch.headers.push_back({"Forwarded", {}});
    append_forwarded(request, by, scratch.forwarded);
    renew("Forwarded", scratch.forwarded, scratch.headers);
  }
  if (config.x_forwarded && scratch.forwarded_for.empty()) {
    scratch.headers.push_back(by.fields.forwarded_for());
  } else if (config.x_forwarded) {
    (scratch.forwarded_for += ", ") += by.client_ip();
    renew(kForwardedFor, scratch.forwarded_for, scratch.headers);
  }
  if (!counts_forwards(request)) return;
  for (Header& header : scratch.headers) {
    if (!equals_ignore_case(header.name, "Max-Forwards")) continue;
    scratch.max_forwards = std::to_string(parse_u64(header.value).value_or(1) - 1);
    header.value = scratch.max_forwards;
    return;
  }
}

}  // namespace weir::proxy
