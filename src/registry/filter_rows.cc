#include "registry/filter_rows.h"

namespace weir::registry {
namespace {

using Members = FilterValue::Members;

FilterValue text(std::string_view value) { return {value}; }
FilterValue number(int64_t value) { return {value}; }
FilterValue flag(bool value) { return {value}; }
FilterValue list(const std::vector<std::string>& value) { return {&value}; }
FilterValue map(const StringMap& value) { return {&value}; }
FilterValue object(Members members) { return {FilterValue::Object{std::move(members)}}; }

FilterValue weights(const Weights& value) {
  return object({{"Passing", number(value.passing)}, {"Warning", number(value.warning)}});
}

FilterValue address(const ServiceAddress& value) {
  return object({{"Address", text(value.address)}, {"Port", number(value.port)}});
}

FilterValue addresses(const std::map<std::string, ServiceAddress>& value) {
  static const ServiceAddress kNone;
  FilterValue::ObjectMap out;
  for (const auto& [tag, one] : value) out.members.push_back({tag, address(one)});
  out.sample.push_back(address(kNone));
  return {std::move(out)};
}

}  // namespace

FilterValue node_row(const Node& node, std::string_view datacenter) {
  return object({{"ID", text(node.id)},
                 {"Node", text(node.name)},
                 {"Address", text(node.address)},
                 {"Datacenter", text(datacenter)},
                 {"TaggedAddresses", map(node.tagged_addresses)},
                 {"Meta", map(node.meta)}});
}

FilterValue service_row(const Service& service) {
  return object({{"Kind", text(service.kind)},
                 {"ID", text(service.id)},
                 {"Service", text(service.name)},
                 {"Tags", list(service.tags)},
                 {"Address", text(service.address)},
                 {"TaggedAddresses", addresses(service.tagged_addresses)},
                 {"Meta", map(service.meta)},
                 {"Port", number(service.port)},
                 {"SocketPath", text(service.socket_path)},
                 {"Weights", weights(service.weights)},
                 {"EnableTagOverride", flag(service.enable_tag_override)}});
}

FilterValue check_row(const Check& check) {
  return object({{"Node", text(check.node)},
                 {"CheckID", text(check.id)},
                 {"Name", text(check.name)},
                 {"Status", text(check.status)},
                 {"Notes", text(check.notes)},
                 {"Output", text(check.output)},
                 {"ServiceID", text(check.service_id)},
                 {"ServiceName", text(check.service_name)},
                 {"ServiceTags", list(check.service_tags)},
                 {"Type", text(check.type)}});
}

FilterValue instance_row(const Node& node, const Service& service, const std::vector<Ref<Check>>& checks,
                         std::string_view datacenter) {
  static const Check kNone;
  FilterValue::ObjectList rows;
  for (const Ref<Check>& check : checks) rows.items.push_back(check_row(*check));
  rows.sample.push_back(check_row(kNone));
  return object(
      {{"Node", node_row(node, datacenter)}, {"Service", service_row(service)}, {"Checks", {std::move(rows)}}});
}

FilterValue catalog_row(const Node& node, const Service& service, std::string_view datacenter) {
  return object({{"ID", text(node.id)},
                 {"Node", text(node.name)},
                 {"Address", text(node.address)},
                 {"Datacenter", text(datacenter)},
                 {"TaggedAddresses", map(node.tagged_addresses)},
                 {"NodeMeta", map(node.meta)},
                 {"ServiceKind", text(service.kind)},
                 {"ServiceID", text(service.id)},
                 {"ServiceName", text(service.name)},
                 {"ServiceTags", list(service.tags)},
                 {"ServiceAddress", text(service.address)},
                 {"ServiceTaggedAddresses", addresses(service.tagged_addresses)},
                 {"ServiceWeights", weights(service.weights)},
                 {"ServiceMeta", map(service.meta)},
                 {"ServicePort", number(service.port)},
                 {"ServiceEnableTagOverride", flag(service.enable_tag_override)}});
}

}  // namespace weir::registry
