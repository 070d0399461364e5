#include "app/routes_files.h"

#include "weir/base/file.h"
#include "weir/routing/route_file.h"

namespace weir::app {

Result<RoutesFiles> read_routes_files(const std::string& folder) {
  auto names = list_files(folder, ".toml");
  if (!names) return fail(names.error());
  RoutesFiles out;
  out.files = names->size();
  std::vector<std::shared_ptr<const routing::Definitions>> files;
  for (const std::string& name : *names) {
    std::string path = folder + "/" + name;
    auto text = read_file(path);
    auto definitions = text ? routing::decode_route_file(*text, path) : fail(text.error());
    if (!definitions) {
      out.errors.push_back(definitions.error());
      continue;
    }
    files.push_back(std::make_shared<const routing::Definitions>(std::move(*definitions)));
  }
  auto merged = std::make_shared<const routing::Definitions>(routing::merge_route_files(files));
  out.routers = merged->routers.size();
  auto outcome = routing::build_table(std::vector{merged}, nullptr);
  for (const auto& rejection : outcome.rejected) {
    bool elsewhere =
        rejection.reason.find('@') != std::string::npos && rejection.reason.find("@file") == std::string::npos;
    if (!elsewhere) out.rejected.push_back(rejection);
  }
  out.table = std::move(outcome.table);
  return out;
}

}  // namespace weir::app
