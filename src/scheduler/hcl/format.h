#pragma once
// format()'s patterns: a part of Go's.

#include <span>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/scheduler/value.h"

namespace weir::scheduler::hcl {

/// %s %q %v %d %f %e %g %x %X %o %b %t %%, with width, precision and the flags "-", "+", "0" and " ".
Result<std::string> format_values(std::string_view pattern, std::span<const Value> values);

}  // namespace weir::scheduler::hcl
