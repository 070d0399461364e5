#pragma once
// Who counts as one, where clients share what there is.

#include "weir/base/ip.h"

namespace weir {

/// An IPv4 address, or an IPv6 address's /64, which is what one subscriber gets.
[[nodiscard]] IpAddress subscriber_of(const IpAddress& ip);

}  // namespace weir
