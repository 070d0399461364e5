#include "provider/consul_json.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "provider/json_answer.h"
#include "provider/json_scan.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

using catalog::Health;
using catalog::Instance;
using nlohmann::json;
using Limits = ConsulJsonLimits;

Status read_meta(const json& object, std::map<std::string, std::string>& out) {
  const json* meta = member(object, "Meta");
  if (meta == nullptr) return {};
  if (!meta->is_object()) return malformed("Meta is no object");
  if (meta->size() > Limits::kMetaMax) return too_many("Meta pairs", Limits::kMetaMax);
  for (const auto& [key, value] : meta->items()) {
    auto text = text_of(value, "Meta value");
    if (!text) return fail(text.error());
    if (key.size() > Limits::kTextBytesMax) return too_many("bytes in a Meta key", Limits::kTextBytesMax);
    out.emplace(key, std::move(*text));
  }
  return {};
}

bool is_maintenance(std::string_view check_id) {
  return check_id == "_node_maintenance" || check_id.starts_with("_service_maintenance:");
}

/// A word that is none of Consul's is taken for the worst: nothing good is known about that instance.
Health health_of(std::string_view status) {
  auto parsed = catalog::parse_health(status);
  return parsed ? *parsed : Health::critical;
}

Status read_checks(const json& row, Instance& out) {
  const json* checks = member(row, "Checks");
  if (checks == nullptr) return {};
  if (!checks->is_array()) return malformed("Checks is no array");
  if (checks->size() > Limits::kChecksPerInstanceMax) {
    return too_many("checks of one instance", Limits::kChecksPerInstanceMax);
  }
  for (const json& check : *checks) {
    if (!check.is_object()) return malformed("a check is no object");
    std::string id;
    std::string status;
    std::string service_id;
    for (auto&& read : {read_text(check, "CheckID", id), read_text(check, "Status", status, true),
                        read_text(check, "ServiceID", service_id)}) {
      if (!read) return read;
    }
    const bool maintenance = is_maintenance(id);
    const Health health = maintenance ? Health::maintenance : health_of(status);
    out.health = std::max(out.health, health);
    if (id == "serfHealth" && health == Health::critical) out.node_lost = true;
    if (service_id.empty() || maintenance) continue;
    out.has_checks = true;
    out.check_states.push_back(health);
  }
  return {};
}

struct Row {
  Instance instance;
  std::string service_name;
  std::string kind;         // "" for an ordinary service
  std::string destination;  // of a proxy: the service it stands before
  bool native = false;      // it speaks Connect itself
  int64_t port = 0;
  std::string skip;  // why it cannot be used; "" when it can
};

}  // namespace

struct InstanceRows {
  std::map<uint64_t, std::shared_ptr<const Row>> by_hash;  // content_hash of their text
};

namespace {

Status read_node(const json& row, Instance& out) {
  const json* node = member(row, "Node");
  if (node == nullptr || !node->is_object()) return malformed("Node is missing");
  for (auto&& read : {read_text(*node, "Node", out.node, true), read_text(*node, "ID", out.node_id),
                      read_text(*node, "Datacenter", out.datacenter), read_text(*node, "Address", out.address)}) {
    if (!read) return read;
  }
  return {};
}

/// What older Consuls and services without a proxy leave out, or have as null.
Status read_connect(const json& service, Row& out) {
  if (const json* proxy = member(service, "Proxy"); proxy != nullptr && proxy->is_object()) {
    if (Status read = read_text(*proxy, "DestinationServiceName", out.destination); !read) return read;
  }
  const json* connect = member(service, "Connect");
  const json* native = connect != nullptr && connect->is_object() ? member(*connect, "Native") : nullptr;
  out.native = native != nullptr && native->is_boolean() && native->get<bool>();
  return {};
}

Status read_service(const json& row, Row& out) {
  const json* service = member(row, "Service");
  if (service == nullptr || !service->is_object()) return malformed("Service is missing");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (Status read = read_connect(*service, out); !read) return read;
  std::string address;
  int64_t weight_passing = 1;
  int64_t weight_warning = 1;
  int64_t modified = 0;
  for (auto&& read :
       {read_text(*service, "ID", out.instance.id, true), read_text(*service, "Service", out.service_name, true),
        read_text(*service, "Address", address), read_text(*service, "Kind", out.kind),
        read_texts(member(*service, "Tags"), "Tags", out.instance.tags), read_meta(*service, out.instance.meta),
        read_number(*service, "Port", -1, most, out.port),
        read_number(*service, "ModifyIndex", 0, std::numeric_limits<int64_t>::max(), modified)}) {
    if (!read) return read;
  }
  if (const json* weights = member(*service, "Weights")) {
    if (!weights->is_object()) return malformed("Weights is no object");
    for (auto&& read : {read_number(*weights, "Passing", 0, 65'535, weight_passing),
                        read_number(*weights, "Warning", 0, 65'535, weight_warning)}) {
      if (!read) return read;
    }
  }
  if (!address.empty()) out.instance.address = std::move(address);
  out.instance.weight_passing = static_cast<uint32_t>(weight_passing);
  out.instance.weight_warning = static_cast<uint32_t>(weight_warning);
  out.instance.modify_index = static_cast<uint64_t>(modified);
  return {};
}

/// What the types allow but nobody can connect to costs this one instance, not the whole answer.
void judge(Row& row) {
  std::string& address = row.instance.address;
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (!row.kind.empty() && !row.instance.mesh) {
    row.skip = "it is a " + row.kind + ", which wants Connect";
  } else if (row.port < 0 || row.port > 65'535) {
    row.skip = "its port is not between 0 and 65535";
  } else {
    row.skip = address_fault(address);
    row.instance.port = static_cast<uint16_t>(row.port);
  }
}

Result<Row> read_row(const json& item) {
  if (!item.is_object()) return malformed("an instance is no object");
  Row out;
  if (Status read = read_node(item, out.instance); !read) return fail(read.error());
  if (Status read = read_service(item, out); !read) return fail(read.error());
  if (Status read = read_checks(item, out.instance); !read) return fail(read.error());
  return out;
}

/// To be left out, and called by what could be read of it.
Row oversized(const json& item, std::string_view name, const Error& reason) {
  Row out;
  static_cast<void>(read_node(item, out.instance));
  if (const json* service = member(item, "Service")) static_cast<void>(read_text(*service, "ID", out.instance.id));
  out.service_name = name;
  out.skip = reason.message;
  return out;
}

/// Whether the row is an instance of that service; for Connect, also its proxy.
bool speaks_for(const Row& row, std::string_view name, bool connect) {
  if (!connect) return row.service_name == name;
  return row.kind == "connect-proxy" ? row.destination == name : row.native && row.service_name == name;
}

Result<std::shared_ptr<const Row>> read_judged_row(const json& item, std::string_view name, bool connect) {
  auto row = read_row(item);
  if (!row) {
    // What is too large is that instance's own fault; what is malformed says that the answer is none.
    if (row.error().code != ErrorCode::too_large) return fail(row.error());
    return std::make_shared<const Row>(oversized(item, name, row.error()));
  }
  row->instance.mesh = connect;
  judge(*row);
  if (row->skip.empty() && !speaks_for(*row, name, connect)) row->skip = "it does not speak Connect";
  return std::make_shared<const Row>(std::move(*row));
}

Status take_row(const Row& row, std::string_view name, bool connect, ServiceAnswer& out) {
  const std::string& answered = connect && !row.destination.empty() ? row.destination : row.service_name;
  // Consul finds services without regard to case: "web" also answers what was registered as "Web".
  if (answered != name && equals_ignore_case(answered, name)) return {};
  if (answered != name) return malformed("an instance of another service, " + answered);
  if (row.skip.empty()) {
    out.service.instances.push_back(row.instance);
  } else {
    out.skipped.push_back("instance " + row.instance.id + " of " + std::string(name) + " on " + row.instance.node +
                          ": " + row.skip);
  }
  return {};
}

/// The objects of an array as they are written. False where it does not look like one; what stands in the objects is
/// not looked at.
bool split_rows(std::string_view body, std::vector<std::string_view>& out) {
  body = trim(body);
  if (body.size() < 2 || body.front() != '[' || body.back() != ']') return false;
  body = body.substr(1, body.size() - 2);
  size_t begin = 0;
  JsonScan scan;
  bool wanted = true;  // an object comes next, not a comma
  for (size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (scan.depth() == 0) {
      if (is_blank(c)) continue;
      if (c != (wanted ? '{' : ',')) return false;
      begin = i;
      wanted = !wanted;
    }
    scan.take(c);
    if (scan.depth() >= Limits::kDepthMax) return false;
    if (scan.depth() == 0 && c != ',') out.push_back(body.substr(begin, i + 1 - begin));
  }
  return scan.depth() == 0 && !wanted && out.size() <= Limits::kInstancesPerServiceMax;
}

Status take_whole(std::string_view body, std::string_view name, bool connect, ServiceAnswer& out) {
  auto parsed = parse_array(body, Limits::kInstancesPerServiceMax, "instances");
  if (!parsed) return fail(parsed.error());
  for (const json& item : *parsed) {
    auto row = read_judged_row(item, name, connect);
    if (!row) return fail(row.error());
    if (Status taken = take_row(**row, name, connect, out); !taken) return taken;
  }
  return {};
}

Status take_rows(const std::vector<std::string_view>& texts, std::string_view name, bool connect, KnownRows& known,
                 ServiceAnswer& out) {
  auto rows = std::make_shared<InstanceRows>();
  for (std::string_view text : texts) {
    const uint64_t hash = content_hash(text);
    std::shared_ptr<const Row> row;
    if (known != nullptr) {
      auto found = known->by_hash.find(hash);
      if (found != known->by_hash.end()) row = found->second;
    }
    if (row == nullptr) {
      auto parsed = parse_answer(text);
      if (!parsed) return fail(parsed.error());
      auto read = read_judged_row(*parsed, name, connect);
      if (!read) return fail(read.error());
      row = std::move(*read);
    }
    if (Status taken = take_row(*row, name, connect, out); !taken) return taken;
    rows->by_hash.emplace(hash, std::move(row));
  }
  known = std::move(rows);
  return {};
}

Result<ServiceAnswer> decode_instances(std::string_view name, std::string_view body, bool connect, KnownRows* known) {
  ServiceAnswer out;
  out.service.name = name;
  std::vector<std::string_view> texts;
  const bool by_rows = known != nullptr && split_rows(body, texts);
  Status taken = by_rows ? take_rows(texts, name, connect, *known, out) : take_whole(body, name, connect, out);
  if (!taken) return fail(taken.error());
  auto& all = out.service.instances;
  auto key = [](const Instance& one) { return std::tie(one.node, one.id); };
  std::stable_sort(all.begin(), all.end(), [&](const Instance& a, const Instance& b) { return key(a) < key(b); });
  auto same = [&](const Instance& a, const Instance& b) { return key(a) == key(b); };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return out;
}

}  // namespace

std::string_view address_fault(std::string_view address) {
  if (address.empty()) return "neither it nor its node has an address";
  if (address.size() > 255) return "its address is longer than 255 bytes";
  for (unsigned char c : address) {
    const bool foreign = c <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '?' || c == '#';
    if (foreign) return "its address is no IP and no host name";
  }
  return "";
}

Result<ServiceTags> decode_service_names(std::string_view body) {
  auto parsed = parse_answer(body);
  if (!parsed) return fail(parsed.error());
  if (!parsed->is_object()) return malformed("expected an object of service names");
  if (parsed->size() > Limits::kServicesMax) return too_many("services", Limits::kServicesMax);
  ServiceTags out;
  for (const auto& [name, tags] : parsed->items()) {
    if (name.empty()) return malformed("a service name is empty");
    if (name.size() > Limits::kTextBytesMax) return too_many("bytes in a service name", Limits::kTextBytesMax);
    std::vector<std::string> texts;
    if (Status read = read_texts(tags.is_null() ? nullptr : &tags, "tags", texts); !read) return fail(read.error());
    out.emplace(name, std::move(texts));
  }
  return out;
}

Result<ServiceAnswer> decode_health_service(std::string_view name, std::string_view body, KnownRows* known) {
  return decode_instances(name, body, false, known);
}

Result<ServiceAnswer> decode_health_connect(std::string_view name, std::string_view body, KnownRows* known) {
  return decode_instances(name, body, true, known);
}

Result<CheckDigests> decode_health_state(std::string_view body) {
  auto parsed = parse_array(body, Limits::kChecksMax, "checks");
  if (!parsed) return fail(parsed.error());
  constexpr std::string_view kNul("\0", 1);
  CheckDigests out;
  for (const json& check : *parsed) {
    if (!check.is_object()) return malformed("a check is no object");
    std::string node;
    std::string id;
    std::string status;
    std::string service_id;
    std::string service_name;
    for (auto&& read : {read_text(check, "Node", node, true), read_text(check, "CheckID", id),
                        read_text(check, "Status", status, true), read_text(check, "ServiceID", service_id),
                        read_text(check, "ServiceName", service_name)}) {
      if (!read) return fail(read.error());
    }
    // A sum does not depend on the order of the rows. The NULs keep ("a", "bc") and ("ab", "c") apart.
    uint64_t digest = fnv1a(node);
    for (const std::string* part : {&service_id, &id, &status}) digest = fnv1a(*part, fnv1a(kNul, digest));
    if (service_name.empty()) {
      out.nodes[node] += digest;
    } else {
      out.services[service_name] += digest;
    }
  }
  return out;
}

Result<std::map<std::string, std::string, std::less<>>> decode_nodes(std::string_view body) {
  auto parsed = parse_array(body, Limits::kServicesMax, "nodes");
  if (!parsed) return fail(parsed.error());
  std::map<std::string, std::string, std::less<>> out;
  for (const json& item : *parsed) {
    if (!item.is_object()) return malformed("a node is no object");
    std::string name;
    std::string address;
    for (auto&& read : {read_text(item, "Node", name, true), read_text(item, "Address", address)}) {
      if (!read) return fail(read.error());
    }
    out.insert_or_assign(std::move(name), std::move(address));
  }
  return out;
}

}  // namespace weir::provider
