#include "weir/event/turn_end.h"

#include <utility>

#include "event/write_batch.h"
#include "weir/event/loop.h"

namespace weir::event {

void TurnEnd::request_turn_end(Loop& loop) { link(loop.batch().turn_ends_); }

void TurnEnd::request_next_turn_end(Loop& loop) { link(loop.batch().next_turn_ends_); }

void TurnEnd::link(TurnEnd*& list) {
  if (before_ != nullptr) return;
  before_ = &list;
  next_ = *before_;
  if (next_ != nullptr) next_->before_ = &next_;
  *before_ = this;
}

TurnEnd::~TurnEnd() { unlink(); }

void TurnEnd::unlink() {
  if (before_ == nullptr) return;
  *before_ = next_;
  if (next_ != nullptr) next_->before_ = before_;
  next_ = nullptr;
  before_ = nullptr;
}

void WriteBatch::run_turn_ends() {
  while (turn_ends_ != nullptr) {
    TurnEnd* first = turn_ends_;
    first->unlink();
    first->on_turn_end();
  }
  flush();
}

bool WriteBatch::begin_next_turn() {
  if (next_turn_ends_ == nullptr) return false;
  turn_ends_ = std::exchange(next_turn_ends_, nullptr);
  turn_ends_->before_ = &turn_ends_;
  return true;
}

}  // namespace weir::event
