#include <cstdio>

#include "app/api_client.h"
#include "app/json_members.h"
#include "app/output.h"
#include "app/service_runner.h"
#include "weir/base/text.h"

namespace weir::app {
namespace {

using nlohmann::json;

std::string worst_of(const json& checks) {
  std::string worst = "passing";
  for (const auto& check : checks) {
    std::string status = text_member(check, "Status");
    if (status == "critical" || (status == "warning" && worst == "passing")) worst = status;
  }
  return worst;
}

}  // namespace

int service_list(const ApiOptions& options) {
  ApiClient api(options, "X-Consul-Token");
  auto answer = api.get("/v1/catalog/services");
  if (!answer) return print_error(answer.error());
  auto services = parse_json(*answer);
  if (!services) return print_error(services.error());
  std::vector<std::vector<std::string>> rows{{"Service", "ID", "Node", "Address", "Health", "Tags"}};
  for (const auto& [name, tags] : services->items()) {
    auto health = api.get("/v1/health/service/" + percent_encode(name));
    if (!health) return print_error(health.error());
    auto instances = parse_json(*health);
    if (!instances) return print_error(instances.error());
    for (const auto& instance : *instances) {
      const auto& service = member(instance, "Service");
      const auto& node = member(instance, "Node");
      std::string list;
      for (const auto& tag : member(service, "Tags"))
        list += (list.empty() ? "" : ", ") + (tag.is_string() ? tag.get<std::string>() : "");
      rows.push_back(
          {name, text_member(service, "ID"), text_member(node, "Node"),
           text_member(service, "Address").empty() ? text_member(node, "Address") : text_member(service, "Address"),
           worst_of(member(instance, "Checks")), list});
      rows.back()[3] += ":" + std::to_string(number_member(service, "Port"));
    }
  }
  std::printf("%s", columns(rows).c_str());
  return 0;
}

int service_register(const ServiceRegistration& options) {
  json body{{"Name", options.name}, {"Port", options.port}, {"Tags", options.tags}};
  if (!options.id.empty()) body["ID"] = options.id;
  if (!options.address.empty()) body["Address"] = options.address;
  for (const std::string& pair : options.meta) {
    size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return print_error({ErrorCode::invalid, "--meta: expected KEY=VALUE, got \"" + pair + "\""});
    body["Meta"][pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!options.check_http.empty()) body["Check"] = {{"HTTP", options.check_http}, {"Interval", options.check_interval}};
  if (!options.check_tcp.empty()) body["Check"] = {{"TCP", options.check_tcp}, {"Interval", options.check_interval}};
  auto text = to_body(body);
  if (!text) return print_error(text.error());
  ApiClient api(options.api, "X-Consul-Token");
  auto answer = api.put("/v1/agent/service/register", *text);
  if (!answer) return print_error(answer.error());
  std::printf("Registered service: %s\n", options.name.c_str());
  return 0;
}

int service_deregister(const ServiceRegistration& options) {
  ApiClient api(options.api, "X-Consul-Token");
  auto answer = api.put("/v1/agent/service/deregister/" + percent_encode(options.id), {});
  if (!answer) return print_error(answer.error());
  std::printf("Deregistered service: %s\n", options.id.c_str());
  return 0;
}

}  // namespace weir::app
