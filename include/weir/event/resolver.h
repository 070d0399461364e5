#pragma once
// Host names to addresses, without blocking the loop.

#include <functional>
#include <string>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"

namespace weir::event {

class Loop;

/// One look-up. Destroying it cancels: the callback is not called.
class Lookup {
 public:
  using OnResult = std::function<void(Result<std::vector<IpAddress>>)>;
  /// IP literals answer too (on the next turn). Names ending in .localhost are loopback (RFC 6761 section 6.3).
  Lookup(Loop& loop, const std::string& host, OnResult on_result);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  struct Cell;
  Cell* cell_;
};

}  // namespace weir::event
