#pragma once
// A header field, as those who send it and those who route by it see it.

#include <string_view>

namespace weir {

/// Views; who hands one out says how long it lives.
struct Header {
  std::string_view name;   // case as sent
  std::string_view value;  // without surrounding white space
};

}  // namespace weir
