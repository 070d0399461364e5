// /v1/txn: several operations, all or none.

#include <algorithm>

#include "registry/agent_writes.h"
#include "registry/catalog_writes.h"
#include "registry/definitions.h"
#include "registry/endpoints.h"
#include "registry/json_decode.h"
#include "registry/kv_writes.h"
#include "registry/record_json.h"

namespace weir::registry::endpoints {
namespace {

constexpr size_t kOperationsMax = 128;

/// One operation. `kind` says which of the others counts.
struct Operation {
  enum class Kind : uint8_t { kv, node, service, check };
  Kind kind = Kind::kv;
  std::string verb;
  KvWrite write;
  uint64_t index = 0;
  std::string session;
  Node node;
  std::string service_node;
  Service service;
  Check check;
};

/// What one operation adds to the results: "KV" and the entry, with or without its value.
struct Outcome {
  std::vector<Ref<KvEntry>> entries;
  bool with_value = false;
  Ref<Node> node;
  Ref<Service> service;
  Ref<Check> check;
};

/// What is none of these counts as a read, as in Consul, also what is no verb at all.
bool writes(const Operation& op) {
  static constexpr std::string_view kWrites[] = {"set", "cas", "lock", "unlock", "delete", "delete-tree", "delete-cas"};
  return std::ranges::find(kWrites, op.verb) != std::end(kWrites);
}

Status read_value(const Member& m, std::string& out) {
  std::string text;
  if (Status done = m.read(text); !done) return done;
  std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) return fail(ErrorCode::invalid, "illegal base64 data at input byte 0");
  out = std::move(*bytes);
  return {};
}

Status decode_kv(const JsonValue& json, Operation& op) {
  return decode_members(json, ".KV", [&](const Member& m) {
    if (m.is("Verb")) return m.read(op.verb);
    if (m.is("Key")) return m.read(op.write.key);
    if (m.is("Value")) return read_value(m, op.write.value);
    if (m.is("Flags")) return m.read(op.write.flags);
    if (m.is("Index")) return m.read(op.index);
    if (m.is("Session")) return m.read(op.session);
    return m.is("Namespace") ? Member::ignore() : m.unknown();
  });
}

template <typename T>
Status decode_into(const Member& m, Result<T> (*decode)(const JsonValue&), T& out) {
  Result<T> value = decode(m.value());
  if (!value) return fail(value.error());
  out = std::move(*value);
  return {};
}

Status decode_node_operation(const JsonValue& json, Operation& op) {
  op.kind = Operation::Kind::node;
  return decode_members(json, ".Node", [&](const Member& m) {
    if (m.is("Verb")) return m.read(op.verb);
    if (m.is("Node")) return decode_into(m, decode_node, op.node);
    return m.unknown();
  });
}

Status decode_service_operation(const JsonValue& json, Operation& op) {
  op.kind = Operation::Kind::service;
  return decode_members(json, ".Service", [&](const Member& m) {
    if (m.is("Verb")) return m.read(op.verb);
    if (m.is("Node")) return m.read(op.service_node);
    if (m.is("Service")) return decode_into(m, decode_catalog_service, op.service);
    return m.unknown();
  });
}

Status decode_check_operation(const JsonValue& json, Operation& op) {
  op.kind = Operation::Kind::check;
  return decode_members(json, ".Check", [&](const Member& m) {
    if (m.is("Verb")) return m.read(op.verb);
    if (m.is("Check")) return decode_into(m, decode_catalog_check, op.check);
    return m.unknown();
  });
}

Result<std::vector<Operation>> decode_operations(const JsonValue& json) {
  if (json.kind != JsonValue::Kind::array && !json.is_null()) {
    return fail(ErrorCode::invalid,
                "json: cannot unmarshal " + std::string(json.kind_name()) + " into Go value of type api.TxnOps");
  }
  std::vector<Operation> operations;
  for (const JsonValue& item : json.items) {
    Operation op;
    bool named = false;
    Status done = decode_members(item, "", [&](const Member& m) -> Status {
      bool known = m.is("KV") || m.is("Node") || m.is("Service") || m.is("Check");
      if (!known) return m.unknown();
      if (m.value().is_null()) return {};
      named = true;
      if (m.is("KV")) return decode_kv(m.value(), op);
      if (m.is("Node")) return decode_node_operation(m.value(), op);
      if (m.is("Service")) return decode_service_operation(m.value(), op);
      return decode_check_operation(m.value(), op);
    });
    if (!done) return fail(done.error());
    if (named) operations.push_back(std::move(op));  // an empty operation is none
  }
  return operations;
}

Status failed(std::string text) { return fail(ErrorCode::conflict, std::move(text)); }
std::string quoted_key(const Operation& op) { return "key \"" + op.write.key + "\""; }

Status run_kv_read(const Tables& tables, const Operation& op, Outcome& out) {
  static constexpr std::string_view kReads[] = {"get",           "get-or-empty", "get-tree",
                                                "check-session", "check-index",  "check-not-exists"};
  if (std::ranges::find(kReads, op.verb) == std::end(kReads)) return failed("unknown KV verb \"" + op.verb + "\"");
  Ref<KvEntry> entry = tables.kv_entry(op.write.key);
  out.with_value = true;
  if (op.verb == "get-tree") {
    out.entries = tables.kv_below(op.write.key);
    return {};
  }
  if (op.verb == "get-or-empty" && !entry) {
    KvEntry empty;
    empty.key = op.write.key;
    entry = std::make_shared<const KvEntry>(std::move(empty));
  }
  if (op.verb == "check-not-exists") return entry ? failed(quoted_key(op) + " exists") : Status{};
  std::string checking = op.verb.starts_with("check-") ? "failed to check " + op.verb.substr(6) + ", " : "";
  if (!entry) return failed(checking + quoted_key(op) + " doesn't exist");
  if (op.verb == "check-index" && entry->stamps.modify_index != op.index) {
    return failed("failed index check for " + quoted_key(op) + ", current modify index " +
                  std::to_string(entry->stamps.modify_index) + " != " + std::to_string(op.index));
  }
  if (op.verb == "check-session" && entry->session != op.session) {
    return failed("failed session check for " + quoted_key(op) + ", current session \"" + entry->session + "\" != \"" +
                  op.session + "\"");
  }
  out.with_value = op.verb.starts_with("get");
  out.entries = {entry};
  return {};
}

Status run_kv(Transaction& tx, CatalogStore& store, const Operation& op, Outcome& out) {
  const std::string& key = op.write.key;
  if (!writes(op)) return run_kv_read(tx.tables(), op, out);
  if (op.verb == "delete") {
    kv_remove(tx, key);
  } else if (op.verb == "delete-tree") {
    kv_remove_below(tx, key);
  } else if (op.verb == "delete-cas") {
    if (!kv_remove_if(tx, key, op.index)) return failed("failed to delete " + quoted_key(op) + ", index is stale");
  } else if (op.verb == "set") {
    kv_set(tx, op.write);
  } else if (op.verb == "cas") {
    if (!kv_set_if(tx, op.write, op.index)) return failed("failed to set " + quoted_key(op) + ", index is stale");
  } else if (op.verb == "lock") {
    if (store.lock_delayed(key)) return failed("failed to lock " + quoted_key(op) + " due to lock delay");
    Result<bool> locked = kv_lock(tx, op.write, op.session);
    if (!locked) return failed(locked.error().message);
    if (!*locked) return failed("failed to lock " + quoted_key(op) + ", lock is already held");
  } else if (!kv_unlock(tx, op.write, op.session)) {  // "unlock" is what is left
    return failed("failed to unlock " + quoted_key(op) + ", lock isn't held, or is held by another session");
  }
  if (Ref<KvEntry> entry = tx.tables().kv_entry(key); entry && !op.verb.starts_with("delete")) out.entries = {entry};
  return {};
}

/// set, get and delete with their -cas forms, for a record of the catalog.
template <typename T, typename Put, typename Remove>
Status run_catalog(const Operation& op, const std::string& what, const Ref<T>& before, uint64_t index, Put put,
                   Remove remove) {
  if (op.verb == "get") return before ? Status{} : failed(what + " doesn't exist");
  if (op.verb == "cas" || op.verb == "delete-cas") {
    uint64_t current = before ? before->stamps.modify_index : 0;
    if (current != index)
      return failed("failed to " + std::string(op.verb == "cas" ? "set " : "delete ") + what + ", index is stale");
  }
  if (op.verb == "set" || op.verb == "cas") return put();
  if (op.verb == "delete" || op.verb == "delete-cas") {
    remove();
    return {};
  }
  return failed("unknown " + what.substr(0, what.find(' ')) + " verb \"" + op.verb + "\"");
}

/// Whether it would change one of the server's own records, which stay as they are.
bool writes_own(const Identity& self, const Operation& op) {
  if (!writes(op)) return false;
  switch (op.kind) {
    case Operation::Kind::kv: return false;
    case Operation::Kind::node: return is_own_node(self, op.node.name);
    case Operation::Kind::service:
      return is_own_service(self, op.service_node, op.service.id.empty() ? op.service.name : op.service.id);
    case Operation::Kind::check:
      return is_own_check(self, op.check.node, op.check.id.empty() ? op.check.name : op.check.id);
  }
  return false;
}

Status run_one(Transaction& tx, CatalogStore& store, const Operation& op, Outcome& out) {
  const Tables& tables = tx.tables();
  switch (op.kind) {
    case Operation::Kind::kv: return run_kv(tx, store, op, out);
    case Operation::Kind::node: {
      Status done = run_catalog(
          op, "node \"" + op.node.name + "\"", tables.node(op.node.name), op.node.stamps.modify_index,
          [&]() -> Status {
            put_node(tx, op.node);
            return {};
          },
          [&] { remove_node(tx, op.node.name); });
      out.node = tables.node(op.node.name);
      return done;
    }
    case Operation::Kind::service: {
      Service service = op.service;
      service.node = op.service_node;
      if (service.id.empty()) service.id = service.name;
      Status done = run_catalog(
          op, "service \"" + service.id + "\" on node \"" + service.node + "\"",
          tables.service(service.node, service.id), service.stamps.modify_index,
          [&] { return put_service(tx, service); }, [&] { remove_service(tx, service.node, service.id); });
      out.service = tables.service(service.node, service.id);
      return done;
    }
    case Operation::Kind::check: {
      Check check = op.check;
      if (check.id.empty()) check.id = check.name;
      if (check.status.empty()) check.status = kCritical;
      Status done = run_catalog(
          op, "check \"" + check.id + "\" on node \"" + check.node + "\"", tables.check(check.node, check.id),
          check.stamps.modify_index, [&] { return put_check(tx, check); },
          [&] { remove_check(tx, check.node, check.id); });
      out.check = tables.check(check.node, check.id);
      return done;
    }
  }
  return {};
}

void write_outcome(JsonWriter& json, const Outcome& outcome, const std::string& datacenter) {
  for (const Ref<KvEntry>& entry : outcome.entries) {
    json.begin_object().key("KV");
    outcome.with_value ? write_kv(json, *entry) : write_kv_without_value(json, *entry);
    json.end_object();
  }
  if (outcome.node) {
    json.begin_object().key("Node");
    write_node(json, *outcome.node, datacenter);
    json.end_object();
  }
  if (outcome.service) {
    json.begin_object().key("Service");
    write_service(json, *outcome.service);
    json.end_object();
  }
  if (outcome.check) {
    json.begin_object().key("Check");
    write_check(json, *outcome.check);
    json.end_object();
  }
}

/// How a run ended: results, or the operations that failed.
struct Run {
  struct Failure {
    size_t at;
    std::string what;
  };
  std::vector<Outcome> outcomes;
  std::vector<Failure> failures;
};

/// What is wrong with operations whatever the store holds: all of them are told, and none is run.
std::vector<Run::Failure> faults_of(const std::vector<Operation>& operations) {
  std::vector<Run::Failure> faults;
  for (size_t i = 0; i < operations.size(); ++i) {
    const Operation& op = operations[i];
    bool keyless = op.kind == Operation::Kind::kv && op.write.key.empty() && op.verb != "delete-tree";
    if (keyless) faults.push_back({i, "Must provide key"});
  }
  return faults;
}

Reply answer(const Run& run, bool read_only, const std::string& datacenter, bool pretty) {
  JsonWriter json(pretty);
  json.begin_object().key("Results");
  if (!run.failures.empty()) {
    json.null().key("Errors").begin_array();
    for (const Run::Failure& one : run.failures) {
      json.begin_object().member("OpIndex", one.at).member("What", one.what).end_object();
    }
    json.end_array();
  } else {
    json.begin_array();
    for (const Outcome& outcome : run.outcomes) write_outcome(json, outcome, datacenter);
    json.end_array().key("Errors").null();
  }
  if (read_only) {
    json.member("Index", 0).member("LastContact", 0).member("KnownLeader", true).member("ConsistencyLevel", "");
  }
  Reply reply = Reply::json(json.end_object().take(), run.failures.empty() ? 200 : 409);
  if (read_only) reply.headers = {{"X-Consul-Knownleader", "true"}, {"X-Consul-Lastcontact", "0"}};
  return reply;
}

}  // namespace

void txn(Api& api, Call call) {
  if (std::optional<Reply> refusal = refuse_body_size(call, "txn_max_req_len")) {
    return Api::reply(call, std::move(*refusal));
  }
  Result<JsonValue> body = parse_body(call);
  Result<std::vector<Operation>> operations = body ? decode_operations(*body) : fail(body.error());
  if (!operations) return Api::reply(call, Reply::text(400, "Failed to parse body: " + operations.error().message));
  if (operations->size() > kOperationsMax) {
    std::string count = std::to_string(operations->size());
    return Api::reply(call, Reply::text(413, "Transaction contains too many operations (" + count + " > 128)"));
  }
  bool read_only = std::ranges::none_of(*operations, writes);
  auto run = std::make_shared<Run>();
  run->failures = faults_of(*operations);
  if (!run->failures.empty()) {
    return Api::reply(call, answer(*run, read_only, api.self().datacenter, call.pretty));
  }
  auto change = [&api, run, operations = std::move(*operations)](Transaction& tx) -> Status {
    for (size_t i = 0; i < operations.size(); ++i) {
      if (writes_own(api.self(), operations[i])) continue;
      Status done = run_one(tx, api.store(), operations[i], run->outcomes.emplace_back());
      if (done) continue;
      run->failures.push_back({i, done.error().message});
      return done;
    }
    return {};
  };
  auto shared_call = std::make_shared<Call>(std::move(call));
  api.store().write(change, [&api, run, shared_call, read_only](const Status& status) {
    if (!status && run->failures.empty()) return Api::reply(*shared_call, Reply::text(500, status.error().message));
    if (!status && status.error().code == ErrorCode::io) {
      return Api::reply(*shared_call, Reply::text(500, status.error().message));
    }
    Api::reply(*shared_call, answer(*run, read_only, api.self().datacenter, shared_call->pretty));
  });
}

}  // namespace weir::registry::endpoints
