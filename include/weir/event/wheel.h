#pragma once
// Lazy deadlines: setting one is writing a field; one timer a loop sweeps them. For every connection and request.

#include <cstdint>
#include <memory>

namespace weir::event {

class Loop;
class Timer;

/// Links of an intrusive list.
struct WheelLink {
  WheelLink* next = nullptr;
  WheelLink* before = nullptr;
};

/// Something with at most one deadline. A member or base of what it guards; unlinks itself in its destructor.
/// Fires up to kTickMs late, never early.
class Deadline : private WheelLink {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  /// Moving a deadline into the future, as each request does, only stores it.
  void set_deadline(Loop& loop, uint64_t delay_ms);
  void clear_deadline() { due_ms_ = 0; }
  [[nodiscard]] bool has_deadline() const { return due_ms_ != 0; }

 protected:
  virtual ~Deadline();
  /// The deadline has passed and is cleared. The object may be destroyed in here.
  virtual void on_deadline() = 0;

 private:
  friend class Wheel;
  uint64_t due_ms_ = 0;   // 0: none
  uint64_t slot_ms_ = 0;  // when the slot it is linked in is swept; 0: not linked
};

/// 512 slots of 64 ms; a deadline further away than the 32 s of one turn is looked at once a turn.
class Wheel {
 public:
  static constexpr uint64_t kTickMs = 64;
  static constexpr uint64_t kSlots = 512;

  explicit Wheel(Loop& loop);
  ~Wheel();
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  /// Fires what is due. Called by its timer.
  void sweep();
  /// False once nothing is linked any more: the timer rests.
  [[nodiscard]] bool sweeping() const;

 private:
  friend class Deadline;
  void link(Deadline& deadline);
  static void unlink(Deadline& deadline);

  Loop& loop_;
  uint64_t swept_until_ms_ = 0;
  uint64_t empty_sweeps_ = 0;  // in a row; a whole turn of them means that nothing is linked
  WheelLink slots_[kSlots];
  std::unique_ptr<Timer> timer_;  // runs only while something may be linked
};

}  // namespace weir::event
