#include "app/commands.h"
#include "app/parts.h"
#include "app/service_runner.h"

namespace weir::app {

// Ending the agent leaves its tasks running; the next one with the same folder takes them over.
int run_agent(const AgentOptions& options) {
  return run_service("agent", options.service, [&](event::Loop& loop) -> Result<RunningService> {
    auto started = start_agent(loop, options);
    if (!started) return fail(started.error());
    std::shared_ptr<scheduler::Agent> owner = std::move(*started);
    return RunningService{owner, {{"http", owner->http_address().text()}}};
  });
}

}  // namespace weir::app
