#include "weir/base/subscriber.h"

#include <algorithm>

namespace weir {

IpAddress subscriber_of(const IpAddress& ip) {
  IpAddress out = ip;
  if (ip.v6) std::fill(out.bytes.begin() + 8, out.bytes.end(), uint8_t{0});
  return out;
}

}  // namespace weir
