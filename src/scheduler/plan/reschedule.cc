#include "scheduler/plan/reschedule.h"

#include <algorithm>

namespace weir::scheduler {
namespace {

constexpr size_t kUnlimitedHistoryMax = 5;

int64_t end_of(const Allocation& allocation) {
  int64_t end = 0;
  for (const auto& [name, task] : allocation.task_states) end = std::max(end, task.finished_at_ns);
  return end != 0 ? end : allocation.modify_time_ns;
}

int64_t next_delay(const std::vector<RescheduleEvent>& events, const ReschedulePolicy& policy, int64_t end_ns) {
  int64_t base = policy.delay_ns.value();
  int64_t cap = policy.max_delay_ns.value();
  if (events.empty() || policy.delay_function == "constant") return base;
  const RescheduleEvent& last = events.back();
  // It ran longer than the longest delay since it was last replaced: a new story, so the delay starts again.
  if (cap > 0 && last.delay_ns >= cap && end_ns - last.time_ns > cap) return base;
  int64_t delay = base;
  if (policy.delay_function == "exponential") delay = last.delay_ns > cap / 2 && cap > 0 ? cap : last.delay_ns * 2;
  if (policy.delay_function == "fibonacci" && events.size() >= 2) {
    delay = last.delay_ns + events[events.size() - 2].delay_ns;
  }
  return cap > 0 ? std::min(delay, cap) : delay;
}

}  // namespace

std::optional<ReschedulePolicy> reschedule_policy_of(const Job& job, const TaskGroup& group) {
  if (job.type != "system") return group.reschedule_policy;
  ReschedulePolicy policy;
  policy.delay_ns = int64_t{15'000'000'000};
  policy.delay_function = "exponential";
  policy.max_delay_ns = int64_t{300'000'000'000};
  policy.unlimited = true;
  return policy;
}

std::optional<RescheduleTime> reschedule_time(const Allocation& allocation, const ReschedulePolicy& policy) {
  int64_t end = end_of(allocation);
  if (!policy.unlimited.value()) {
    int64_t attempts = 0;
    for (const RescheduleEvent& event : allocation.reschedule_events) {
      if (end - event.time_ns < policy.interval_ns.value()) ++attempts;
    }
    if (attempts >= policy.attempts.value()) return std::nullopt;
  }
  int64_t delay = next_delay(allocation.reschedule_events, policy, end);
  return RescheduleTime{.at_ns = end + delay, .delay_ns = delay};
}

std::vector<RescheduleEvent> reschedule_history(const Allocation& allocation, const ReschedulePolicy& policy,
                                                int64_t now_ns, int64_t delay_ns) {
  std::vector<RescheduleEvent> events = allocation.reschedule_events;
  events.push_back({.time_ns = now_ns,
                    .previous_alloc_id = allocation.id,
                    .previous_node_id = allocation.node_id,
                    .delay_ns = delay_ns});
  size_t keep = policy.unlimited.value() ? kUnlimitedHistoryMax
                                         : std::max(kUnlimitedHistoryMax,
                                                    static_cast<size_t>(std::max<int64_t>(policy.attempts.value(), 0)));
  if (events.size() > keep) events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(keep));
  return events;
}

}  // namespace weir::scheduler
