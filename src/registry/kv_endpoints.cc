// /v1/kv/*

#include <algorithm>

#include "registry/endpoints.h"
#include "registry/kv_writes.h"
#include "registry/queries.h"
#include "registry/record_json.h"

namespace weir::registry::endpoints {
namespace {

Reply json_bool(bool flag, bool pretty) {
  JsonWriter json(pretty);
  return Reply::json(json.value(flag).take());
}

Reply bad_number(const std::string& text) {
  return Reply::text(500, "strconv.ParseUint: parsing \"" + text + "\": invalid syntax");
}

/// The parameters that exclude each other, as Go prints a query: sorted, escaped.
std::optional<Reply> refuse_conflict(const Call& call, std::vector<const char*> names) {
  std::vector<std::string> present;
  for (const char* name : names) {
    if (call.has(name)) present.push_back(std::string(name) + "=" + percent_encode(call.parameter(name)));
  }
  if (present.size() < 2) return std::nullopt;
  std::ranges::sort(present);
  return Reply::text(400, "Conflicting flags: " + join(present, "&"));
}

Reply found_raw(const KvEntry& entry) {
  Reply reply{200, entry.value, "text/plain"};
  reply.headers = {{"X-Content-Type-Options", "nosniff"}, {"Content-Security-Policy", "sandbox"}};
  return reply;
}

void get_one(Api& api, Call call) {
  std::string key = call.argument;
  if (key.empty()) return Api::reply(call, Reply::text(400, "Missing key name"));
  Read read;
  read.index = [&api, key] { return kv_index(api.store(), key); };
  read.resources = [key] { return std::vector<Resource>{{Resource::Kind::kv_key, key}}; };
  read.found = [&api, key] { return api.tables().kv_entry(key) != nullptr; };
  read.answer = [&api, key, raw = call.has("raw"), pretty = call.pretty] {
    Ref<KvEntry> entry = api.tables().kv_entry(key);
    if (!entry) return Reply::text(404, "");
    if (raw) return found_raw(*entry);
    JsonWriter json(pretty);
    json.begin_array();
    write_kv(json, *entry);
    return Reply::json(json.end_array().take());
  };
  api.read(std::move(call), std::move(read));
}

Read prefix_read(Api& api, const std::string& prefix) {
  Read read;
  read.index = [&api, prefix] { return kv_prefix_index(api.store(), prefix); };
  read.resources = [prefix] { return std::vector<Resource>{{Resource::Kind::kv_prefix, prefix}}; };
  return read;
}

void get_below(Api& api, Call call) {
  std::string prefix = call.argument;
  Read read = prefix_read(api, prefix);
  read.answer = [&api, prefix, pretty = call.pretty] {
    std::vector<Ref<KvEntry>> entries = api.tables().kv_below(prefix);
    if (entries.empty()) return Reply::text(404, "");
    JsonWriter json(pretty);
    json.begin_array();
    for (const Ref<KvEntry>& entry : entries) write_kv(json, *entry);
    return Reply::json(json.end_array().take());
  };
  api.read(std::move(call), std::move(read));
}

/// Keys below a prefix, each cut after the first separator behind it.
std::vector<std::string> list_keys(const Tables& tables, const std::string& prefix, const std::string& separator) {
  std::vector<std::string> keys;
  for (const Ref<KvEntry>& entry : tables.kv_below(prefix)) {
    std::string key = entry->key;
    size_t at = separator.empty() ? std::string::npos : key.find(separator, prefix.size());
    if (at != std::string::npos) key.resize(at + separator.size());
    // The entries are sorted, so equal pieces stand together.
    if (keys.empty() || keys.back() != key) keys.push_back(std::move(key));
  }
  return keys;
}

void get_keys(Api& api, Call call) {
  std::string prefix = call.argument;
  std::string separator = call.has("separator") ? call.parameter("separator") : call.parameter("seperator");
  Read read = prefix_read(api, prefix);
  read.answer = [&api, prefix, separator, pretty = call.pretty] {
    std::vector<std::string> keys = list_keys(api.tables(), prefix, separator);
    if (keys.empty() && !prefix.empty()) return Reply::text(404, "");
    JsonWriter json(pretty);
    return Reply::json(json.value(keys).take());
  };
  api.read(std::move(call), std::move(read));
}

void put(Api& api, Call call) {
  std::string key = call.argument;
  if (key.empty()) return Api::reply(call, Reply::text(400, "Missing key name"));
  if (std::optional<Reply> refusal = refuse_conflict(call, {"cas", "acquire", "release"})) {
    return Api::reply(call, std::move(*refusal));
  }
  if (std::optional<Reply> refusal = refuse_body_size(call, "kv_max_value_size")) {
    return Api::reply(call, std::move(*refusal));
  }
  KvWrite write{key, std::move(call.request.body), 0};
  std::optional<uint64_t> cas;
  if (call.has("flags")) {
    std::optional<uint64_t> flags = parse_u64(call.parameter("flags"));
    if (!flags) return Api::reply(call, bad_number(call.parameter("flags")));
    write.flags = *flags;
  }
  if (call.has("cas")) {
    cas = parse_u64(call.parameter("cas"));
    if (!cas) return Api::reply(call, bad_number(call.parameter("cas")));
  }
  std::string acquire = call.parameter("acquire");
  std::string release = call.parameter("release");
  bool acquires = call.has("acquire");
  bool releases = call.has("release");
  auto answer = std::make_shared<bool>(true);
  auto change = [&api, write, cas, acquire, release, acquires, releases, answer](Transaction& tx) -> Status {
    if (cas) {
      *answer = kv_set_if(tx, write, *cas);
    } else if (releases) {
      *answer = kv_unlock(tx, write, release);
    } else if (acquires) {
      Result<bool> locked = api.store().lock_delayed(write.key) ? false : kv_lock(tx, write, acquire);
      if (!locked) return fail(locked.error());
      *answer = *locked;
    } else {
      kv_set(tx, write);
    }
    return {};
  };
  bool pretty = call.pretty;
  api.write(std::move(call), change, [answer, pretty] { return json_bool(*answer, pretty); });
}

void remove(Api& api, Call call) {
  std::string key = call.argument;
  bool recurse = call.has("recurse");
  if (key.empty() && !recurse) return Api::reply(call, Reply::text(400, "Missing key name"));
  if (std::optional<Reply> refusal = refuse_conflict(call, {"recurse", "cas"})) {
    return Api::reply(call, std::move(*refusal));
  }
  std::optional<uint64_t> cas;
  if (call.has("cas")) {
    cas = parse_u64(call.parameter("cas"));
    if (!cas) return Api::reply(call, bad_number(call.parameter("cas")));
  }
  auto answer = std::make_shared<bool>(true);
  auto change = [key, recurse, cas, answer](Transaction& tx) -> Status {
    if (recurse) {
      kv_remove_below(tx, key);
    } else if (cas) {
      *answer = kv_remove_if(tx, key, *cas);
    } else {
      kv_remove(tx, key);
    }
    return {};
  };
  bool pretty = call.pretty;
  api.write(std::move(call), change, [answer, pretty] { return json_bool(*answer, pretty); });
}

}  // namespace

void kv(Api& api, Call call) {
  if (call.request.method == "PUT") return put(api, std::move(call));
  if (call.request.method == "DELETE") return remove(api, std::move(call));
  if (call.has("keys")) return get_keys(api, std::move(call));
  if (call.has("recurse")) return get_below(api, std::move(call));
  get_one(api, std::move(call));
}

}  // namespace weir::registry::endpoints
