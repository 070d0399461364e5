#pragma once
// Work put off to the end of the loop's turn, so that what many callbacks caused is done once.

namespace weir::event {

class Loop;
class WriteBatch;

/// Something with at most one call pending. A base of what is to be called; unlinks itself in its destructor. Costs no
/// allocation. Loop's thread.
class TurnEnd {
 public:
  TurnEnd() = default;
  TurnEnd(const TurnEnd&) = delete;
  TurnEnd& operator=(const TurnEnd&) = delete;

  /// on_turn_end() comes once before the loop waits again; asked for within it, once more in the same turn.
  void request_turn_end(Loop& loop);
  /// on_turn_end() comes once at the end of the next turn, before which the loop looks what has come and does not wait:
  /// for work that others need not wait for. Not while a call is pending.
  void request_next_turn_end(Loop& loop);

 protected:
  virtual ~TurnEnd();
  [[nodiscard]] bool turn_end_pending() const { return before_ != nullptr; }
  /// The object may be destroyed in here.
  virtual void on_turn_end() = 0;

 private:
  friend class WriteBatch;
  void link(TurnEnd*& list);
  void unlink();
  TurnEnd* next_ = nullptr;
  TurnEnd** before_ = nullptr;  // what points here; null: not linked
};

}  // namespace weir::event
