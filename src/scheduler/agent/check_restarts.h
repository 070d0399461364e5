#pragma once
// check_restart: a task whose check fails for too long is restarted.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/agent/check_poll.h"
#include "scheduler/agent/registration.h"
#include "weir/base/clock.h"

namespace weir::scheduler {

/// One check that may restart its task. Pure but for what it remembers.
class CheckRestartTracker {
 public:
  explicit CheckRestartTracker(const CheckRegistration& check);
  /// True when the task is to be restarted now. `started_at_ms`: its latest start; its grace counts from there. A check
  /// must fail for `limit` runs in a row, that is (limit - 1) intervals long.
  bool observe(const std::string& status, uint64_t started_at_ms, uint64_t now_ms);

 private:
  CheckRestart rule_;
  uint64_t fails_for_ms_;
  std::optional<uint64_t> failing_since_ms_;
};

/// Follows the checks of one allocation that have such a rule; asks for nothing when none has. Owned by an AllocRunner.
class CheckRestarts final : public CheckPoll::Reader {
 public:
  /// The monotonic time of a task's latest start; nothing while it does not run.
  using StartedAt = std::function<std::optional<uint64_t>(const std::string& task)>;
  using Restart = std::function<void(const std::string& task, const std::string& reason)>;

  CheckRestarts(CheckPoll& poll, StartedAt started_at, Restart restart);
  CheckRestarts(const CheckRestarts&) = delete;
  CheckRestarts& operator=(const CheckRestarts&) = delete;
  ~CheckRestarts();

  void watch(const std::vector<CheckRegistration>& checks);

 private:
  struct Watched {
    std::string id;
    std::string name;
    std::string task;
    CheckRestartTracker tracker;
  };
  void on_check_statuses(const CheckStatuses* statuses) override;

  CheckPoll& poll_;
  const StartedAt started_at_;
  const Restart restart_;
  SystemClock clock_;
  std::vector<Watched> watched_;
};

}  // namespace weir::scheduler
