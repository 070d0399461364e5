#pragma once
// When a failed allocation may be replaced (nomad-api 3.11). Pure.

#include <cstdint>
#include <optional>

#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// The group's own policy; system groups, which have none in Nomad, get a fixed back-off of ours so that a proxy that
/// died comes back: 15 s doubling to 5 minutes, without end.
std::optional<ReschedulePolicy> reschedule_policy_of(const Job& job, const TaskGroup& group);

struct RescheduleTime {
  int64_t at_ns = 0;
  int64_t delay_ns = 0;
};

/// For an allocation whose client status is failed (or complete, of a job that must run). Nothing: it has no attempt
/// left.
std::optional<RescheduleTime> reschedule_time(const Allocation& allocation, const ReschedulePolicy& policy);

/// The history for the successor: the allocation's own and this event, as much as the policy needs.
std::vector<RescheduleEvent> reschedule_history(const Allocation& allocation, const ReschedulePolicy& policy,
                                                int64_t now_ns, int64_t delay_ns);

}  // namespace weir::scheduler
