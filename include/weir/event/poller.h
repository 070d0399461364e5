#pragma once
// Sockets, and who is told when something can be done with them.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::event {

class WriteBatch;

/// The loop's epoll instance. Sockets are in it directly, added once for their life and taken out by close(2) itself;
/// libuv's own instance (timers, signals, look-ups, other threads) is one descriptor among them.
/// Owned by the Loop; loop thread only.
class Poller {
 public:
  class Watcher {
   public:
    /// `events` as epoll_wait(2) has them; 0 where it has only asked with again(). It may be removed and destroyed in
    /// here. What it has written leaves when it returns.
    virtual void on_ready(uint32_t events) = 0;
    /// The loop dies: only for what has no owner any more and must remove() or forget() itself now.
    virtual void on_loop_gone() {}

   protected:
    ~Watcher() = default;
  };

  explicit Poller(WriteBatch& batch);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Whether Loop::run() goes on for it.
  enum class Keeps : uint8_t { running, nothing };
  /// `events` may have EPOLLET. False: the system has no memory to spare for one more; errno says why.
  [[nodiscard]] bool add(int fd, Watcher& watcher, uint32_t events, Keeps keeps = Keeps::running);
  /// A descriptor that lives on.
  void remove(int fd);
  /// One that is closed next: the kernel takes it out by itself.
  void forget(int fd);
  /// Calls on_ready(0) in the next turn of the loop, which does not sleep before: for what an edge has told and was not
  /// used up.
  void again(int fd);

 private:
  friend class Loop;
  struct Slot {
    Watcher* watcher = nullptr;
    // Counts who has had this number: what the kernel says of an earlier one is not told. It may speak of those while
    // a child that is being started holds a copy of them.
    uint32_t generation = 0;
    Keeps keeps = Keeps::nothing;
    bool wants_again = false;  // in again_
    bool due = false;          // in again_now_ and not told yet in this turn
  };

  /// Waits for events, at most that long (-1: as long as it takes), and tells of them.
  void turn(int timeout_ms);
  void tell(Watcher& watcher, uint32_t events);
  [[nodiscard]] bool keeps_running() const { return kept_running_ > 0; }
  void abandon_all();
  Slot* slot_of(int fd);

  WriteBatch& batch_;
  const int epoll_fd_;
  size_t kept_running_ = 0;
  std::vector<Slot> slots_;  // by descriptor
  std::vector<int> again_;
  std::vector<int> again_now_;  // of the turn under way; its capacity is what the next needs
};

}  // namespace weir::event
