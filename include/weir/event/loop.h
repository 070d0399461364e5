#pragma once
// The event loop: one a thread. Everything in event/, http/ and above runs on its loop's thread unless it says
// otherwise.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

struct uv_loop_s;

namespace weir::event {

class IdleWatch;
class PipePool;
class ReadBatch;
class Wheel;
class WriteBatch;

/// One libuv loop with what all its streams share: a read batch, a pipe, a write batch and a deadline wheel.
/// Owned by whoever runs the thread. Objects that use it must be gone before it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until stop() or until nothing is left to wait for.
  void run();
  /// Runs what is ready now without waiting.
  void run_ready();
  /// Makes run() return after the current callback. This thread; from another one, post it.
  void stop();
  /// Runs `task` on this loop's thread, in the order posted. Any thread. Keeps run() from returning until done.
  void post(std::function<void()> task);
  /// As post(), and in one order with it, but nobody is woken: for what matters to the next thing that happens. It runs
  /// before what the turn has read is worked off, and not before something else wakes the loop.
  void post_unhurried(std::function<void()> task);
  /// Runs `task` at the end of this turn, when no callback of ours is on the stack: the place to delete oneself.
  void defer(std::function<void()> task);
  /// Closes the connections that were let go and still linger (TcpStream::close_gracefully): for whoever ends while
  /// they keep something of his.
  void close_lingering();
  /// Destroys an object at the end of this turn: for one that may be on the stack now.
  template <typename T>
  void destroy_later(std::unique_ptr<T> object) {
    defer([held = std::shared_ptr<T>(std::move(object))] {});
  }

  /// Monotonic milliseconds, read once a turn.
  [[nodiscard]] uint64_t now_ms() const;
  /// The same in microseconds, for measuring: the clock is read when a turn asks for the first time, and not again.
  [[nodiscard]] uint64_t now_us();
  /// Reads the clock again: after work that took long.
  void update_time();
  /// As if that much time had passed: fires the deadlines that are due then. Timers do not notice. For tests, which
  /// need not wait.
  void skip_ms(uint64_t ms);

  [[nodiscard]] ReadBatch& reads();
  [[nodiscard]] Wheel& wheel();
  [[nodiscard]] WriteBatch& batch();
  [[nodiscard]] IdleWatch& idle_watch();
  [[nodiscard]] PipePool& pipes();
  [[nodiscard]] uv_loop_s* raw();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::event
