#include "registry/rows.h"

#include "registry/json_decode.h"
#include "registry/json_writer.h"

namespace weir::registry {
namespace {

// Stored in files: never renumber. The order is Record's.
enum class RowKind : uint8_t { node = 0, service = 1, check = 2, kv = 3, session = 4 };

// Keys of two parts are joined by a byte that no name can hold.
std::string joined(const std::string& a, const std::string& b) { return a + '\x1f' + b; }

std::string row_key(const Node& node) { return fold_name(node.name); }
std::string row_key(const Service& service) { return joined(fold_name(service.node), service.id); }
std::string row_key(const Check& check) { return joined(fold_name(check.node), check.id); }
std::string row_key(const KvEntry& entry) { return entry.key; }
std::string row_key(const Session& session) { return session.id; }
std::string row_key(const Tombstone& tombstone) { return tombstone.key; }

void write_stamps(JsonWriter& json, const Stamps& stamps) {
  json.member("create", stamps.create_index).member("modify", stamps.modify_index);
}

bool read_stamps(const Member& m, Stamps& out, Status& done) {
  if (m.is("create")) {
    done = m.read(out.create_index);
  } else if (m.is("modify")) {
    done = m.read(out.modify_index);
  } else {
    return false;
  }
  return true;
}

void write_row(JsonWriter& json, const Node& node) {
  json.member("id", node.id).member("name", node.name).member("address", node.address);
  json.member("tagged_addresses", node.tagged_addresses).member("meta", node.meta);
  write_stamps(json, node.stamps);
}

Status read_member(const Member& m, Node& out) {
  Status done;
  if (read_stamps(m, out.stamps, done)) return done;
  if (m.is("id")) return m.read(out.id);
  if (m.is("name")) return m.read(out.name);
  if (m.is("address")) return m.read(out.address);
  if (m.is("tagged_addresses")) return m.read(out.tagged_addresses);
  if (m.is("meta")) return m.read(out.meta);
  return m.unknown();
}

void write_row(JsonWriter& json, const Service& service) {
  json.member("node", service.node).member("id", service.id).member("name", service.name);
  json.member("kind", service.kind).member("tags", service.tags).member("address", service.address);
  json.key("tagged_addresses").begin_object();
  for (const auto& [name, address] : service.tagged_addresses) {
    json.key(name).begin_object().member("address", address.address).member("port", address.port).end_object();
  }
  json.end_object().member("meta", service.meta).member("port", service.port);
  json.member("socket_path", service.socket_path).member("weight_passing", service.weights.passing);
  json.member("weight_warning", service.weights.warning);
  json.member("enable_tag_override", service.enable_tag_override);
  write_stamps(json, service.stamps);
}

Status read_tagged_addresses(const Member& m, std::map<std::string, ServiceAddress>& out) {
  return decode_members(m.value(), "", [&](const Member& entry) {
    std::string name(entry.name());
    return decode_members(entry.value(), "", [&](const Member& part) {
      if (part.is("address")) return part.read(out[name].address);
      if (part.is("port")) return part.read(out[name].port);
      return part.unknown();
    });
  });
}

Status read_member(const Member& m, Service& out) {
  Status done;
  if (read_stamps(m, out.stamps, done)) return done;
  if (m.is("node")) return m.read(out.node);
  if (m.is("id")) return m.read(out.id);
  if (m.is("name")) return m.read(out.name);
  if (m.is("kind")) return m.read(out.kind);
  if (m.is("tags")) return m.read(out.tags);
  if (m.is("address")) return m.read(out.address);
  if (m.is("tagged_addresses")) return read_tagged_addresses(m, out.tagged_addresses);
  if (m.is("meta")) return m.read(out.meta);
  if (m.is("port")) return m.read(out.port);
  if (m.is("socket_path")) return m.read(out.socket_path);
  if (m.is("weight_passing")) return m.read(out.weights.passing);
  if (m.is("weight_warning")) return m.read(out.weights.warning);
  if (m.is("enable_tag_override")) return m.read(out.enable_tag_override);
  return m.unknown();
}

void write_definition(JsonWriter& json, const CheckDefinition& definition) {
  json.begin_object().member("kind", static_cast<int>(definition.kind)).member("ttl_ns", definition.ttl_ns);
  json.member("interval_ns", definition.interval_ns).member("timeout_ns", definition.timeout_ns);
  json.member("http", definition.http).member("method", definition.method).key("header").begin_object();
  for (const auto& [name, values] : definition.header) json.member(name, values);
  json.end_object().member("body", definition.body).member("disable_redirects", definition.disable_redirects);
  json.member("tcp", definition.tcp).member("grpc", definition.grpc).member("grpc_use_tls", definition.grpc_use_tls);
  json.member("tls_server_name", definition.tls_server_name).member("tls_skip_verify", definition.tls_skip_verify);
  json.member("success_before_passing", definition.success_before_passing);
  json.member("failures_before_warning", definition.failures_before_warning);
  json.member("failures_before_critical", definition.failures_before_critical);
  json.member("deregister_after_ns", definition.deregister_after_ns);
  json.member("output_bytes_max", definition.output_bytes_max).end_object();
}

Status read_definition(const Member& m, CheckDefinition& out) {
  if (m.is("kind")) {
    int64_t kind = 0;
    if (Status done = m.read(kind); !done) return done;
    if (kind < 0 || kind > static_cast<int64_t>(CheckDefinition::Kind::grpc)) {
      return fail(ErrorCode::invalid, "unknown kind of check " + std::to_string(kind));
    }
    out.kind = static_cast<CheckDefinition::Kind>(kind);
    return {};
  }
  if (m.is("ttl_ns")) return m.read(out.ttl_ns);
  if (m.is("interval_ns")) return m.read(out.interval_ns);
  if (m.is("timeout_ns")) return m.read(out.timeout_ns);
  if (m.is("http")) return m.read(out.http);
  if (m.is("method")) return m.read(out.method);
  if (m.is("header")) return m.read(out.header);
  if (m.is("body")) return m.read(out.body);
  if (m.is("disable_redirects")) return m.read(out.disable_redirects);
  if (m.is("tcp")) return m.read(out.tcp);
  if (m.is("grpc")) return m.read(out.grpc);
  if (m.is("grpc_use_tls")) return m.read(out.grpc_use_tls);
  if (m.is("tls_server_name")) return m.read(out.tls_server_name);
  if (m.is("tls_skip_verify")) return m.read(out.tls_skip_verify);
  if (m.is("success_before_passing")) return m.read(out.success_before_passing);
  if (m.is("failures_before_warning")) return m.read(out.failures_before_warning);
  if (m.is("failures_before_critical")) return m.read(out.failures_before_critical);
  if (m.is("deregister_after_ns")) return m.read(out.deregister_after_ns);
  if (m.is("output_bytes_max")) return m.read(out.output_bytes_max);
  return m.unknown();
}

void write_row(JsonWriter& json, const Check& check) {
  json.member("node", check.node).member("id", check.id).member("name", check.name).member("status", check.status);
  json.member("notes", check.notes).member("output", check.output).member("service_id", check.service_id);
  json.member("service_name", check.service_name).member("service_tags", check.service_tags);
  json.member("type", check.type).key("definition");
  write_definition(json, check.definition);
  write_stamps(json, check.stamps);
}

Status read_member(const Member& m, Check& out) {
  Status done;
  if (read_stamps(m, out.stamps, done)) return done;
  if (m.is("node")) return m.read(out.node);
  if (m.is("id")) return m.read(out.id);
  if (m.is("name")) return m.read(out.name);
  if (m.is("status")) return m.read(out.status);
  if (m.is("notes")) return m.read(out.notes);
  if (m.is("output")) return m.read(out.output);
  if (m.is("service_id")) return m.read(out.service_id);
  if (m.is("service_name")) return m.read(out.service_name);
  if (m.is("service_tags")) return m.read(out.service_tags);
  if (m.is("type")) return m.read(out.type);
  if (m.is("definition")) {
    return decode_members(m.value(), "", [&](const Member& part) { return read_definition(part, out.definition); });
  }
  return m.unknown();
}

// Keys and values are any bytes, which JSON texts are not.
void write_row(JsonWriter& json, const KvEntry& entry) {
  json.member("key_base64", base64_encode(entry.key)).member("value_base64", base64_encode(entry.value));
  json.member("flags", entry.flags).member("session", entry.session).member("lock_index", entry.lock_index);
  write_stamps(json, entry.stamps);
}

Status read_base64(const Member& m, std::string& out) {
  std::string text;
  if (Status done = m.read(text); !done) return done;
  std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) return fail(ErrorCode::invalid, "malformed base64");
  out = std::move(*bytes);
  return {};
}

Status read_member(const Member& m, KvEntry& out) {
  Status done;
  if (read_stamps(m, out.stamps, done)) return done;
  if (m.is("key_base64")) return read_base64(m, out.key);
  if (m.is("value_base64")) return read_base64(m, out.value);
  if (m.is("flags")) return m.read(out.flags);
  if (m.is("session")) return m.read(out.session);
  if (m.is("lock_index")) return m.read(out.lock_index);
  return m.unknown();
}

void write_row(JsonWriter& json, const Session& session) {
  json.member("id", session.id).member("name", session.name).member("node", session.node);
  json.member("lock_delay_ns", session.lock_delay_ns);
  json.member("remove_keys", session.behavior == Session::Behavior::remove);
  json.member("ttl", session.ttl).member("ttl_ns", session.ttl_ns).member("node_checks", session.node_checks);
  json.member("service_checks", session.service_checks).member("service_checks_given", session.service_checks_given);
  write_stamps(json, session.stamps);
}

Status read_member(const Member& m, Session& out) {
  Status done;
  if (read_stamps(m, out.stamps, done)) return done;
  if (m.is("id")) return m.read(out.id);
  if (m.is("name")) return m.read(out.name);
  if (m.is("node")) return m.read(out.node);
  if (m.is("lock_delay_ns")) return m.read(out.lock_delay_ns);
  if (m.is("remove_keys")) {
    bool remove = false;
    done = m.read(remove);
    out.behavior = remove ? Session::Behavior::remove : Session::Behavior::release;
    return done;
  }
  if (m.is("ttl")) return m.read(out.ttl);
  if (m.is("ttl_ns")) return m.read(out.ttl_ns);
  if (m.is("node_checks")) return m.read(out.node_checks);
  if (m.is("service_checks")) return m.read(out.service_checks);
  if (m.is("service_checks_given")) return m.read(out.service_checks_given);
  return m.unknown();
}

void write_row(JsonWriter&, const Tombstone&) {}

template <typename T>
Result<Record> decode_as(const JsonValue& json) {
  T record;
  if (Status done = decode_members(json, "", [&](const Member& m) { return read_member(m, record); }); !done) {
    return fail(done.error());
  }
  return Record{std::make_shared<const T>(std::move(record))};
}

Result<Record> decode_json(RowKind kind, const JsonValue& json) {
  switch (kind) {
    case RowKind::node: return decode_as<Node>(json);
    case RowKind::service: return decode_as<Service>(json);
    case RowKind::check: return decode_as<Check>(json);
    case RowKind::kv: return decode_as<KvEntry>(json);
    case RowKind::session: return decode_as<Session>(json);
  }
  return fail(ErrorCode::invalid, "unknown kind of row");
}

}  // namespace

std::optional<JournalRow> encode_row(const Change& change) {
  if (std::holds_alternative<Ref<Tombstone>>(change.after)) return std::nullopt;
  JournalRow row;
  row.kind = static_cast<uint8_t>(change.after.index());
  std::visit(
      [&](const auto& before) {
        if (before) row.key = row_key(*before);
      },
      change.before);
  std::visit(
      [&](const auto& after) {
        if (!after) return;
        row.key = row_key(*after);
        JsonWriter json;
        json.begin_object();
        write_row(json, *after);
        json.end_object();
        row.row = json.take();
      },
      change.after);
  return row;
}

Result<Record> decode_row(const JournalRow& row) {
  Result<JsonValue> json = JsonValue::parse(row.row.value_or(""));
  Result<Record> record =
      json ? decode_json(static_cast<RowKind>(row.kind), *json) : Result<Record>(fail(json.error()));
  if (record) return record;
  return fail(ErrorCode::invalid,
              "row \"" + row.key + "\" of kind " + std::to_string(row.kind) + ": " + record.error().message);
}

Record empty_like(const Record& record) {
  return std::visit([](const auto& ref) { return Record{std::decay_t<decltype(ref)>{}}; }, record);
}

}  // namespace weir::registry
