#pragma once
// The process that stands between the agent and one task, so that neither's death harms the other.

#include <cstdint>

namespace weir::scheduler {

/// `weir task-supervisor <spec file>`: call this first thing in main (no threads yet, nothing to clean up); returns the
/// exit code. Detaches, starts the task in a process group of its own, writes its logs, records its end, and goes. The
/// caller's process returns as soon as the task runs (0), could not be started (1, the reason is in the record), the
/// spec is unusable (2), or another supervisor has this task (3).
int run_task_supervisor(int argc, char** argv);

inline constexpr int kSupervisorStarted = 0;
inline constexpr int kSupervisorTaskFailed = 1;
inline constexpr int kSupervisorBadSpec = 2;
inline constexpr int kSupervisorTaken = 3;

/// An order to a running supervisor: the value of a queued signal kSupervisorOrderSignal. Kept forever compatible,
/// since supervisors outlive upgrades of the agent.
struct SupervisorOrder {
  int signal = 0;              // for the task's main process; SIGKILL: for it and all its descendants
  uint32_t kill_after_ms = 0;  // then SIGKILL to all of them; 0: never. The earliest of several counts. Max 2^23 - 1.

  [[nodiscard]] int packed() const { return signal | static_cast<int>(kill_after_ms << 8); }
  static SupervisorOrder unpack(int value) {
    return {.signal = value & 0xff, .kill_after_ms = static_cast<uint32_t>(value) >> 8};
  }
};
inline constexpr uint32_t kKillAfterMaxMs = (1U << 23) - 1;
/// Above what glibc (SIGRTMIN 34) and musl (35) keep for themselves.
inline constexpr int kSupervisorOrderSignal = 36;

}  // namespace weir::scheduler
