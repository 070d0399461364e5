#pragma once
// Keeps names registered in Consul that lead to this edge: those that routes ask for (fabio's register=) and its own.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"

namespace weir::provider {

/// All in milliseconds.
struct RegistrarTiming {
  uint64_t renew_ms = 5'000;  // of a registration whose time to live is 15 s
  uint64_t pause_first_ms = 500;
  uint64_t pause_max_ms = 30'000;  // between attempts where nobody answers, or a name is refused
  uint64_t answer_ms = 5'000;
  uint64_t farewell_ms = 2'000;  // for taking all names back
};

/// Owned by the application; control loop's thread. Each name is a service of the agent with a check that this edge
/// renews: one that dies is taken out by Consul within 15 s, and its registration a minute later. An agent that has
/// lost its state is told again with the next renewal. While no agent answers, names cost one attempt a pause, and
/// serving nothing.
class Registrar {
 public:
  /// More are left out, the last in order: a renewal each would be a load of its own.
  static constexpr size_t kNamesMax = 256;

  virtual ~Registrar() = default;
  /// The names that routes ask for, in place of those before.
  virtual void want(std::set<std::string, std::less<>> names) = 0;
  /// Takes all names back, its own too; calls back when that is done, or farewell_ms are over. Once.
  virtual void stop(std::function<void()> on_done) = 0;
  /// How many are registered, as far as the agent has answered.
  [[nodiscard]] virtual size_t registered_count() const = 0;
};

/// By consul.register_*. An error where the address is none.
Result<std::unique_ptr<Registrar>> make_registrar(event::Loop& loop, const Clock& clock,
                                                  const config::ConsulConfig& consul, RegistrarTiming timing = {});

}  // namespace weir::provider
