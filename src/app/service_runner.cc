#include "app/service_runner.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <map>

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/event/signal.h"
#include "weir/event/timer.h"

namespace weir::app {
namespace {

// Between looks at whether a part has loaded its state.
constexpr uint64_t kReadinessPeriodMs = 5;

// Addresses and names are ASCII without quotes, so they need no escapes.
std::string ready_text(const std::vector<std::pair<std::string, std::string>>& addresses) {
  std::string out = "{\"pid\":" + std::to_string(::getpid());
  std::map<std::string, std::string> nested;
  for (const auto& [name, address] : addresses) {
    size_t dot = name.find('.');
    if (dot == std::string::npos) {
      out += ",\"" + name + "\":\"" + address + "\"";
      continue;
    }
    std::string& group = nested[name.substr(0, dot)];
    group += (group.empty() ? "\"" : ",\"") + name.substr(dot + 1) + "\":\"" + address + "\"";
  }
  for (const auto& [name, members] : nested) out += ",\"" + name + "\":{" + members + "}";
  return out + "}\n";
}

}  // namespace

int print_error(const Error& error) {
  std::fprintf(stderr, "weir: %s\n", error.text().c_str());
  return 1;
}

Result<SocketAddress> flag_address(const std::string& flag, const std::string& text) {
  auto address = SocketAddress::parse(text);
  if (!address) return fail(Error{ErrorCode::invalid, flag + ": " + address.error().message});
  return address;
}

int run_service(const std::string& name, const ServiceOptions& options,
                const std::function<Result<RunningService>(event::Loop&)>& start) {
  auto level = log::parse_level(options.log_level);
  if (!level) return print_error(level.error());
  log::configure(*level, options.log_format == "json" ? log::Format::json : log::Format::text);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond RLIMIT_FSIZE fails, as on a full disk

  event::Loop loop;
  auto started = start(loop);
  if (!started) return print_error(Error{started.error().code, name + ": " + started.error().text()});
  RunningService service = std::move(*started);

  size_t stops = 0;
  auto on_stop = [&] {
    ++stops;
    const auto* stop = stops == 1 ? &service.stop : stops == 2 ? &service.stop_now : nullptr;
    if (stop == nullptr || !*stop) return loop.stop();
    log::info("stopping", {{"part", name}, {"at_once", stops == 2}});
    (*stop)([&loop] { loop.stop(); });
  };
  event::Signal terminate(loop, SIGTERM, on_stop);
  event::Signal interrupt(loop, SIGINT, on_stop);
  event::Signal hangup(loop, SIGHUP, [&] {  // also of a closed terminal, which does not end a server
    if (service.reload) service.reload();
  });
  event::Signal reopen(loop, SIGUSR1, [&] {
    if (service.reopen_logs) service.reopen_logs();
  });
  // Would end the process at once, requests and all.
  event::Signal unused(loop, SIGUSR2, [&] { log::info("SIGUSR2 means nothing here", {{"part", name}}); });

  for (const auto& [what, address] : service.addresses)
    log::info("listening", {{"part", name}, {"what", what}, {"address", address}});
  int code = 0;
  event::Timer readiness(loop, [&] {
    const Result<bool> ready = service.is_ready ? service.is_ready() : true;
    if (ready && !*ready) return;
    readiness.stop();
    if (!ready) {
      code = print_error(Error{ready.error().code, name + ": " + ready.error().text()});
      return loop.stop();
    }
    if (options.ready_file.empty()) return;
    if (Status written = write_file_atomic(options.ready_file, ready_text(service.addresses)); !written) {
      code = print_error(written.error());
      loop.stop();
    }
  });
  readiness.start_every(kReadinessPeriodMs);
  loop.run();
  service = {};
  return code;
}

}  // namespace weir::app
