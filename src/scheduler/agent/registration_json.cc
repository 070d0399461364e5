#include <nlohmann/json.hpp>

#include "scheduler/agent/registration.h"
#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

json check_body(const CheckRegistration& check) {
  json out = {{"CheckID", check.id},
              {"Name", check.name},
              {"Interval", format_duration(check.interval_ns)},
              {"Timeout", format_duration(check.timeout_ns)}};
  auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) out[name] = value;
  };
  put("Notes", check.notes);
  put("HTTP", check.http);
  put("Method", check.method);
  put("Body", check.body);
  put("TCP", check.tcp);
  put("GRPC", check.grpc);
  put("TLSServerName", check.tls_server_name);
  put("Status", check.initial_status);
  if (!check.header.empty()) out["Header"] = check.header;
  if (check.grpc_use_tls) out["GRPCUseTLS"] = true;
  if (check.tls_skip_verify) out["TLSSkipVerify"] = true;
  if (check.success_before_passing > 0) out["SuccessBeforePassing"] = check.success_before_passing;
  if (check.failures_before_critical > 0) out["FailuresBeforeCritical"] = check.failures_before_critical;
  return out;
}

json tagged_addresses(const ServiceRegistration& service) {
  json out = json::object();
  for (const auto& [name, address] : service.tagged_addresses) {
    out[name] = {{"Address", address}, {"Port", service.port}};
  }
  return out;
}

std::string text_member(const json& object, const char* name) {
  auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

int64_t number_member(const json& object, const char* name) {
  auto at = object.find(name);
  return at != object.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}

bool same_map(const json& row, const char* name, const TextMap& wanted) {
  auto at = row.find(name);
  if (at == row.end() || !at->is_object()) return wanted.empty();
  if (at->size() != wanted.size()) return false;
  for (const auto& [key, value] : wanted) {
    if (text_member(*at, key.c_str()) != value) return false;
  }
  return true;
}

bool same_tags(const json& row, const std::vector<std::string>& wanted) {
  auto at = row.find("Tags");
  if (at == row.end() || !at->is_array()) return wanted.empty();
  if (at->size() != wanted.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!(*at)[i].is_string() || (*at)[i].get_ref<const std::string&>() != wanted[i]) return false;
  }
  return true;
}

/// The registry adds lan and wan entries of its own, so only those that we sent count.
bool same_addresses(const json& row, const ServiceRegistration& wanted) {
  auto at = row.find("TaggedAddresses");
  for (const auto& [name, address] : wanted.tagged_addresses) {
    if (at == row.end() || !at->is_object() || !at->contains(name) || !(*at)[name].is_object()) return false;
    if (text_member((*at)[name], "Address") != address) return false;
  }
  return true;
}

bool same_service(const json& row, const ServiceRegistration& wanted) {
  auto weights = row.find("Weights");
  if (weights != row.end() && weights->is_object() &&
      (number_member(*weights, "Passing") != wanted.weights.passing ||
       number_member(*weights, "Warning") != wanted.weights.warning)) {
    return false;
  }
  auto tag_override = row.find("EnableTagOverride");
  bool overrides = tag_override != row.end() && tag_override->is_boolean() && tag_override->get<bool>();
  return text_member(row, "Service") == wanted.name && text_member(row, "Address") == wanted.address &&
         number_member(row, "Port") == wanted.port && overrides == wanted.enable_tag_override &&
         (overrides || same_tags(row, wanted.tags)) && same_map(row, "Meta", wanted.meta) &&
         same_addresses(row, wanted);
}

Result<json> parse_object(std::string_view body, const char* what) {
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object())
    return fail(ErrorCode::invalid, std::string("the registry's ") + what + " are not a JSON object");
  return parsed;
}

}  // namespace

std::string encode_registration_body(const ServiceRegistration& service) {
  json out = {{"ID", service.id},
              {"Name", service.name},
              {"Tags", service.tags},
              {"Address", service.address},
              {"Port", service.port},
              {"Meta", service.meta},
              {"EnableTagOverride", service.enable_tag_override},
              {"Weights", {{"Passing", service.weights.passing}, {"Warning", service.weights.warning}}},
              {"Checks", json::array()}};
  if (!service.tagged_addresses.empty()) out["TaggedAddresses"] = tagged_addresses(service);
  for (const CheckRegistration& check : service.checks) out["Checks"].push_back(check_body(check));
  // Job files may hold bytes that are not UTF-8: replaced, never thrown at.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<RegisteredService>> decode_registered_services(
    std::string_view body, const std::map<std::string, const ServiceRegistration*>& wanted) {
  auto parsed = parse_object(body, "services");
  if (!parsed) return fail(parsed.error());
  std::vector<RegisteredService> out;
  for (const auto& [id, row] : parsed->items()) {
    if (!id.starts_with(kServiceIdPrefix) || !row.is_object()) continue;
    RegisteredService service{.id = id};
    if (auto meta = row.find("Meta"); meta != row.end() && meta->is_object()) {
      service.node_id = text_member(*meta, std::string(kNodeMetaKey).c_str());
    }
    auto want = wanted.find(id);
    service.same = want != wanted.end() && same_service(row, *want->second);
    out.push_back(std::move(service));
  }
  return out;
}

Result<std::map<std::string, CheckStatus>> decode_check_statuses(std::string_view body) {
  auto parsed = parse_object(body, "checks");
  if (!parsed) return fail(parsed.error());
  std::map<std::string, CheckStatus> out;
  for (const auto& [id, row] : parsed->items()) {
    if (!id.starts_with(kCheckIdPrefix) || !row.is_object()) continue;
    out[id] = {.status = text_member(row, "Status"), .output = text_member(row, "Output")};
  }
  return out;
}

}  // namespace weir::scheduler
