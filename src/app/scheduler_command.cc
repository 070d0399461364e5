#include "app/commands.h"
#include "app/parts.h"
#include "app/service_runner.h"

namespace weir::app {

int run_scheduler(const SchedulerOptions& options) {
  return run_service("scheduler", options.service, [&](event::Loop& loop) -> Result<RunningService> {
    auto started = start_scheduler(loop, options);
    if (!started) return fail(started.error());
    std::shared_ptr<scheduler::Server> owner = std::move(*started);
    return RunningService{owner, {{"http", owner->http_address().text()}}};
  });
}

}  // namespace weir::app
