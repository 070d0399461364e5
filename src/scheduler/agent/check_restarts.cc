#include "scheduler/agent/check_restarts.h"

#include <algorithm>

namespace weir::scheduler {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

uint64_t to_ms(int64_t ns) { return static_cast<uint64_t>(std::max<int64_t>(ns, 0) / kNsPerMs); }

}  // namespace

CheckRestartTracker::CheckRestartTracker(const CheckRegistration& check)
    : rule_(check.restart.value_or(CheckRestart{})),
      fails_for_ms_(to_ms(check.interval_ns) * static_cast<uint64_t>(std::max<int64_t>(rule_.limit - 1, 0))) {}

bool CheckRestartTracker::observe(const std::string& status, uint64_t started_at_ms, uint64_t now_ms) {
  bool failing = status == "critical" || (status == "warning" && !rule_.ignore_warnings);
  if (!failing || now_ms < started_at_ms + to_ms(rule_.grace_ns)) {
    failing_since_ms_.reset();
    return false;
  }
  if (!failing_since_ms_) failing_since_ms_ = now_ms;
  if (now_ms - *failing_since_ms_ < fails_for_ms_) return false;
  failing_since_ms_.reset();
  return true;
}

CheckRestarts::CheckRestarts(CheckPoll& poll, StartedAt started_at, Restart restart)
    : poll_(poll), started_at_(std::move(started_at)), restart_(std::move(restart)) {}

CheckRestarts::~CheckRestarts() { poll_.remove(*this); }

void CheckRestarts::watch(const std::vector<CheckRegistration>& checks) {
  poll_.remove(*this);
  watched_.clear();
  for (const CheckRegistration& check : checks) {
    if (!check.restart || check.restart->limit <= 0) continue;
    watched_.push_back({.id = check.id, .name = check.name, .task = check.task, .tracker = CheckRestartTracker(check)});
  }
  if (!watched_.empty()) poll_.add(*this);
}

void CheckRestarts::on_check_statuses(const CheckStatuses* statuses) {
  if (statuses == nullptr) return;  // silence of the registry is no failure of the task
  for (Watched& check : watched_) {
    auto status = statuses->find(check.id);
    auto started_at_ms = started_at_(check.task);
    if (status == statuses->end() || !started_at_ms) continue;
    if (!check.tracker.observe(status->second.status, *started_at_ms, clock_.monotonic_ms())) continue;
    return restart_(check.task, "healthcheck: check \"" + check.name + "\" unhealthy");
  }
}

}  // namespace weir::scheduler
