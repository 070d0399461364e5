// /v1/agent/check*

#include "registry/agent_writes.h"
#include "registry/catalog_writes.h"
#include "registry/endpoints.h"
#include "registry/filter_rows.h"
#include "registry/health_checker.h"
#include "registry/json_decode.h"
#include "registry/record_json.h"

namespace weir::registry::endpoints {
namespace {

bool is_status(const std::string& status) { return status == kPassing || status == kWarning || status == kCritical; }

Reply unknown_check(const std::string& id) {
  return Reply::text(404, "Unknown check ID \"" + id + "\". Ensure that the check ID is passed, not the check name.");
}

void update(Api& api, Call call, const std::string& status, const std::string& output) {
  std::string id = call.argument;
  Ref<Check> check = agent_check(api.tables(), api.self(), id);
  if (!check) return Api::reply(call, unknown_check(id));
  if (check->definition.kind != CheckDefinition::Kind::ttl) {
    return Api::reply(call, Reply::text(500, "CheckID \"" + id + "\" does not have associated TTL"));
  }
  auto shared_call = std::make_shared<Call>(std::move(call));
  api.checker().update_ttl(id, status, output, [shared_call](const Status& done) {
    Api::reply(*shared_call, done ? Reply::empty() : Reply::text(500, done.error().message));
  });
}

}  // namespace

void agent_checks(Api& api, Call call) {
  static const Check kSample;
  Result<Filter> filter = Filter::compile(call.parameter("filter"), check_row(kSample));
  if (!filter) return Api::reply(call, Reply::text(500, filter.error().message));
  bool pretty = call.pretty;
  api.look(std::move(call), [&api, pretty, shared = std::make_shared<Filter>(std::move(*filter))] {
    JsonWriter json(pretty);
    json.begin_object();
    for (const Ref<Check>& check : registry::agent_checks(api.tables(), api.self())) {
      if (!shared->keeps_all() && !shared->keeps(check_row(*check))) continue;
      json.key(check->id);
      write_agent_check(json, *check, api.checker().output_of(*check));
    }
    json.end_object();
    return Reply::json(json.take());
  });
}

void agent_check_register(Api& api, Call call) {
  Result<JsonValue> body = parse_body(call);
  if (!body) return Api::reply(call, decode_failure(body.error()));
  Result<CheckRequest> request = decode_check_request(*body);
  if (!request) return Api::reply(call, decode_failure(request.error()));
  if (request->name.empty()) return Api::reply(call, Reply::text(400, "Missing check name"));
  if (!request->status.empty() && !is_status(request->status)) {
    return Api::reply(call, Reply::text(400, "Bad check status"));
  }
  if (Status valid = validate_check(*request); !valid) {
    return Api::reply(call, Reply::text(400, "Invalid check: " + valid.error().message));
  }
  if (request->is_script) return Api::reply(call, scripts_disabled());
  const std::string& service_id = request->service_id;
  if (!service_id.empty() && !registry::agent_service(api.tables(), api.self(), service_id)) {
    return Api::reply(call, Reply::text(404, "ServiceID \"" + service_id + "\" does not exist"));
  }
  auto change = [&api, request = *request](Transaction& tx) { return put_agent_check(tx, api.self(), request); };
  api.write(
      std::move(call), change,
      [&api, id = request->id] {
        api.checker().restart_ttl({id});
        return Reply::empty();
      },
      400);
}

void agent_check_deregister(Api& api, Call call) {
  std::string id = call.argument;
  if (!agent_check(api.tables(), api.self(), id)) return Api::reply(call, unknown_check(id));
  auto change = [&api, id](Transaction& tx) -> Status {
    remove_check(tx, api.self().node_name, id);
    return {};
  };
  api.write(std::move(call), change, Reply::empty);
}

void agent_check_pass(Api& api, Call call) {
  std::string note = call.parameter("note");
  update(api, std::move(call), kPassing, note);
}

void agent_check_warn(Api& api, Call call) {
  std::string note = call.parameter("note");
  update(api, std::move(call), kWarning, note);
}

void agent_check_fail(Api& api, Call call) {
  std::string note = call.parameter("note");
  update(api, std::move(call), kCritical, note);
}

void agent_check_update(Api& api, Call call) {
  Result<JsonValue> body = parse_body(call);
  if (!body) return Api::reply(call, decode_failure(body.error()));
  std::string status;
  std::string output;
  Status decoded = decode_members(*body, "", [&](const Member& m) {
    if (m.is("Status")) return m.read(status);
    if (m.is("Output")) return m.read(output);
    return m.unknown();
  });
  if (!decoded) return Api::reply(call, decode_failure(decoded.error()));
  if (!is_status(status)) return Api::reply(call, Reply::text(400, "Invalid check status: '" + status + "'"));
  update(api, std::move(call), status, output);
}

}  // namespace weir::registry::endpoints
