#include "weir/event/turn_end.h"

#include "event/write_batch.h"
#include "weir/event/loop.h"

namespace weir::event {

void TurnEnd::request_turn_end(Loop& loop) {
  if (before_ != nullptr) return;
  before_ = &loop.batch().turn_ends_;
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

}  // namespace weir::event
