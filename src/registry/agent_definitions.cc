#include <algorithm>

#include "registry/definition_members.h"
#include "registry/definitions.h"
#include "registry/json_decode.h"
#include "weir/base/ip.h"

namespace weir::registry {
namespace {

constexpr int64_t kDnsWeightMax = 65535;
constexpr size_t kMetaPairsMax = 64;
constexpr size_t kMetaKeyBytesMax = 128;
constexpr size_t kMetaValueBytesMax = 512;

/// Members whose mere presence makes a kind that we do not run.
Status read_unsupported(const Member& m, CheckRequest& out) {
  const JsonValue& value = m.value();
  bool set = value.kind == JsonValue::Kind::string && !value.text.empty();
  if (set && out.unsupported.empty()) out.unsupported = std::string(m.name());
  return {};
}

Status read_script(const Member& m, CheckRequest& out) {
  std::vector<std::string> words;
  Status done = m.read(words);
  out.is_script = out.is_script || !words.empty();
  return done;
}

Status read_check_kind(const Member& m, CheckRequest& out) {
  CheckDefinition& definition = out.definition;
  if (m.is("HTTP")) return m.read(definition.http);
  if (m.is("Method")) return m.read(definition.method);
  if (m.is("Header")) return m.read(definition.header);
  if (m.is("Body")) return m.read(definition.body);
  if (m.is("DisableRedirects", "disable_redirects")) return m.read(definition.disable_redirects);
  if (m.is("TCP")) return m.read(definition.tcp);
  if (m.is("Args") || m.is("ScriptArgs", "script_args")) return read_script(m, out);
  if (m.is("GRPC")) return m.read(definition.grpc);
  if (m.is("GRPCUseTLS", "grpc_use_tls")) return m.read(definition.grpc_use_tls);
  if (m.is("TLSServerName", "tls_server_name")) return m.read(definition.tls_server_name);
  if (m.is("TLSSkipVerify", "tls_skip_verify")) return m.read(definition.tls_skip_verify);
  for (const char* name : {"UDP", "H2PING", "OSService", "os_service", "DockerContainerID", "docker_container_id",
                           "AliasNode", "alias_node", "AliasService", "alias_service"}) {
    if (m.is(name)) return read_unsupported(m, out);
  }
  for (const char* name : {"Shell", "H2PingUseTLS", "h2ping_use_tls", "TCPUseTLS", "tcp_use_tls", "ProxyHTTP",
                           "ProxyGRPC", "ExposePaths", "Token", "Namespace", "Partition"}) {
    if (m.is(name)) return Member::ignore();
  }
  return m.unknown();
}

Status read_check_member(const Member& m, CheckRequest& out) {
  CheckDefinition& definition = out.definition;
  if (m.is("Name")) return m.read(out.name);
  if (m.is("Notes")) return m.read(out.notes);
  if (m.is("Status")) return m.read(out.status);
  if (m.is("Interval")) return m.read_duration(definition.interval_ns);
  if (m.is("Timeout")) return m.read_duration(definition.timeout_ns);
  if (m.is("TTL")) return m.read_duration(definition.ttl_ns);
  if (m.is("SuccessBeforePassing", "success_before_passing")) return m.read(definition.success_before_passing);
  if (m.is("FailuresBeforeWarning", "failures_before_warning")) return m.read(definition.failures_before_warning);
  if (m.is("FailuresBeforeCritical", "failures_before_critical")) return m.read(definition.failures_before_critical);
  if (m.is("DeregisterCriticalServiceAfter", "deregister_critical_service_after")) {
    return m.read_duration(definition.deregister_after_ns);
  }
  if (m.is("OutputMaxSize", "output_max_size")) return m.read(definition.output_bytes_max);
  return read_check_kind(m, out);
}

void choose_kind(CheckRequest& check) {
  CheckDefinition& definition = check.definition;
  if (!definition.grpc.empty()) {
    definition.kind = CheckDefinition::Kind::grpc;
  } else if (!definition.http.empty()) {
    definition.kind = CheckDefinition::Kind::http;
  } else if (definition.ttl_ns > 0) {
    definition.kind = CheckDefinition::Kind::ttl;
  } else if (!definition.tcp.empty()) {
    definition.kind = CheckDefinition::Kind::tcp;
  }
}

Result<CheckRequest> decode_nested_check(const JsonValue& json, const std::string& path) {
  CheckRequest check;
  Status done = decode_members(json, path, [&](const Member& m) {
    if (m.is("CheckID")) return m.read(check.id);
    if (m.is("ServiceID", "service_id")) return Member::ignore();  // it is the one around it
    return read_check_member(m, check);
  });
  if (!done) return fail(done.error());
  choose_kind(check);
  return check;
}

Status read_service_member(const Member& m, ServiceRequest& out) {
  Service& service = out.service;
  if (m.is("ID")) return m.read(service.id);
  if (m.is("Name")) return m.read(service.name);
  if (m.is("Kind")) return m.read(service.kind);
  if (m.is("Tags")) return m.read(service.tags);
  if (m.is("Address")) return m.read(service.address);
  if (m.is("TaggedAddresses", "tagged_addresses")) return read_service_addresses(m, service.tagged_addresses);
  if (m.is("Meta")) return m.read(service.meta);
  if (m.is("Port")) return m.read(service.port);
  if (m.is("SocketPath", "socket_path")) return m.read(service.socket_path);
  if (m.is("Weights")) return read_weights(m, service.weights);
  if (m.is("EnableTagOverride", "enable_tag_override")) return m.read(service.enable_tag_override);
  for (const char* name : {"Token", "Proxy", "Connect", "Namespace", "Partition", "Locality", "Ports"}) {
    if (m.is(name)) return Member::ignore();
  }
  return m.unknown();
}

Status validate_meta_pair(const std::string& what, const std::string& key, const std::string& value) {
  auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::invalid, what + ": Couldn't load metadata pair ('" + key + "', '" + value + "'): " + why);
  };
  if (key.empty()) return refuse("Key cannot be blank");
  for (char c : key) {
    bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) return refuse("Key contains invalid characters");
  }
  if (key.size() > kMetaKeyBytesMax) return refuse("Key is too long (limit: 128 characters)");
  if (key.starts_with("consul-")) return refuse("Key prefix 'consul-' is reserved for internal use");
  if (value.size() > kMetaValueBytesMax) return refuse("Value is too long (limit: 512 characters)");
  return {};
}

}  // namespace

Result<ServiceRequest> decode_service_request(const JsonValue& json) {
  ServiceRequest request;
  std::optional<CheckRequest> single;
  Status done = decode_members(json, "", [&](const Member& m) -> Status {
    if (m.is("Check")) {
      Result<CheckRequest> check = decode_nested_check(m.value(), m.path());
      if (!check) return fail(check.error());
      single = std::move(*check);
      return {};
    }
    if (!m.is("Checks")) return read_service_member(m, request);
    return decode_items(m, "structs.CheckTypes", [&](const JsonValue& item) -> Status {
      Result<CheckRequest> check = decode_nested_check(item, m.path());
      if (!check) return fail(check.error());
      request.checks.push_back(std::move(*check));
      return {};
    });
  });
  if (!done) return fail(done.error());
  // An empty single check is no check; one in the list would be refused.
  if (single && *single != CheckRequest{}) request.checks.insert(request.checks.begin(), std::move(*single));
  if (request.service.id.empty()) request.service.id = request.service.name;
  return request;
}

Result<CheckRequest> decode_check_request(const JsonValue& json) {
  CheckRequest check;
  Status done = decode_members(json, "", [&](const Member& m) {
    if (m.is("ID")) return m.read(check.id);
    if (m.is("ServiceID", "service_id")) return m.read(check.service_id);
    return read_check_member(m, check);
  });
  if (!done) return fail(done.error());
  if (check.id.empty()) check.id = check.name;
  choose_kind(check);
  return check;
}

bool is_unspecified(const std::string& address) {
  if (address == "[::]") return true;
  Result<IpAddress> ip = IpAddress::parse(address);
  return ip && ip->bytes == std::array<uint8_t, 16>{};
}

Status validate_service(const Service& service) {
  if (service.name.empty()) return fail(ErrorCode::invalid, "Missing service name");
  if (is_unspecified(service.address)) return fail(ErrorCode::invalid, "Invalid service address");
  if (service.weights.passing < 1) {
    return fail(ErrorCode::invalid, "Invalid Weights: Passing must be greater than 0");
  }
  if (service.weights.warning < 0) {
    return fail(ErrorCode::invalid, "Invalid Weights: Warning must be greater or equal than 0");
  }
  if (std::max(service.weights.passing, service.weights.warning) > kDnsWeightMax) {
    return fail(ErrorCode::invalid, "Invalid Weights: DNS Weight must be between 0 and 65535");
  }
  return validate_meta(service.meta, "Invalid Service Meta");
}

Status validate_meta(const StringMap& meta, const std::string& what) {
  if (meta.size() > kMetaPairsMax) {
    return fail(ErrorCode::invalid, what + ": Node metadata cannot contain more than 64 key/value pairs");
  }
  for (const auto& [key, value] : meta) {
    if (Status done = validate_meta_pair(what, key, value); !done) return done;
  }
  return {};
}

Status validate_check(const CheckRequest& check) {
  const CheckDefinition& definition = check.definition;
  bool polled = check.is_script || !definition.http.empty() || !definition.tcp.empty() || !definition.grpc.empty();
  if (definition.interval_ns > 0 && definition.ttl_ns > 0) {
    return fail(ErrorCode::invalid, "Interval and TTL cannot both be specified");
  }
  if (!check.unsupported.empty()) {
    return fail(ErrorCode::invalid, check.unsupported + " checks are not supported by this registry");
  }
  if (polled && definition.interval_ns <= 0) {
    return fail(ErrorCode::invalid, "Interval must be > 0 for Script, HTTP, or TCP checks");
  }
  if (!polled && definition.ttl_ns <= 0) return fail(ErrorCode::invalid, "TTL must be > 0 for TTL checks");
  if (definition.output_bytes_max < 0) return fail(ErrorCode::invalid, "MaxOutputMaxSize must be positive");
  if (definition.failures_before_warning > definition.failures_before_critical &&
      definition.failures_before_critical > 0) {
    return fail(ErrorCode::invalid, "FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  }
  return {};
}

std::string check_type(const CheckDefinition& definition) {
  switch (definition.kind) {
    case CheckDefinition::Kind::ttl: return "ttl";
    case CheckDefinition::Kind::http: return "http";
    case CheckDefinition::Kind::tcp: return "tcp";
    case CheckDefinition::Kind::grpc: return "grpc";
    case CheckDefinition::Kind::none: return "";
  }
  return "";
}

}  // namespace weir::registry
