#include <optional>
#include <set>
#include <string>

#include "app/commands.h"
#include "app/edge.h"
#include "app/service_runner.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/thread_priority.h"
#include "weir/config/config.h"

namespace weir::app {
namespace {

/// Flags as overrides of the configuration, each with the flag as its place.
Result<std::vector<config::Override>> overrides_of(const EdgeOptions& options) {
  std::vector<config::Override> out;
  auto add = [&](const std::string& key, const std::optional<std::string>& value, const std::string& flag) {
    if (value) out.push_back({key, *value, flag});
  };
  std::set<std::string> names;
  for (const std::string& entry_point : options.entry_points) {
    size_t equals = entry_point.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::invalid, "--entrypoint: expected NAME=IP:PORT, got \"" + entry_point + "\"");
    }
    std::string name = entry_point.substr(0, equals);
    if (!names.insert(name).second) {
      return fail(ErrorCode::invalid, "--entrypoint: \"" + name + "\" is given twice; an entry point has one address");
    }
    add("entrypoints." + name + ".address", entry_point.substr(equals + 1), "--entrypoint");
  }
  add("providers.consul.addresses", options.consul, "--consul");
  add("admin.address", options.admin, "--admin");
  add("workers", options.workers, "--workers");
  add("data_dir", options.data_dir, "--data-dir");
  add("providers.file.directory", options.routes, "--routes");
  for (const std::string& setting : options.settings) {
    size_t equals = setting.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::invalid, "--set: expected KEY=VALUE, got \"" + setting + "\"");
    add(setting.substr(0, equals), setting.substr(equals + 1), "--set");
  }
  return out;
}

}  // namespace

int run_edge(const EdgeOptions& options) {
  std::string text;
  if (!options.config_path.empty()) {
    auto read = read_file_or_pipe(options.config_path);
    if (!read) return print_error(read.error());
    text = std::move(*read);
  }
  auto overrides = overrides_of(options);
  if (!overrides) return print_error(overrides.error());
  auto loaded = config::load_config(text, options.config_path, *overrides);
  for (const Error& error : loaded.errors) print_error(error);
  if (!loaded.errors.empty()) return 1;

  ServiceOptions service = options.service;
  if (service.log_level.empty()) {
    static constexpr const char* kNames[] = {"trace", "debug", "info", "warn", "error", "off"};
    service.log_level = kNames[static_cast<size_t>(loaded.config.log.level)];
  }
  if (service.log_format.empty()) service.log_format = loaded.config.log.format == log::Format::json ? "json" : "text";
  return run_service("edge", service, [&](event::Loop& loop) -> Result<RunningService> {
    auto edge = Edge::start(loop, loaded.config);
    if (!edge) return fail(edge.error());
    std::shared_ptr<Edge> owner = std::move(*edge);
    give_way();  // when the workers have their threads: those would inherit it
    RunningService running;
    running.owner = owner;
    for (const auto& [name, address] : owner->addresses())
      running.addresses.emplace_back("entrypoints." + name, address.text());
    if (owner->admin() != nullptr) running.addresses.emplace_back("admin", owner->admin()->address().text());
    running.stop = [&edge = *owner](std::function<void()> done) { edge.drain(std::move(done)); };
    running.reopen_logs = [&edge = *owner] { edge.reopen_access_log(); };
    running.reload = [&edge = *owner] {
      log::info("the TLS file, its certificates and the ticket keys are read again; weir.toml is not, until a restart");
      edge.reload_tls();
    };
    return running;
  });
}

}  // namespace weir::app
