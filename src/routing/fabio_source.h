#pragma once
// What a source of fabio's says, host[:port]/path, and whom of its requests a redirect's URL leads nowhere.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::routing {

struct FabioSource {
  std::string host;  // lower case, without port; "": any, asked behind all patterns, of which "*" is the last
  std::string port;
  std::string path;

  [[nodiscard]] bool names_port() const { return !port.empty() && port != "80" && port != "443"; }
};

/// What begins with a port is for TCP, and an error.
Result<FabioSource> split_fabio_source(std::string_view text);

/// Where a redirect leads, as far as fabio compares it with where the request is.
struct FabioGoal {
  std::string url;          // "": no redirect
  bool keeps_path = false;  // $path is the request's own
};

/// What holds for a request that is where the redirect leads, as terms of a rule; none where that cannot be said.
std::vector<std::string> terms_of_fabio_goal(const FabioGoal& goal, const FabioSource& source,
                                             std::string_view matcher);

/// Letters in lower case, digits, '-', '.' and '_'.
[[nodiscard]] bool is_host_name(std::string_view host);

/// Whether a path may stand in a rule.
[[nodiscard]] bool is_plain_path(std::string_view path);

}  // namespace weir::routing
