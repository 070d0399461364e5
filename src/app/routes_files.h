#pragma once
// A folder of routes files as a table of its own, for the commands that ask about it without an edge.

#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/routing/table.h"

namespace weir::app {

struct RoutesFiles {
  size_t files = 0;
  size_t routers = 0;
  std::vector<Error> errors;  // files that are no TOML
  std::shared_ptr<const routing::RoutingTable> table;
  /// Without what the files cannot know: services of a catalog.
  std::vector<routing::Rejection> rejected;
};
/// An error where the folder cannot be read.
Result<RoutesFiles> read_routes_files(const std::string& folder);

}  // namespace weir::app
