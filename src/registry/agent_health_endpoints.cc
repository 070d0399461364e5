// /v1/agent/health/service/*: health as a status code, for load balancers that can only ask for that.

#include <algorithm>

#include "registry/agent_writes.h"
#include "registry/endpoints.h"
#include "registry/health_checker.h"
#include "registry/record_json.h"

namespace weir::registry::endpoints {
namespace {

/// In order of severity.
enum class Aggregate : uint8_t { passing, warning, critical, maintenance };

const char* to_string(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::passing: return kPassing;
    case Aggregate::warning: return kWarning;
    case Aggregate::critical: return kCritical;
    case Aggregate::maintenance: return "maintenance";
  }
  return "";
}

int status_code(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::passing: return 200;
    case Aggregate::warning: return 429;
    case Aggregate::critical:
    case Aggregate::maintenance: return 503;
  }
  return 503;
}

Aggregate health_of(const Check& check) {
  if (check.id == kNodeMaintenance || check.id.starts_with(kServiceMaintenancePrefix)) return Aggregate::maintenance;
  if (check.status == kPassing) return Aggregate::passing;
  return check.status == kWarning ? Aggregate::warning : Aggregate::critical;
}

/// A service's own checks and those of the node, but for serfHealth, which is not the agent's.
std::vector<Ref<Check>> checks_for(Api& api, const Service& service) {
  const std::string& node = api.self().node_name;
  std::vector<Ref<Check>> checks = api.tables().checks_of_service(node, "");
  std::erase_if(checks, [](const Ref<Check>& check) { return check->id == kSerfHealth; });
  std::ranges::move(api.tables().checks_of_service(node, service.id), std::back_inserter(checks));
  return checks;
}

Aggregate aggregate_of(const std::vector<Ref<Check>>& checks) {
  Aggregate worst = Aggregate::passing;
  for (const Ref<Check>& check : checks) worst = std::max(worst, health_of(*check));
  return worst;
}

void write_health(JsonWriter& json, Api& api, const Service& service) {
  std::vector<Ref<Check>> checks = checks_for(api, service);
  json.begin_object().member("AggregatedStatus", to_string(aggregate_of(checks))).key("Service");
  write_agent_service(json, service, api.self().datacenter);
  json.key("Checks").begin_array();
  for (const Ref<Check>& check : checks) write_agent_check(json, *check, api.checker().output_of(*check));
  json.end_array().end_object();
}

Reply with_reason(Reply reply, const std::string& reason) {
  reply.headers.emplace_back("X-Consul-Reason", reason);
  return reply;
}

bool wants_text(const Call& call) {
  return call.parameter("format") == "text" || http::find_header(call.request.headers, "Accept") == "text/plain";
}

Reply plain_text(int status, std::string body) {
  Reply reply = Reply::text(status, std::move(body));
  reply.content_type = "text/plain";
  return reply;
}

Reply text_health(Aggregate aggregate) {
  return with_reason(plain_text(status_code(aggregate), to_string(aggregate)), to_string(aggregate));
}

}  // namespace

void agent_health_by_id(Api& api, Call call) {
  std::string id = call.argument;
  if (id.empty()) return Api::reply(call, Reply::text(400, "Missing serviceID"));
  bool as_text = wants_text(call);
  bool pretty = call.pretty;
  api.look(std::move(call), [&api, id, as_text, pretty] {
    JsonWriter json(pretty);
    Ref<Service> service = registry::agent_service(api.tables(), api.self(), id);
    if (!service) {
      json.begin_object().member("AggregatedStatus", kCritical).key("Service").null().key("Checks").null().end_object();
      std::string unknown = "ServiceId " + id + " not found";
      // As Consul has it: a JSON string in place of the text.
      std::string body = as_text ? JsonWriter(pretty).value(unknown).take() : json.take();
      return with_reason(Reply::json(std::move(body), 404), unknown);
    }
    Aggregate aggregate = aggregate_of(checks_for(api, *service));
    if (as_text) return text_health(aggregate);
    write_health(json, api, *service);
    return with_reason(Reply::json(json.take(), status_code(aggregate)), to_string(aggregate));
  });
}

void agent_health_by_name(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing service Name"));
  bool as_text = wants_text(call);
  bool pretty = call.pretty;
  api.look(std::move(call), [&api, name, as_text, pretty] {
    JsonWriter json(pretty);
    Aggregate worst = Aggregate::passing;
    bool found = false;
    json.begin_array();
    for (const Ref<Service>& service : registry::agent_services(api.tables(), api.self())) {
      if (service->name != name) continue;
      found = true;
      worst = std::max(worst, aggregate_of(checks_for(api, *service)));
      write_health(json, api, *service);
    }
    json.end_array();
    std::string unknown = "ServiceName " + name + " Not Found";
    if (!found && as_text) return with_reason(plain_text(404, unknown), unknown);
    if (!found) return with_reason(Reply::json(json.take(), 404), unknown);
    if (as_text) return text_health(worst);
    return with_reason(Reply::json(json.take(), status_code(worst)), to_string(worst));
  });
}

}  // namespace weir::registry::endpoints
