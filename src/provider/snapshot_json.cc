#include "provider/snapshot_json.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "weir/base/text.h"

namespace weir::provider {
namespace {

using catalog::CatalogSnapshot;
using catalog::Health;
using catalog::Instance;
using catalog::Service;
using nlohmann::json;

constexpr std::string_view kMagic = "weir-catalog";

std::string sum_text(std::string_view body) {
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(fnv1a(body)));
  return out;
}

json encode_instance(const Instance& one) {
  json states = json::array();
  for (Health state : one.check_states) states.push_back(catalog::to_string(state));
  json out{{"id", one.id},
           {"node", one.node},
           {"node_id", one.node_id},
           {"datacenter", one.datacenter},
           {"address", one.address},
           {"port", one.port},
           {"tags", one.tags},
           {"meta", one.meta},
           {"health", catalog::to_string(one.health)},
           {"has_checks", one.has_checks},
           {"check_states", std::move(states)},
           {"weight_passing", one.weight_passing},
           {"weight_warning", one.weight_warning},
           {"modify_index", one.modify_index}};
  if (one.node_lost) out["node_lost"] = true;
  if (one.mesh) out["mesh"] = true;
  return out;
}

/// Reads the members of one JSON object. The first fault is kept, and later reads do nothing: one check at the end.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {
    if (!object.is_object()) fault_ = "expected an object";
  }

  void text(const char* key, std::string& out) {
    const json* value = find(key, json::value_t::string);
    if (value != nullptr) out = value->get<std::string>();
  }
  /// One that is left out where it is false.
  void flag(const char* key, bool& out) {
    if (object_.contains(key)) boolean(key, out);
  }
  void boolean(const char* key, bool& out) {
    const json* value = find(key, json::value_t::boolean);
    if (value != nullptr) out = value->get<bool>();
  }
  template <typename T>
  void number(const char* key, T& out) {
    const json* value = find(key, json::value_t::number_unsigned);
    if (value == nullptr) return;
    const auto wide = value->get<uint64_t>();
    out = static_cast<T>(wide);
    if (static_cast<uint64_t>(out) != wide) fault_ = std::string(key) + " is too large";
  }
  void health(const char* key, Health& out) {
    const json* value = find(key, json::value_t::string);
    if (value != nullptr) take_health(*value, key, out);
  }
  void texts(const char* key, std::vector<std::string>& out) {
    each(key, json::value_t::array, [&](const std::string&, const json& item) {
      if (item.is_string()) {
        out.push_back(item.get<std::string>());
      } else {
        fault_ = std::string(key) + " holds something else than text";
      }
    });
  }
  void pairs(const char* key, std::map<std::string, std::string>& out) {
    each(key, json::value_t::object, [&](const std::string& name, const json& item) {
      if (item.is_string()) {
        out.emplace(name, item.get<std::string>());
      } else {
        fault_ = std::string(key) + " holds something else than text";
      }
    });
  }
  void healths(const char* key, std::vector<Health>& out) {
    each(key, json::value_t::array, [&](const std::string&, const json& item) {
      out.push_back(Health::critical);
      take_health(item, key, out.back());
    });
  }
  template <typename F>
  void each(const char* key, json::value_t type, F&& call) {
    const json* value = find(key, type);
    if (value == nullptr) return;
    for (const auto& [name, item] : value->items()) call(name, item);
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  const json* find(const char* key, json::value_t type) {
    if (!fault_.empty()) return nullptr;
    auto found = object_.find(key);
    if (found != object_.end() && found->type() == type) return &*found;
    fault_ = std::string(key) + " is missing or of another type";
    return nullptr;
  }
  void take_health(const json& value, const char* key, Health& out) {
    auto parsed = catalog::parse_health(value.is_string() ? value.get_ref<const std::string&>() : "");
    if (parsed) {
      out = *parsed;
    } else {
      fault_ = std::string(key) + " is no health";
    }
  }

  const json& object_;
  std::string fault_;
};

Result<Instance> decode_instance(const json& item) {
  Instance out;
  Reader reader(item);
  reader.text("id", out.id);
  reader.text("node", out.node);
  reader.text("node_id", out.node_id);
  reader.text("datacenter", out.datacenter);
  reader.text("address", out.address);
  reader.number("port", out.port);
  reader.texts("tags", out.tags);
  reader.pairs("meta", out.meta);
  reader.health("health", out.health);
  reader.boolean("has_checks", out.has_checks);
  reader.healths("check_states", out.check_states);
  reader.number("weight_passing", out.weight_passing);
  reader.number("weight_warning", out.weight_warning);
  reader.flag("node_lost", out.node_lost);
  reader.flag("mesh", out.mesh);
  reader.number("modify_index", out.modify_index);
  if (!reader.fault().empty()) return fail(ErrorCode::invalid, reader.fault());
  return out;
}

Result<std::shared_ptr<const Service>> decode_service(const std::string& name, const json& item) {
  auto out = std::make_shared<Service>();
  out->name = name;
  if (!item.is_array()) return fail(ErrorCode::invalid, "service " + name + " is no array");
  for (const json& one : item) {
    auto instance = decode_instance(one);
    if (!instance) return fail(ErrorCode::invalid, "service " + name + ": " + instance.error().message);
    out->instances.push_back(std::move(*instance));
  }
  auto before = [](const Instance& a, const Instance& b) { return std::tie(a.node, a.id) < std::tie(b.node, b.id); };
  if (!std::is_sorted(out->instances.begin(), out->instances.end(), before)) {
    return fail(ErrorCode::invalid, "service " + name + ": instances out of order");
  }
  return out;
}

Result<SavedSnapshot> decode_body(std::string_view body) {
  const json root = json::parse(body, nullptr, false);
  if (root.is_discarded()) return fail(ErrorCode::invalid, "not JSON");
  auto snapshot = std::make_shared<CatalogSnapshot>();
  SavedSnapshot out;
  std::string fault;
  Reader reader(root);
  reader.text("provider", snapshot->provider);
  reader.number("index", snapshot->index);
  reader.number("saved_wall_ns", out.saved_wall_ns);
  reader.each("services", json::value_t::object, [&](const std::string& name, const json& item) {
    auto service = decode_service(name, item);
    if (service) {
      snapshot->services.put(std::move(*service));
    } else if (fault.empty()) {
      fault = service.error().message;
    }
  });
  if (fault.empty()) fault = reader.fault();
  if (!fault.empty()) return fail(ErrorCode::invalid, std::move(fault));
  out.snapshot = std::move(snapshot);
  return out;
}

}  // namespace

std::string encode_snapshot(const CatalogSnapshot& snapshot, int64_t saved_wall_ns) {
  json services = json::object();
  for (const auto& [name, service] : snapshot.services) {
    json& instances = services[name] = json::array();
    for (const Instance& one : service->instances) instances.push_back(encode_instance(one));
  }
  const json root = {{"provider", snapshot.provider},
                     {"index", snapshot.index},
                     {"saved_wall_ns", static_cast<uint64_t>(std::max<int64_t>(saved_wall_ns, 0))},
                     {"services", std::move(services)}};
  const std::string body = root.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  return std::string(kMagic) + " " + std::to_string(kSnapshotVersion) + " " + sum_text(body) + "\n" + body;
}

Result<SavedSnapshot> decode_snapshot(std::string_view text) {
  const size_t line_end = text.find('\n');
  const auto words = split(text.substr(0, line_end), ' ');
  if (line_end == std::string_view::npos || words.size() != 3 || words[0] != kMagic) {
    return fail(ErrorCode::invalid, "not a saved catalog");
  }
  if (words[1] != std::to_string(kSnapshotVersion)) {
    return fail(ErrorCode::invalid,
                "version " + std::string(words[1]) + " of the format, expected " + std::to_string(kSnapshotVersion));
  }
  const std::string_view body = text.substr(line_end + 1);
  if (words[2] != sum_text(body)) return fail(ErrorCode::invalid, "wrong checksum: the file is damaged or cut off");
  return decode_body(body);
}

}  // namespace weir::provider
