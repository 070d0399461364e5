#include "registry/definition_members.h"

namespace weir::registry {

Status read_service_addresses(const Member& m, std::map<std::string, ServiceAddress>& out) {
  return decode_members(m.value(), m.path(), [&](const Member& entry) {
    ServiceAddress& address = out[std::string(entry.name())];
    return decode_members(entry.value(), entry.path(), [&](const Member& part) {
      if (part.is("Address")) return part.read(address.address);
      if (part.is("Port")) return part.read(address.port);
      return part.unknown();
    });
  });
}

Status read_weights(const Member& m, Weights& out) {
  if (m.value().is_null()) return {};
  out = {0, 0};
  return decode_members(m.value(), m.path(), [&](const Member& part) {
    if (part.is("Passing")) return part.read(out.passing);
    if (part.is("Warning")) return part.read(out.warning);
    return part.unknown();
  });
}

}  // namespace weir::registry
