#include "scheduler/agent/alloc_set.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

constexpr uint64_t kBatchMs = 200;
constexpr uint64_t kRetryMaxMs = 5'000;

bool has_group(const Allocation& alloc) {
  return alloc.job != nullptr && alloc.job->find_group(alloc.task_group) != nullptr;
}

bool share_port(const Allocation& a, const Allocation& b) {
  auto is_same = [](const AllocatedPort& one, const AllocatedPort& other) {
    return one.value == other.value && (one.host_ip == other.host_ip || one.host_ip.empty() || other.host_ip.empty());
  };
  return std::any_of(a.resources.ports.begin(), a.resources.ports.end(), [&](const AllocatedPort& one) {
    return std::any_of(b.resources.ports.begin(), b.resources.ports.end(),
                       [&](const AllocatedPort& other) { return is_same(one, other); });
  });
}

int64_t ended_at(const Allocation& alloc) {
  int64_t latest = 0;
  for (const auto& [name, state] : alloc.task_states) latest = std::max(latest, state.finished_at_ns);
  return latest;
}

}  // namespace

AllocSet::AllocSet(const Context& context, ServerLink& server)
    : context_(context),
      server_(server),
      flush_timer_(context.loop, [this] { flush(); }),
      destroy_timer_(context.loop, [this] { destroy_unwanted(); }),
      release_timer_(context.loop, [this] { release_waiting(); }),
      stopped_timer_(context.loop, [this] { look_whether_stopped(); }) {}

AllocRunner::Context AllocSet::runner_context() {
  return {.loop = context_.loop,
          .registry = context_.registry,
          .checks = context_.checks,
          .drivers = context_.drivers,
          .node = context_.node,
          .observer = *this};
}

void AllocSet::restore() {
  for (Allocation& alloc : context_.store.load()) {
    if (!has_group(alloc)) continue;
    std::string id = alloc.id;
    log::info("allocation restored", {{"alloc", id}, {"status", to_string(alloc.client_status)}});
    auto runner =
        std::make_unique<AllocRunner>(runner_context(), std::move(alloc), context_.store.alloc_folder(id), false);
    AllocRunner& restored = *runner;
    runners_[id] = std::move(runner);
    restored.restore();
    unreported_.insert(id);  // the last report may not have arrived
  }
}

AllocRunner* AllocSet::find(const std::string& id) const {
  auto at = runners_.find(id);
  return at == runners_.end() ? nullptr : at->second.get();
}

void AllocSet::apply(AllocPull pull) {
  if (stopping_) return;  // the server would put others in their places
  awaiting_ = {pull.await_previous.begin(), pull.await_previous.end()};
  std::set<std::string> listed;
  // Stops first: they free what the new ones may need.
  std::stable_partition(pull.allocs.begin(), pull.allocs.end(),
                        [](const Allocation& alloc) { return alloc.desired_status != DesiredStatus::run; });
  for (Allocation& alloc : pull.allocs) {
    listed.insert(alloc.id);
    AllocRunner* runner = find(alloc.id);
    waiting_here_.erase(alloc.id);
    if ((runner == nullptr || !runner->begun()) && must_wait(alloc)) waiting_here_.insert(alloc.id);
    bool waits = awaiting_.contains(alloc.id) || waiting_here_.contains(alloc.id);
    if (runner != nullptr) {
      runner->update(std::move(alloc), waits);
    } else if (alloc.client_terminal()) {
      continue;
    } else if (alloc.desired_status != DesiredStatus::run) {
      reject(alloc, "never ran here");
    } else if (!has_group(alloc)) {
      reject(alloc, "its job has no group \"" + alloc.task_group + "\"");
    } else {
      begin(std::move(alloc), waits);
    }
  }
  std::vector<std::string> forgotten;
  for (const auto& [id, runner] : runners_) {
    if (!listed.contains(id)) forgotten.push_back(id);
  }
  for (const std::string& id : forgotten) collect(id);
  collect_oldest();
  schedule();
}

void AllocSet::begin(Allocation alloc, bool held) {
  std::string id = alloc.id;
  // On disk before anything of it exists: a crash in between must not leave a task that nobody knows.
  if (Status saved = context_.store.save(alloc); !saved) {
    log::error("allocation cannot be kept", {{"alloc", id}, {"error", saved.error()}});
    return reject(alloc, saved.error().text());
  }
  log::info("allocation begins", {{"alloc", id}, {"name", alloc.name}, {"waits", held}});
  auto runner =
      std::make_unique<AllocRunner>(runner_context(), std::move(alloc), context_.store.alloc_folder(id), held);
  AllocRunner& begun = *runner;
  runners_[id] = std::move(runner);
  begun.begin();
}

/// The server has given away a port of an allocation that it took for lost, or has forgotten; here it still runs.
bool AllocSet::must_wait(const Allocation& alloc) const {
  return std::any_of(runners_.begin(), runners_.end(), [&](const auto& one) {
    return one.first != alloc.id && one.second->has_processes() && share_port(one.second->alloc(), alloc);
  });
}

void AllocSet::release_waiting() {
  for (const std::string& id : std::set<std::string>(waiting_here_)) {
    AllocRunner* runner = find(id);
    if (runner != nullptr && must_wait(runner->alloc())) continue;
    waiting_here_.erase(id);
    if (runner != nullptr && !awaiting_.contains(id)) runner->release();
  }
}

/// Says that it has ended, so that the server frees what it holds for it.
void AllocSet::reject(const Allocation& alloc, const std::string& reason) {
  bool stopped = alloc.desired_status != DesiredStatus::run;
  rejected_[alloc.id] = {.id = alloc.id,
                         .client_status = stopped ? ClientStatus::complete : ClientStatus::failed,
                         .client_description = reason};
}

void AllocSet::collect(const std::string& id) {
  unwanted_.insert(id);
  runners_.at(id)->stop();
  destroy_timer_.start_once(0);
}

void AllocSet::destroy_unwanted() {
  for (const std::string& id : std::set<std::string>(unwanted_)) destroy(id);
}

/// Ended allocations whose time is over before the server forgets them.
void AllocSet::collect_oldest() {
  std::vector<std::pair<int64_t, std::string>> ended;
  for (const auto& [id, runner] : runners_) {
    bool told = !unreported_.contains(id) && runner->alloc().desired_status != DesiredStatus::run;
    if (runner->terminal() && told) ended.emplace_back(ended_at(runner->alloc()), id);
  }
  if (ended.size() <= kTerminalAllocsMax) return;
  std::sort(ended.begin(), ended.end());
  ended.resize(ended.size() - kTerminalAllocsMax);
  for (const auto& [time, id] : ended) destroy(id);
}

void AllocSet::destroy(const std::string& id) {
  auto at = runners_.find(id);
  if (at == runners_.end() || !at->second->terminal()) return;
  log::info("allocation removed", {{"alloc", id}});
  for (const auto& task : at->second->tasks()) {
    for (const auto& [name, driver] : context_.drivers) driver->forget(task->key());
  }
  if (Status removed = at->second->folder().remove(); !removed) {
    log::warn("allocation's folder cannot be removed", {{"alloc", id}, {"error", removed.error()}});
  }
  context_.store.remove(id);
  unwanted_.erase(id);
  unsaved_.erase(id);
  unreported_.erase(id);
  runners_.erase(at);
}

void AllocSet::stop_all(std::function<void()> done) {
  stopping_ = true;
  on_stopped_ = std::move(done);
  for (const auto& [id, runner] : runners_) runner->stop();
  stopped_timer_.start_once(0);
}

void AllocSet::kill_all(std::function<void()> done) {
  killing_ = true;
  stop_all(std::move(done));
  for (const auto& [id, runner] : runners_) runner->kill();
}

void AllocSet::look_whether_stopped() {
  bool all = std::all_of(runners_.begin(), runners_.end(), [this](const auto& one) {
    return killing_ ? !one.second->has_processes() : one.second->terminal();
  });
  if (all && on_stopped_) std::exchange(on_stopped_, nullptr)();
}

// ---- disk and server

void AllocSet::on_alloc_changed(const std::string& id) {
  unsaved_.insert(id);
  unreported_.insert(id);
  schedule();
  if (!waiting_here_.empty()) release_timer_.start_once(0);
  if (unwanted_.contains(id)) destroy_timer_.start_once(0);
  if (stopping_) stopped_timer_.start_once(0);
}

void AllocSet::schedule() {
  bool pending = !unsaved_.empty() || !unreported_.empty() || !rejected_.empty();
  if (pending && !flush_timer_.active()) flush_timer_.start_once(kBatchMs);
}

void AllocSet::flush() {
  save_changes();
  if (!reporting_) send();
}

void AllocSet::save_changes() {
  std::set<std::string> failed;
  for (const std::string& id : std::exchange(unsaved_, {})) {
    AllocRunner* runner = find(id);
    if (runner == nullptr) continue;
    if (Status saved = context_.store.save(runner->alloc()); !saved) {
      log::error("allocation cannot be kept", {{"alloc", id}, {"error", saved.error()}});
      failed.insert(id);
    }
  }
  unsaved_.merge(failed);
}

void AllocSet::send() {
  std::vector<AllocUpdate> updates;
  std::vector<std::string> sent;
  for (const std::string& id : unreported_) {
    if (updates.size() == kAllocUpdatesMax) break;
    if (AllocRunner* runner = find(id)) updates.push_back(runner->report());
    sent.push_back(id);
  }
  for (const auto& [id, update] : rejected_) {
    if (updates.size() == kAllocUpdatesMax) break;
    updates.push_back(update);
    sent.push_back(id);
  }
  // What changes while the call is under way is reported once more.
  for (const std::string& id : sent) unreported_.erase(id);
  if (updates.empty()) return;
  reporting_ = true;
  server_.report(updates, [this, sent, updates](const Status& reported) {
    reporting_ = false;
    if (reported) {
      report_failures_ = 0;
      for (const AllocUpdate& update : updates) {
        rejected_.erase(update.id);
        AllocRunner* runner = find(update.id);
        if (runner != nullptr && update.healthy) runner->health_acknowledged();
      }
      return schedule();
    }
    for (const std::string& id : sent) {
      if (find(id) != nullptr) unreported_.insert(id);
    }
    flush_timer_.start_once(std::min(kRetryMaxMs, kBatchMs << std::min<uint32_t>(report_failures_++, 8)));
  });
}

}  // namespace weir::scheduler
