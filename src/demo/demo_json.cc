#include <nlohmann/json.hpp>

#include "demo/demo.h"

namespace weir::demo {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string print(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json object_of(const Identity& identity) {
  return {{"service", identity.service},  {"version", identity.version}, {"greeting", identity.greeting},
          {"node", identity.node},        {"address", identity.address}, {"allocation", identity.allocation},
          {"requests", identity.requests}};
}

}  // namespace

std::string identity_json(const Identity& identity) { return print(object_of(identity)); }

std::string fib_json(const Identity& identity, uint64_t n, uint64_t value) {
  return print({{"n", n}, {"fib", value}, {"by", object_of(identity)}});
}

std::string frontend_json(const Identity& identity, const std::string& backend_body, const std::string& error) {
  ordered_json out{{"frontend", object_of(identity)}};
  auto backend = ordered_json::parse(backend_body, nullptr, false);
  out["backend"] = backend.is_discarded() ? ordered_json(nullptr) : backend;
  if (!error.empty()) out["error"] = error;
  return print(out);
}

Result<std::vector<Instance>> parse_instances(const std::string& body) {
  json document = json::parse(body, nullptr, false);
  if (!document.is_array()) return fail(ErrorCode::invalid, "the answer is no list");
  std::vector<Instance> out;
  for (const json& entry : document) {
    auto text = [&](const char* part, const char* member) {
      auto object = entry.find(part);
      if (object == entry.end() || !object->is_object()) return std::string();
      auto value = object->find(member);
      return value != object->end() && value->is_string() ? value->get<std::string>() : std::string();
    };
    if (!entry.is_object()) continue;
    Instance instance;
    instance.address = text("Service", "Address");
    if (instance.address.empty()) instance.address = text("Node", "Address");
    auto service = entry.find("Service");
    if (service != entry.end() && service->is_object() && service->contains("Port") &&
        (*service)["Port"].is_number_unsigned()) {
      instance.port = (*service)["Port"].get<uint16_t>();
    }
    if (!instance.address.empty() && instance.port != 0) out.push_back(std::move(instance));
  }
  return out;
}

}  // namespace weir::demo
