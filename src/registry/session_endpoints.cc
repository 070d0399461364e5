// /v1/session/*

#include "registry/agent_writes.h"
#include "registry/endpoints.h"
#include "registry/json_decode.h"
#include "registry/queries.h"
#include "registry/record_json.h"
#include "registry/session_timers.h"
#include "registry/session_writes.h"
#include "weir/base/duration.h"
#include "weir/base/random.h"

namespace weir::registry::endpoints {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kTtlMinNs = 10 * kSecondNs;
constexpr int64_t kTtlMaxNs = 24 * 3600 * kSecondNs;

Reply not_a_uuid() { return Reply::text(500, "failed session lookup: index error: UUID must be 36 characters"); }

/// A session's body, before its rules are looked at.
struct SessionRequest {
  Session session;
  std::string behavior;
  std::optional<std::vector<std::string>> checks;
};

// A number below 1000 is meant as seconds.
Status read_lock_delay(const Member& m, int64_t& out_ns) {
  bool is_number = m.value().kind == JsonValue::Kind::number;
  Status done = m.read_duration(out_ns);
  if (done && is_number && out_ns < 1000) out_ns *= kSecondNs;
  return done;
}

Status read_checks(const Member& m, SessionRequest& out) {
  if (m.value().is_null()) return {};
  std::vector<std::string> checks = out.checks.value_or(std::vector<std::string>{});
  std::vector<std::string> more;
  if (Status done = m.read(more); !done) return done;
  checks.insert(checks.end(), more.begin(), more.end());
  out.checks = std::move(checks);
  return {};
}

Status read_service_checks(const Member& m, Session& out) {
  if (m.value().is_null()) return {};
  out.service_checks_given = true;
  return decode_items(m, "[]structs.ServiceCheck", [&](const JsonValue& item) -> Status {
    if (item.kind == JsonValue::Kind::string) {
      out.service_checks.push_back(item.text);
      return {};
    }
    return decode_members(item, m.path(), [&](const Member& part) {
      return part.is("ID") ? part.read(out.service_checks.emplace_back()) : Member::ignore();
    });
  });
}

// Members that nobody knows are ignored here, as Consul does.
Result<SessionRequest> decode_session(const JsonValue& json) {
  SessionRequest request;
  Session& session = request.session;
  Status done = decode_members(json, "", [&](const Member& m) {
    if (m.is("Name")) return m.read(session.name);
    if (m.is("Node")) return m.read(session.node);
    if (m.is("LockDelay")) return read_lock_delay(m, session.lock_delay_ns);
    if (m.is("Behavior")) return m.read(request.behavior);
    if (m.is("TTL")) return m.read(session.ttl);
    if (m.is("Checks") || m.is("NodeChecks")) return read_checks(m, request);
    if (m.is("ServiceChecks")) return read_service_checks(m, session);
    return Member::ignore();
  });
  if (!done) return fail(done.error());
  return request;
}

/// Fills in what follows from the request; the text of a failure is the answer.
Status complete(SessionRequest& request, const Identity& self) {
  Session& session = request.session;
  session.id = make_uuid();
  if (session.node.empty()) session.node = self.node_name;
  session.node_checks = request.checks.value_or(std::vector<std::string>{std::string(kSerfHealth)});
  if (request.behavior == "delete") {
    session.behavior = Session::Behavior::remove;
  } else if (!request.behavior.empty() && request.behavior != "release") {
    return fail(ErrorCode::invalid, "Invalid Behavior setting '" + request.behavior + "'");
  }
  if (session.ttl.empty()) return {};
  Result<int64_t> ttl = parse_duration_ns(session.ttl);
  if (!ttl) return fail(ErrorCode::invalid, "Session TTL '" + session.ttl + "' invalid: " + ttl.error().message);
  if (*ttl == 0) return {};
  if (*ttl < kTtlMinNs || *ttl > kTtlMaxNs) {
    return fail(ErrorCode::invalid,
                "Invalid Session TTL '" + std::to_string(*ttl) + "', must be between [10s=24h0m0s]");
  }
  session.ttl_ns = *ttl;
  return {};
}

Read sessions_read(Api& api) {
  Read read;
  read.index = [&api] { return sessions_index(api.store()); };
  read.resources = [] { return std::vector<Resource>{{Resource::Kind::sessions}}; };
  return read;
}

void list_where(Api& api, Call call, std::function<bool(const Session&)> wanted) {
  Read read = sessions_read(api);
  read.answer = [&api, wanted = std::move(wanted), pretty = call.pretty] {
    JsonWriter json(pretty);
    json.begin_array();
    for (const auto& [id, session] : api.tables().sessions()) {
      if (wanted(*session)) write_session(json, *session);
    }
    return Reply::json(json.end_array().take());
  };
  api.read(std::move(call), std::move(read));
}

}  // namespace

void session_create(Api& api, Call call) {
  SessionRequest request;
  if (!call.request.body.empty()) {
    Result<JsonValue> body = parse_body(call);
    if (!body) return Api::reply(call, decode_failure(body.error()));
    Result<SessionRequest> decoded = decode_session(*body);
    if (!decoded) return Api::reply(call, decode_failure(decoded.error()));
    request = std::move(*decoded);
  }
  if (Status done = complete(request, api.self()); !done) {
    return Api::reply(call, Reply::text(500, done.error().message));
  }
  auto change = [session = request.session](Transaction& tx) { return put_session(tx, session); };
  bool pretty = call.pretty;
  api.write(std::move(call), change, [id = request.session.id, pretty] {
    JsonWriter json(pretty);
    return Reply::json(json.begin_object().member("ID", id).end_object().take());
  });
}

void session_destroy(Api& api, Call call) {
  std::string id = call.argument;
  if (id.empty()) return Api::reply(call, Reply::text(400, "Missing session"));
  if (!is_uuid(id)) return Api::reply(call, not_a_uuid());
  auto change = [id](Transaction& tx) -> Status {
    end_session(tx, id);
    return {};
  };
  api.write(std::move(call), change, [] { return Reply::json("true"); });
}

void session_renew(Api& api, Call call) {
  std::string id = call.argument;
  if (id.empty()) return Api::reply(call, Reply::text(400, "Missing session"));
  if (!is_uuid(id)) return Api::reply(call, not_a_uuid());
  api.sessions().renew(id);
  bool pretty = call.pretty;
  api.look(std::move(call), [&api, id, pretty] {
    Ref<Session> session = api.tables().session(id);
    if (!session) return Reply::text(404, "Session id '" + id + "' not found");
    JsonWriter json(pretty);
    json.begin_array();
    write_session(json, *session);
    return Reply::json(json.end_array().take());
  });
}

void session_info(Api& api, Call call) {
  std::string id = call.argument;
  if (id.empty()) return Api::reply(call, Reply::text(400, "Missing session"));
  if (!is_uuid(id)) return Api::reply(call, not_a_uuid());
  list_where(api, std::move(call), [id](const Session& session) { return session.id == id; });
}

void session_node(Api& api, Call call) {
  std::string node = call.argument;
  if (node.empty()) return Api::reply(call, Reply::text(400, "Missing node name"));
  list_where(api, std::move(call), [node](const Session& session) { return equals_ignore_case(session.node, node); });
}

void session_list(Api& api, Call call) {
  list_where(api, std::move(call), [](const Session&) { return true; });
}

}  // namespace weir::registry::endpoints
