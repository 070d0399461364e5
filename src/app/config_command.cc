#include <cstdio>
#include <optional>

#include "app/commands.h"
#include "app/json_routes.h"
#include "app/routes_files.h"
#include "app/service_runner.h"
#include "weir/base/file.h"
#include "weir/config/config.h"
#include "weir/config/document.h"
#include "weir/proxy/proxy.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/lint.h"

namespace weir::app {
namespace {

/// Prints what is wrong in a folder of routes files for that configuration; the number of errors.
size_t check_routes(const std::string& folder, const config::Config& config) {
  auto read = read_routes_files(folder);
  if (!read) {
    print_error(read.error());
    return 1;
  }
  for (const Error& error : read->errors) print_error(error);
  for (const auto& rejection : read->rejected) {
    std::fprintf(stderr, "weir: %s: %s %s: %s\n", rejection.origin.c_str(), rejection.kind.c_str(),
                 rejection.name.c_str(), rejection.reason.c_str());
  }
  const auto nowhere = routing::find_unknown_entry_points(*read->table, entry_point_names(config));
  for (const auto& finding : nowhere) {
    std::fprintf(stderr, "weir: %s: router %s: %s\n", finding.origin.c_str(), finding.router.c_str(),
                 finding.reason.c_str());
  }
  size_t errors = read->errors.size() + read->rejected.size() + nowhere.size();
  std::printf("%s: %zu files, %zu routers, %zu errors\n", folder.c_str(), read->files, read->routers, errors);
  return errors;
}

/// The folder of routes files that the configuration names, where it cannot be read: the error at its key.
std::optional<Error> routes_error(const std::string& text, const std::string& path, const std::string& folder) {
  auto names = list_files(folder, ".toml");
  if (names) return std::nullopt;
  const std::string message = "providers.file.directory: " + names.error().message;
  auto document = config::parse_toml(text, path);
  const config::Node* node = document ? &document->root : nullptr;
  for (const char* key : {"providers", "file", "directory"}) node = node != nullptr ? node->find(key) : nullptr;
  if (node != nullptr) return node->error(message);
  Error error = names.error();
  error.message = message;
  error.file = path;
  return error;
}

/// What an edge would refuse only when it starts.
void check_start(config::LoadOutcome& loaded, const std::string& path) {
  const bool well_read = loaded.errors.empty();
  auto note = [&](const std::string& where, Error error) {
    error.message = where + error.text();
    error.file = path;
    error.line = error.column = 0;
    loaded.errors.push_back(std::move(error));
  };
  for (Error& error : routing::catalog_problems(loaded.config.consul)) note("providers.consul: ", std::move(error));
  for (Error& error : routing::catalog_problems(loaded.config.nomad)) note("providers.nomad: ", std::move(error));
  if (const std::string& folder = loaded.config.data_dir; !folder.empty()) {
    if (Status made = can_make_directories(folder); !made) note("data_dir: ", made.error());
  }
  // These hang together with options that were not read.
  if (!well_read) return;
  for (const Error& error : proxy::Proxy::check(loaded.config)) note("", error);
}

}  // namespace

int config_check(const ConfigCheckOptions& options) {
  auto text = read_file_or_pipe(options.path);
  if (!text) return print_error(text.error());
  auto loaded = config::load_config(*text, options.path);
  check_start(loaded, options.path);
  std::string folder = options.routes.empty() ? loaded.config.file.directory : options.routes;
  if (options.routes.empty() && !folder.empty()) {
    if (auto error = routes_error(*text, options.path, folder)) {
      loaded.errors.push_back(std::move(*error));
      folder.clear();
    }
  }
  for (const Error& error : loaded.errors) print_error(error);
  std::printf("%s: %zu error%s\n", options.path.c_str(), loaded.errors.size(), loaded.errors.size() == 1 ? "" : "s");
  size_t errors = loaded.errors.size();
  if (!folder.empty()) errors += check_routes(folder, loaded.config);
  return errors == 0 ? 0 : 1;
}

}  // namespace weir::app
