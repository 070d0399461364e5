#pragma once
// Traefik's dynamic configuration as a JSON document, taken apart. Pure.

#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/routing/dynamic_config.h"

namespace weir::provider {

/// Every value with its path; places are "http.routers.web.rule". An empty object is a value "true" (`"tls": {}`), null
/// is as absent. An error where the text is no JSON object, is nested too deeply, or holds too many values.
Result<std::vector<routing::ConfigValue>> decode_dynamic_document(std::string_view body);

}  // namespace weir::provider
