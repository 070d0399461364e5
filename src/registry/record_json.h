#pragma once
// Records as Consul's JSON: names, order, and where null, [] and {} stand.

#include <string>
#include <string_view>

#include "registry/json_writer.h"
#include "registry/records.h"

namespace weir::registry {

void write_node(JsonWriter& json, const Node& node, std::string_view datacenter);
/// As in health/service and catalog/node.
void write_service(JsonWriter& json, const Service& service);
/// As in agent/services; with `hash` as in agent/service/:id.
void write_agent_service(JsonWriter& json, const Service& service, std::string_view datacenter,
                         std::string_view hash = "");
/// A row of catalog/service.
void write_catalog_row(JsonWriter& json, const Node& node, const Service& service, std::string_view datacenter);
void write_check(JsonWriter& json, const Check& check);
/// As in agent/checks: with its newest output and without indexes.
void write_agent_check(JsonWriter& json, const Check& check, std::string_view output);
void write_session(JsonWriter& json, const Session& session);
void write_kv(JsonWriter& json, const KvEntry& entry);
/// As transactions answer a write: without its value.
void write_kv_without_value(JsonWriter& json, const KvEntry& entry);

}  // namespace weir::registry
