#include "routing/left_out_fields.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "weir/base/duration.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

enum class Form : uint8_t { text, boolean, number, duration };

struct Field {
  std::string_view name;  // a "*" stands for a number in brackets; at the end for anything
  Form form;
};
constexpr Field kFields[] = {
    {"parentrefs", Form::text},
    {"tls.certresolver", Form::text},
    {"tls.domains", Form::text},
    {"tls.domains[*].main", Form::text},
    {"tls.domains[*].sans[*]", Form::text},
    {"tls.domains[*].sans", Form::text},
    {"observability.accesslogs", Form::boolean},
    {"observability.metrics", Form::boolean},
    {"observability.tracing", Form::boolean},
    {"observability.traceverbosity", Form::text},
    {"server.fenced", Form::boolean},
    {"passivehealthcheck.failurewindow", Form::duration},
    {"passivehealthcheck.maxfailedattempts", Form::number},
    {"responseforwarding.flushinterval", Form::duration},
    {"contenttype.autodetect", Form::boolean},
    {"errors.status", Form::text},
    {"errors.statusrewrites.*", Form::number},
    {"errors.service", Form::text},
    {"errors.query", Form::text},
    {"errors.errorrequestheaders", Form::text},
    {"retry.attempts", Form::number},
    {"retry.timeout", Form::duration},
    {"retry.initialinterval", Form::duration},
    {"retry.maxrequestbodybytes", Form::number},
    {"retry.status", Form::text},
    {"retry.disableretryonnetworkerror", Form::boolean},
    {"retry.retrynonidempotentmethod", Form::boolean},
    {"circuitbreaker.expression", Form::text},
    {"circuitbreaker.checkperiod", Form::duration},
    {"circuitbreaker.fallbackduration", Form::duration},
    {"circuitbreaker.recoveryduration", Form::duration},
    {"circuitbreaker.responsecode", Form::number},
    {"ratelimit.redis.*", Form::text},
    {"buffering.memrequestbodybytes", Form::number},
    {"buffering.memresponsebodybytes", Form::number},
    {"buffering.retryexpression", Form::text},
};

/// What Traefik knows of objects that are none of HTTP; names are left out.
constexpr std::string_view kElsewhere[] = {
    "tcp.routers.rule",
    "tcp.routers.rulesyntax",
    "tcp.routers.entrypoints",
    "tcp.routers.middlewares",
    "tcp.routers.service",
    "tcp.routers.priority",
    "tcp.routers.tls",
    "tcp.routers.tls.passthrough",
    "tcp.routers.tls.options",
    "tcp.routers.tls.certresolver",
    "tcp.routers.tls.domains",
    "tcp.routers.tls.domains[*].main",
    "tcp.routers.tls.domains[*].sans",
    "tcp.routers.tls.domains[*].sans[*]",
    "tcp.services.loadbalancer.server.port",
    "tcp.services.loadbalancer.server.tls",
    "tcp.services.loadbalancer.server.weight",
    "tcp.services.loadbalancer.serverstransport",
    "tcp.services.loadbalancer.proxyprotocol",
    "tcp.services.loadbalancer.proxyprotocol.version",
    "tcp.services.loadbalancer.terminationdelay",
    "tcp.middlewares.inflightconn.amount",
    "tcp.middlewares.ipallowlist.sourcerange",
    "tcp.middlewares.ipwhitelist.sourcerange",
    "udp.routers.entrypoints",
    "udp.routers.service",
    "udp.services.loadbalancer.server.port",
    "udp.services.loadbalancer.server.weight",
};

/// With "*" for each number in brackets.
std::string without_numbers(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    const size_t end = field[i] == '[' ? field.find(']', i) : std::string_view::npos;
    const bool number = end != std::string_view::npos && parse_u64(field.substr(i + 1, end - i - 1)).has_value();
    out += number ? "[*]" : std::string(1, field[i]);
    if (number) i = end;
  }
  return out;
}

bool fits(std::string_view known, std::string_view name) {
  return known == name || (known.ends_with(".*") && name.starts_with(known.substr(0, known.size() - 1)));
}

}  // namespace

bool is_object_there(std::string_view value) { return value.empty() || equals_ignore_case(value, "true"); }

bool is_numbered(std::string_view field) { return without_numbers(field).ends_with("[*]"); }

bool is_known_elsewhere(std::string_view field) {
  const std::string name = without_numbers(field);
  return std::find(std::begin(kElsewhere), std::end(kElsewhere), name) != std::end(kElsewhere);
}

std::optional<std::string> left_out_problem(std::string_view field, std::string_view value) {
  const std::string name = without_numbers(field);
  const auto* found =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& one) { return fits(one.name, name); });
  if (found == std::end(kFields)) return std::nullopt;
  switch (found->form) {
    case Form::text: return "";
    case Form::boolean: return parse_go_bool(value) ? "" : "true or false";
    case Form::number: return parse_i64(value) ? "" : "a whole number";
    case Form::duration: return parse_i64(value) || parse_duration_ns(value) ? "" : "a duration such as 10s";
  }
  return "";
}

}  // namespace weir::routing
