#pragma once
// Decides, once, whether an allocation is healthy: for its deployment, or for the drain that has moved it. Pure.

#include <cstdint>
#include <optional>
#include <string>

#include "weir/scheduler/job.h"

namespace weir::scheduler {

/// What is seen of an allocation at one moment.
struct HealthObservation {
  bool tasks_running = false;     // all that last, and what runs to its end before or beside them has begun
  bool task_ended = false;        // one has failed, or finished that lasts
  uint64_t started_at_ms = 0;     // the latest start of a task; a restart begins the time anew
  bool services_passing = false;  // all services confirmed by the registry, all their checks there and good
};

/// What it takes to be healthy.
struct HealthRule {
  explicit HealthRule(const UpdateStrategy& update)
      : check(update.health_check),
        min_healthy_ns(update.min_healthy_time_ns.value()),
        deadline_ns(update.healthy_deadline_ns.value()) {}
  explicit HealthRule(const MigrateStrategy& migrate)
      : check(migrate.health_check),
        min_healthy_ns(migrate.min_healthy_time_ns.value()),
        deadline_ns(migrate.healthy_deadline_ns.value()) {}

  std::string check;  // checks, task_states; of a deployment also manual
  int64_t min_healthy_ns;
  int64_t deadline_ns;
};

class HealthTracker {
 public:
  HealthTracker(const HealthRule& rule, uint64_t now_ms);
  /// Nothing as long as it is open. After the first verdict the same one for ever.
  std::optional<bool> observe(const HealthObservation& seen, uint64_t now_ms);
  /// Health is set by people only.
  [[nodiscard]] bool manual() const { return manual_; }

 private:
  bool manual_ = false;
  bool needs_checks_ = true;
  uint64_t min_healthy_ms_;
  uint64_t deadline_at_ms_;
  std::optional<uint64_t> good_since_ms_;
  std::optional<bool> verdict_;
};

}  // namespace weir::scheduler
