#include <cstdio>

#include "app/commands.h"
#include "app/service_runner.h"
#include "weir/base/file.h"
#include "weir/config/config.h"
#include "weir/routing/route_file.h"
#include "weir/routing/table.h"

namespace weir::app {
namespace {

/// Prints what is wrong in a folder of routes files; the number of errors.
size_t check_routes(const std::string& folder) {
  auto names = list_files(folder, ".toml");
  if (!names) {
    print_error(names.error());
    return 1;
  }
  size_t errors = 0;
  std::vector<std::shared_ptr<const routing::Definitions>> files;
  for (const std::string& name : *names) {
    std::string path = folder + "/" + name;
    auto text = read_file(path);
    auto definitions = text ? routing::decode_route_file(*text, path) : fail(text.error());
    if (!definitions) {
      print_error(definitions.error());
      ++errors;
      continue;
    }
    files.push_back(std::make_shared<const routing::Definitions>(std::move(*definitions)));
  }
  auto merged = std::make_shared<const routing::Definitions>(routing::merge_route_files(files));
  auto outcome = routing::build_table({merged}, nullptr);
  for (const auto& rejection : outcome.rejected) {
    // Services of a catalog are not known here: a route to one is no error of the file.
    bool elsewhere =
        rejection.reason.find('@') != std::string::npos && rejection.reason.find("@file") == std::string::npos;
    if (elsewhere) continue;
    std::fprintf(stderr, "weir: %s: %s %s: %s\n", rejection.origin.c_str(), rejection.kind.c_str(),
                 rejection.name.c_str(), rejection.reason.c_str());
    ++errors;
  }
  std::printf("%s: %zu files, %zu routers, %zu errors\n", folder.c_str(), names->size(), merged->routers.size(),
              errors);
  return errors;
}

}  // namespace

int config_check(const ConfigCheckOptions& options) {
  auto text = read_file(options.path);
  if (!text) return print_error(text.error());
  auto loaded = config::load_config(*text, options.path);
  for (const Error& error : loaded.errors) print_error(error);
  std::printf("%s: %zu error%s\n", options.path.c_str(), loaded.errors.size(), loaded.errors.size() == 1 ? "" : "s");
  size_t errors = loaded.errors.size();
  std::string folder = options.routes.empty() ? loaded.config.file.directory : options.routes;
  if (!folder.empty()) errors += check_routes(folder);
  return errors == 0 ? 0 : 1;
}

}  // namespace weir::app
