// /v1/agent/service*, /v1/agent/maintenance, /v1/agent/health/service/*

#include <cstdio>

#include "registry/agent_writes.h"
#include "registry/catalog_writes.h"
#include "registry/endpoints.h"
#include "registry/filter_rows.h"
#include "registry/health_checker.h"
#include "registry/read_options.h"
#include "registry/record_json.h"
#include "weir/base/go_bool.h"

namespace weir::registry::endpoints {
namespace {

Reply unknown_service(const std::string& id) {
  return Reply::text(404,
                     "Unknown service ID \"" + id + "\". Ensure that the service ID is passed, not the service name.");
}

std::string content_hash(const Service& service) {
  JsonWriter json;
  write_agent_service(json, service, "");
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(fnv1a(json.take())));
  return hash;
}

/// The value of ?enable=, or the answer that refuses it.
std::optional<Reply> parse_enable(const Call& call, bool& enable) {
  if (!call.has("enable")) return Reply::text(400, "Missing value for enable");
  std::string text = call.parameter("enable");
  std::optional<bool> flag = parse_go_bool(text);
  if (!flag) return Reply::text(400, "Invalid value for enable: \"" + text + "\"");
  enable = *flag;
  return std::nullopt;
}

void set_maintenance(Api& api, Call call, const std::string& service_id, bool enable) {
  std::string reason = call.parameter("reason");
  auto change = [&api, service_id, enable, reason](Transaction& tx) -> Status {
    if (enable) return put_maintenance(tx, api.self(), service_id, reason);
    remove_maintenance(tx, api.self(), service_id);
    return {};
  };
  api.write(std::move(call), change, Reply::empty);
}

}  // namespace

void agent_services(Api& api, Call call) {
  static const Service kSample;
  Result<Filter> filter = Filter::compile(call.parameter("filter"), service_row(kSample));
  if (!filter) return Api::reply(call, Reply::text(500, filter.error().message));
  bool pretty = call.pretty;
  api.look(std::move(call), [&api, pretty, shared = std::make_shared<Filter>(std::move(*filter))] {
    JsonWriter json(pretty);
    json.begin_object();
    for (const Ref<Service>& service : registry::agent_services(api.tables(), api.self())) {
      if (!shared->keeps_all() && !shared->keeps(service_row(*service))) continue;
      json.key(service->id);
      write_agent_service(json, *service, api.self().datacenter);
    }
    json.end_object();
    return Reply::json(json.take());
  });
}

// Blocks by hash: as long as the service is what the client has seen.
void agent_service(Api& api, Call call) {
  std::string id = call.argument;
  std::string hash = call.parameter("hash");
  bool pretty = call.pretty;
  auto answer = [&api, id, pretty] {
    Ref<Service> service = registry::agent_service(api.tables(), api.self(), id);
    if (!service) return Reply::text(404, "unknown service ID: " + id);
    JsonWriter json(pretty);
    std::string current = content_hash(*service);
    write_agent_service(json, *service, api.self().datacenter, current);
    Reply reply = Reply::json(json.take());
    reply.headers.emplace_back("X-Consul-Contenthash", current);
    return reply;
  };
  if (hash.empty()) return api.look(std::move(call), answer);
  ReadOptionsOrReply parsed = parse_read_options(call);
  if (parsed.refusal) return Api::reply(call, std::move(*parsed.refusal));
  BlockingQueries::Query query;
  query.responder = call.responder;
  query.wait_ms = parsed.options.wait_ms;
  query.ready = [&api, id, hash](bool) {
    Ref<Service> service = registry::agent_service(api.tables(), api.self(), id);
    return !service || content_hash(*service) != hash;
  };
  query.resources = [&api] { return std::vector<Resource>{{Resource::Kind::node, fold_name(api.self().node_name)}}; };
  auto shared_call = std::make_shared<Call>(std::move(call));
  query.answer = [&api, shared_call, answer] { api.look(*shared_call, answer); };
  api.blocking().run(std::move(query));
}

void agent_service_register(Api& api, Call call) {
  Result<JsonValue> body = parse_body(call);
  if (!body) return Api::reply(call, decode_failure(body.error()));
  Result<ServiceRequest> request = decode_service_request(*body);
  if (!request) return Api::reply(call, decode_failure(request.error()));
  if (Status valid = validate_service(request->service); !valid) {
    return Api::reply(call, Reply::text(400, valid.error().message));
  }
  for (const CheckRequest& check : request->checks) {
    if (Status valid = validate_check(check); !valid) {
      return Api::reply(call, Reply::text(400, "Invalid check: " + valid.error().message));
    }
    if (!check.status.empty() && check.status != kPassing && check.status != kWarning && check.status != kCritical) {
      return Api::reply(call, Reply::text(400, "Status for checks must 'passing', 'warning', 'critical'"));
    }
    if (check.is_script) return Api::reply(call, scripts_disabled());
  }
  std::string replace = call.parameter("replace-existing-checks");
  bool replace_checks =
      call.has("replace-existing-checks") && (replace.empty() || parse_go_bool(replace).value_or(false));
  auto ids = std::make_shared<std::vector<std::string>>();
  auto change = [&api, request = *request, replace_checks, ids](Transaction& tx) -> Status {
    Result<std::vector<std::string>> put = put_agent_service(tx, api.self(), request, replace_checks);
    if (!put) return fail(put.error());
    *ids = std::move(*put);
    return {};
  };
  api.write(
      std::move(call), change,
      [&api, ids] {
        api.checker().restart_ttl(*ids);
        return Reply::empty();
      },
      400);
}

void agent_service_deregister(Api& api, Call call) {
  std::string id = call.argument;
  if (!registry::agent_service(api.tables(), api.self(), id)) return Api::reply(call, unknown_service(id));
  auto change = [&api, id](Transaction& tx) -> Status {
    remove_service(tx, api.self().node_name, id);
    return {};
  };
  api.write(std::move(call), change, Reply::empty);
}

void agent_service_maintenance(Api& api, Call call) {
  std::string id = call.argument;
  if (id.empty()) return Api::reply(call, Reply::text(400, "Missing service ID"));
  bool enable = false;
  if (std::optional<Reply> refusal = parse_enable(call, enable)) return Api::reply(call, std::move(*refusal));
  if (!registry::agent_service(api.tables(), api.self(), id)) {
    return Api::reply(call, Reply::text(404, "No service registered with ID \"" + id + "\""));
  }
  set_maintenance(api, std::move(call), id, enable);
}

void agent_node_maintenance(Api& api, Call call) {
  bool enable = false;
  if (std::optional<Reply> refusal = parse_enable(call, enable)) return Api::reply(call, std::move(*refusal));
  set_maintenance(api, std::move(call), "", enable);
}

}  // namespace weir::registry::endpoints
