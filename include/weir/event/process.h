#pragma once
// Other processes: start one, and learn when one ends, also one that is not our child.

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/result.h"

namespace weir::event {

class Loop;

/// Calls back once when a process ends. Owned by value; movable; destroying it stops watching and does nothing to the
/// process. Holds a pidfd, so a signal sent through it can never reach another process that got the same number later.
/// Keeps Loop::run() from returning while it waits.
class ProcessWatch {
 public:
  using OnEnd = std::function<void()>;
  /// The caller makes sure that `pid` is still the process it means AFTER this call (compare its start time).
  static Result<ProcessWatch> watch(Loop& loop, pid_t pid, OnEnd on_end);

  ProcessWatch(ProcessWatch&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  ProcessWatch& operator=(ProcessWatch&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~ProcessWatch();

  /// not_found when it has ended. `value` goes along in siginfo (real-time signals keep their order and number).
  [[nodiscard]] Status send(int signal, int value = 0) const;

 private:
  friend class Child;
  struct Cell;
  explicit ProcessWatch(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

struct ChildOptions {
  std::vector<std::string> argv = {};  // argv[0] is the program's path
  std::vector<std::string> env = {};   // "A=b"; the whole environment
};

/// How a process ended: by exit code, or by a signal (then `signal` is not 0).
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
};

/// A program started by us, with /dev/null for its three streams, default signals and no other file of ours. Owned by
/// value; destroying it leaves the process running.
class Child {
 public:
  using OnExit = std::function<void(ExitStatus)>;
  static Result<Child> start(Loop& loop, const ChildOptions& options, OnExit on_exit);

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Child(pid_t pid, ProcessWatch watch) : pid_(pid), watch_(std::move(watch)) {}
  pid_t pid_;
  ProcessWatch watch_;
};

}  // namespace weir::event
