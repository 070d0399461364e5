#pragma once
// Follows one allocation until its health is decided.

#include <functional>

#include "scheduler/agent/check_poll.h"
#include "scheduler/agent/health_tracker.h"
#include "weir/base/clock.h"

namespace weir::scheduler {

/// Looks each time the registry was asked. Owned by an AllocRunner, which may destroy it in `on_decided`.
class HealthWatch final : public CheckPoll::Reader {
 public:
  using Look = std::function<HealthObservation(const CheckStatuses*)>;
  using OnDecided = std::function<void(bool healthy)>;

  HealthWatch(CheckPoll& poll, const HealthRule& rule, Look look, OnDecided on_decided)
      : poll_(poll), tracker_(rule, clock_.monotonic_ms()), look_(std::move(look)), on_decided_(std::move(on_decided)) {
    if (!tracker_.manual()) poll_.add(*this);
  }
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  ~HealthWatch() { poll_.remove(*this); }

 private:
  void on_check_statuses(const CheckStatuses* statuses) override {
    auto verdict = tracker_.observe(look_(statuses), clock_.monotonic_ms());
    if (!verdict) return;
    poll_.remove(*this);
    on_decided_(*verdict);
  }

  SystemClock clock_;
  CheckPoll& poll_;
  HealthTracker tracker_;
  const Look look_;
  const OnDecided on_decided_;
};

}  // namespace weir::scheduler
