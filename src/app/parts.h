#pragma once
// Starting each part from its flags: for its own subcommand and for `weir dev`.

#include <memory>

#include "app/commands.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/registry/registry.h"
#include "weir/scheduler/agent.h"
#include "weir/scheduler/server.h"

namespace weir::app {

Result<std::unique_ptr<registry::Registry>> start_registry(event::Loop& loop, const RegistryOptions& options);
Result<std::unique_ptr<scheduler::Server>> start_scheduler(event::Loop& loop, const SchedulerOptions& options);
Result<std::unique_ptr<scheduler::Agent>> start_agent(event::Loop& loop, const AgentOptions& options);

}  // namespace weir::app
