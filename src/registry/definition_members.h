#pragma once
// Members that agent and catalog registrations share.

#include <map>
#include <string>

#include "registry/json_decode.h"
#include "registry/records.h"

namespace weir::registry {

Status read_service_addresses(const Member& m, std::map<std::string, ServiceAddress>& out);
/// A given object replaces both weights; what it leaves out is 0.
Status read_weights(const Member& m, Weights& out);

}  // namespace weir::registry
