#include "weir/event/wheel.h"

#include <algorithm>

#include "weir/base/check.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

namespace weir::event {

Wheel::Wheel(Loop& loop) : loop_(loop), timer_(std::make_unique<Timer>(loop, [this] { sweep(); })) {
  for (WheelLink& slot : slots_) slot.next = slot.before = &slot;
  timer_->set_background();
}

Wheel::~Wheel() {
  // Whatever is still linked (lingering connections) dies with the loop.
  for (WheelLink& slot : slots_) {
    while (slot.next != &slot) unlink(static_cast<Deadline&>(*slot.next));
  }
}

void Wheel::link(Deadline& deadline) {
  if (!timer_->active()) {
    swept_until_ms_ = loop_.now_ms() / kTickMs * kTickMs;
    timer_->start_every(kTickMs);
  }
  empty_sweeps_ = 0;  // its slot may be a whole turn away
  // Rounded up, so that the sweep of its slot finds it due; never the slot being swept.
  uint64_t slot_ms = (deadline.due_ms_ + kTickMs - 1) / kTickMs * kTickMs;
  slot_ms = std::clamp(slot_ms, swept_until_ms_ + kTickMs, swept_until_ms_ + kSlots * kTickMs);
  deadline.slot_ms_ = slot_ms;
  WheelLink& slot = slots_[slot_ms / kTickMs % kSlots];
  deadline.next = &slot;
  deadline.before = slot.before;
  slot.before->next = &deadline;
  slot.before = &deadline;
}

void Wheel::unlink(Deadline& deadline) {
  deadline.next->before = deadline.before;
  deadline.before->next = deadline.next;
  deadline.next = deadline.before = nullptr;
  deadline.slot_ms_ = 0;
}

bool Wheel::sweeping() const { return timer_->active(); }

void Wheel::sweep() {
  uint64_t now_ms = loop_.now_ms();
  while (swept_until_ms_ + kTickMs <= now_ms) {
    swept_until_ms_ += kTickMs;
    // The slot's list moves to a head of its own: what fires may link, unlink and destroy others of it.
    WheelLink& slot = slots_[swept_until_ms_ / kTickMs % kSlots];
    WheelLink due{&due, &due};
    ++empty_sweeps_;
    if (slot.next != &slot) {
      empty_sweeps_ = 0;
      due.next = slot.next;
      due.before = slot.before;
      due.next->before = due.before->next = &due;
      slot.next = slot.before = &slot;
    }
    while (due.next != &due) {
      auto& deadline = static_cast<Deadline&>(*due.next);
      unlink(deadline);
      if (deadline.due_ms_ == 0) continue;  // cleared meanwhile: linked again when set
      if (deadline.due_ms_ > now_ms) {
        link(deadline);
        continue;
      }
      deadline.due_ms_ = 0;
      deadline.on_deadline();
    }
  }
  if (empty_sweeps_ >= kSlots) timer_->stop();
}

void Deadline::set_deadline(Loop& loop, uint64_t delay_ms) {
  due_ms_ = loop.now_ms() + std::max<uint64_t>(delay_ms, 1);
  Wheel& wheel = loop.wheel();
  if (slot_ms_ != 0) {
    if (due_ms_ >= slot_ms_) return;  // looked at when its slot comes
    Wheel::unlink(*this);
  }
  wheel.link(*this);
}

Deadline::~Deadline() {
  if (slot_ms_ == 0) return;
  Wheel::unlink(*this);
}

}  // namespace weir::event
