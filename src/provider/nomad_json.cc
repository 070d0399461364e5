#include "provider/nomad_json.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "provider/json_answer.h"

namespace weir::provider {
namespace {

using catalog::Instance;
using nlohmann::json;
using Limits = ConsulJsonLimits;

Status read_listed(const json& row, ServiceTags& out) {
  if (!row.is_object()) return malformed("a service is no object");
  std::string name;
  std::vector<std::string> tags;
  if (Status read = read_text(row, "ServiceName", name, true); !read) return read;
  if (Status read = read_texts(member(row, "Tags"), "Tags", tags); !read) return read;
  if (out.size() == Limits::kServicesMax) return too_many("services", Limits::kServicesMax);
  std::vector<std::string>& known = out[name];
  for (std::string& tag : tags) {
    if (std::find(known.begin(), known.end(), tag) == known.end()) known.push_back(std::move(tag));
  }
  return {};
}

struct Row {
  Instance instance;
  std::string service_name;
  int64_t port = 0;
};

Status read_row(const json& row, Row& out) {
  if (!row.is_object()) return malformed("a registration is no object");
  int64_t modified = 0;
  for (auto&& read :
       {read_text(row, "ID", out.instance.id, true), read_text(row, "ServiceName", out.service_name, true),
        read_text(row, "NodeID", out.instance.node), read_text(row, "Datacenter", out.instance.datacenter),
        read_text(row, "Address", out.instance.address), read_texts(member(row, "Tags"), "Tags", out.instance.tags),
        read_number(row, "Port", -1, std::numeric_limits<int32_t>::max(), out.port),
        read_number(row, "ModifyIndex", 0, std::numeric_limits<int64_t>::max(), modified)}) {
    if (!read) return read;
  }
  out.instance.modify_index = static_cast<uint64_t>(modified);
  return {};
}

}  // namespace

Result<ServiceTags> decode_nomad_services(std::string_view body) {
  auto parsed = parse_array(body, Limits::kServicesMax, "namespaces");
  if (!parsed) return fail(parsed.error());
  ServiceTags out;
  for (const json& space : *parsed) {
    if (!space.is_object()) return malformed("a namespace is no object");
    const json* services = member(space, "Services");
    if (services == nullptr) continue;
    if (!services->is_array()) return malformed("Services is no array");
    for (const json& row : *services) {
      if (Status read = read_listed(row, out); !read) return fail(read.error());
    }
  }
  return out;
}

Result<ServiceAnswer> decode_nomad_service(std::string_view name, std::string_view body, KnownRows*) {
  auto parsed = parse_array(body, Limits::kInstancesPerServiceMax, "registrations");
  if (!parsed) return fail(parsed.error());
  ServiceAnswer out;
  out.service.name = name;
  for (const json& item : *parsed) {
    Row row;
    if (Status read = read_row(item, row); !read) return fail(read.error());
    if (row.service_name != name) return malformed("it is about service " + row.service_name);
    std::string_view fault = address_fault(row.instance.address);
    if (fault.empty() && (row.port < 0 || row.port > 65'535)) fault = "its port is not between 0 and 65535";
    if (!fault.empty()) {
      out.skipped.push_back("instance " + row.instance.id + " of " + std::string(name) + ": " + std::string(fault));
      continue;
    }
    row.instance.port = static_cast<uint16_t>(row.port);
    out.service.instances.push_back(std::move(row.instance));
  }
  std::sort(out.service.instances.begin(), out.service.instances.end(),
            [](const Instance& a, const Instance& b) { return std::tie(a.node, a.id) < std::tie(b.node, b.id); });
  return out;
}

Result<ServiceEvents> decode_nomad_events(std::string_view line) {
  auto parsed = parse_answer(line);
  if (!parsed) return fail(parsed.error());
  if (!parsed->is_object()) return malformed("an event is no object");
  ServiceEvents out;
  int64_t index = 0;
  if (Status read = read_number(*parsed, "Index", 0, std::numeric_limits<int64_t>::max(), index); !read) {
    return fail(read.error());
  }
  out.index = static_cast<uint64_t>(index);
  const json* events = member(*parsed, "Events");
  if (events == nullptr) return out;
  if (!events->is_array()) return malformed("Events is no array");
  for (const json& event : *events) {
    if (!event.is_object()) return malformed("an event is no object");
    std::string topic;
    if (Status read = read_text(event, "Topic", topic, true); !read) return fail(read.error());
    if (topic != "Service") continue;
    const json* payload = member(event, "Payload");
    const json* service = payload != nullptr && payload->is_object() ? member(*payload, "Service") : nullptr;
    if (service == nullptr || !service->is_object()) return malformed("an event without its service");
    if (Status read = read_text(*service, "ServiceName", out.names.emplace_back(), true); !read) {
      return fail(read.error());
    }
  }
  return out;
}

}  // namespace weir::provider
