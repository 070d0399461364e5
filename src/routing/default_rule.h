#pragma once
// The rule of a router that was given none: a small template over the service's name.

#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::routing {

/// Runs of anything but letters and digits become one '-', none at the ends: "my_svc." -> "my-svc". Bytes of other
/// alphabets stay.
std::string normalize_name(std::string_view name);

/// Replaces {{ .Name }} and {{ normalize .Name }}; anything else between {{ and }} is an error.
Result<std::string> expand_default_rule(std::string_view rule_template, std::string_view service_name);

}  // namespace weir::routing
