// /v1/event/*

#include "registry/endpoints.h"
#include "registry/event_log.h"
#include "registry/json_writer.h"
#include "weir/base/random.h"
#include "weir/base/text.h"

namespace weir::registry::endpoints {
namespace {

void write_event(JsonWriter& json, const UserEvent& event, uint64_t logical_time) {
  json.begin_object().member("ID", event.id).member("Name", event.name).key("Payload");
  if (event.payload.empty()) {
    json.null();
  } else {
    json.value(base64_encode(event.payload));
  }
  json.member("NodeFilter", event.node_filter).member("ServiceFilter", event.service_filter);
  json.member("TagFilter", event.tag_filter).member("Version", 1).member("LTime", logical_time).end_object();
}

}  // namespace

void event_fire(Api& api, Call call) {
  if (call.argument.empty()) return Api::reply(call, Reply::text(400, "Missing name"));
  if (call.request.body.size() > EventLog::kPayloadBytesMax) {
    return Api::reply(call, Reply::text(413, "Request body(" + std::to_string(call.request.body.size()) +
                                                 " bytes) too large, max size: 65536 bytes."));
  }
  UserEvent event;
  event.id = make_uuid();
  event.name = call.argument;
  event.payload = std::move(call.request.body);
  event.node_filter = call.parameter("node");
  event.service_filter = call.parameter("service");
  event.tag_filter = call.parameter("tag");
  JsonWriter json(call.pretty);
  write_event(json, event, 0);
  api.events().add(std::move(event));
  Api::reply(call, Reply::json(json.take()));
}

// The index is a hash of the newest event's id: watchers look whether it differs, not whether it grew.
void event_list(Api& api, Call call) {
  std::string name = call.parameter("name");
  Read read;
  read.index_is_hash = true;
  read.index = [&api, name] {
    uint64_t index = CatalogStore::kNothingYet;
    for (const UserEvent& event : api.events().events()) {
      if (name.empty() || event.name == name) index = fnv1a(event.id);
    }
    return index;
  };
  read.resources = [] { return std::vector<Resource>{{Resource::Kind::events}}; };
  read.answer = [&api, name, pretty = call.pretty] {
    JsonWriter json(pretty);
    json.begin_array();
    for (const UserEvent& event : api.events().events()) {
      if (name.empty() || event.name == name) write_event(json, event, event.logical_time);
    }
    return Reply::json(json.end_array().take());
  };
  api.read(std::move(call), std::move(read));
}

}  // namespace weir::registry::endpoints
