#include "app/commands.h"
#include "app/parts.h"
#include "app/service_runner.h"

namespace weir::app {

int run_registry(const RegistryOptions& options) {
  return run_service("registry", options.service, [&](event::Loop& loop) -> Result<RunningService> {
    auto started = start_registry(loop, options);
    if (!started) return fail(started.error());
    std::shared_ptr<registry::Registry> owner = std::move(*started);
    RunningService running;
    running.owner = owner;
    running.is_ready = [&registry = *owner] { return registry.ready(); };
    running.stop = [&registry = *owner](std::function<void()> done) { registry.drain(std::move(done)); };
    running.addresses.emplace_back("http", owner->http_address().text());
    if (owner->dns_address()) running.addresses.emplace_back("dns", owner->dns_address()->text());
    return running;
  });
}

}  // namespace weir::app
