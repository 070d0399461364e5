#include "scheduler/agent/alloc_runner.h"

#include <algorithm>

#include "scheduler/agent/signal_names.h"
#include "weir/base/duration.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

enum class Stage : uint8_t { prestart, main, poststart, poststop };

Stage stage_of(const Task& task) {
  if (!task.lifecycle) return Stage::main;
  if (task.lifecycle->hook == "prestart") return Stage::prestart;
  if (task.lifecycle->hook == "poststart") return Stage::poststart;
  return task.lifecycle->hook == "poststop" ? Stage::poststop : Stage::main;
}

bool is_sidecar(const Task& task) {
  return task.lifecycle && task.lifecycle->sidecar && stage_of(task) != Stage::poststop;
}
bool is_main(const TaskRunner& task) { return stage_of(task.task()) == Stage::main; }
bool has_started(const TaskRunner& task) { return task.state().started_at_ns != 0; }

/// What prepares or cleans up runs to its end and a sidecar for ever, whatever the type of the job.
std::string restart_type(const Task& task, const std::string& job_type) {
  if (stage_of(task) == Stage::main) return job_type;
  return is_sidecar(task) ? "service" : "batch";
}

}  // namespace

AllocRunner::AllocRunner(const Context& context, Allocation alloc, std::string folder, bool held)
    : context_(context),
      alloc_(std::move(alloc)),
      folder_(std::move(folder)),
      held_(held),
      services_(context.registry),
      check_restarts_(
          context.checks,
          [this](const std::string& name) -> std::optional<uint64_t> {
            const TaskRunner* task = find_task(name);
            return task != nullptr && task->running() ? std::optional(task->started_at_ms()) : std::nullopt;
          },
          [this](const std::string& name, const std::string& reason) { find_task(name)->restart(reason, true); }),
      group_delay_(context.loop, [this] {
        ending_ = Ending::killing;
        kill_in_order();
      }) {
  const TaskGroup* group = alloc_.job->find_group(alloc_.task_group);
  if (group == nullptr) return;  // the agent refuses such an allocation before it comes here
  for (const Task& task : group->tasks) {
    auto driver = context_.drivers.find(task.driver);
    tasks_.push_back(std::make_unique<TaskRunner>(context_.loop, *this, alloc_.id + "." + task.name,
                                                  restart_type(task, alloc_.job->type), task,
                                                  driver == context_.drivers.end() ? nullptr : driver->second));
  }
}

void AllocRunner::begin() {
  std::vector<std::string> names;
  for (const auto& task : tasks_) names.push_back(task->task().name);
  Status made = folder_.create(names);
  for (const auto& task : tasks_) {
    task->add_event("Received", "Task received by client");
    task->add_event("Task Setup", made ? "Building Task Directory" : made.error().text());
  }
  define_services();
  if (!made) return end(TaskEvent{.type = "Setup Failure", .message = made.error().text()}, false);
  advance();
}

void AllocRunner::restore() {
  unconfirmed_ = true;
  services_.assume_known();
  define_services();
  for (const auto& task : tasks_) {
    auto state = alloc_.task_states.find(task->task().name);
    if (state != alloc_.task_states.end()) task->restore(state->second);
    started_ = started_ || has_started(*task);
  }
  if (terminal()) return;
  if (alloc_.desired_status != DesiredStatus::run) return stop();
  watch_health();
  advance();
}

void AllocRunner::update(Allocation alloc, bool held) {
  bool new_deployment = alloc.deployment_id != alloc_.deployment_id;
  bool decided_by_server = alloc.deployment_status && alloc.deployment_status->healthy;
  auto ours = new_deployment ? std::nullopt : alloc_.deployment_status;
  if (alloc.job == nullptr) alloc.job = alloc_.job;
  alloc.client_status = alloc_.client_status;
  alloc.client_description = std::move(alloc_.client_description);
  alloc.task_states = std::move(alloc_.task_states);
  alloc_ = std::move(alloc);
  if (ours && ours->healthy && !decided_by_server) {
    alloc_.deployment_status =
        AllocDeploymentStatus{.healthy = ours->healthy,
                              .timestamp_ns = ours->timestamp_ns,
                              .canary = alloc_.deployment_status && alloc_.deployment_status->canary};
    health_unsent_ = true;  // an earlier agent decided and could not say so
  }
  held_ = held;
  unconfirmed_ = false;
  if (const TaskGroup* group = alloc_.job->find_group(alloc_.task_group)) {
    for (const auto& task : tasks_) {
      if (const Task* changed = group->find_task(task->task().name)) task->update(*changed);
    }
  }
  context_.observer.on_alloc_changed(alloc_.id);
  if (terminal()) return;
  if (alloc_.desired_status != DesiredStatus::run) return stop();
  define_services();
  if (new_deployment) health_.reset();
  watch_health();
  advance();
}

void AllocRunner::release() {
  held_ = false;
  if (terminal() || ending_ != Ending::no) return;
  watch_health();
  advance();
}

// ---- services and health

void AllocRunner::define_services() {
  const TaskGroup* group = alloc_.job->find_group(alloc_.task_group);
  if (group == nullptr || tasks_.empty()) return;
  AllocServices::ByOwner all;
  auto add = [&](const std::string& owner, const Task* task, const TextMap& env) {
    auto built = build_registrations({.alloc = alloc_,
                                      .group = *group,
                                      .task = task,
                                      .env = env,
                                      .node = context_.node.variables,
                                      .node_id = context_.node.id,
                                      .node_ip = context_.node.ip});
    if (built) {
      all[owner] = std::move(*built);
    } else {
      tasks_.front()->add_event("Task hook failed", "services are not registered: " + built.error().text());
    }
  };
  add(AllocServices::kGroup, nullptr, build_group_env(*alloc_.job, *group, identity(), context_.node.variables));
  for (const Task& task : group->tasks) {
    if (!task.services.empty()) add(task.name, &task, env_of(task));
  }
  std::vector<CheckRegistration> checks;
  for (const auto& [owner, list] : all) {
    for (const ServiceRegistration& service : list) {
      checks.insert(checks.end(), service.checks.begin(), service.checks.end());
    }
  }
  services_.define(std::move(all));
  check_restarts_.watch(checks);
}

void AllocRunner::watch_health() {
  bool decided = alloc_.deployment_status && alloc_.deployment_status->healthy;
  if (health_ || decided || held_) return;
  const TaskGroup* group = alloc_.job->find_group(alloc_.task_group);
  if (group == nullptr) return;
  std::optional<HealthRule> rule;
  if (!alloc_.deployment_id.empty()) {
    if (group->update) rule.emplace(*group->update);
  } else if (group->migrate) {  // a drain waits for it
    rule.emplace(*group->migrate);
  }
  if (!rule) return;
  health_ = std::make_unique<HealthWatch>(
      context_.checks, *rule, [this](const CheckStatuses* statuses) { return look(statuses); },
      [this](bool healthy) { decide_health(healthy); });
}

void AllocRunner::decide_health(bool healthy) {
  if (!alloc_.deployment_status) alloc_.deployment_status.emplace();
  alloc_.deployment_status->healthy = healthy;
  alloc_.deployment_status->timestamp_ns = SystemClock().wall_ns();
  health_unsent_ = true;
  if (!healthy && !alloc_.deployment_id.empty()) {
    for (const auto& task : tasks_)
      task->add_event("Alloc Unhealthy", "A task ended, or it was not healthy by the deadline");
  }
  context_.observer.on_alloc_changed(alloc_.id);
}

HealthObservation AllocRunner::look(const CheckStatuses* statuses) const {
  HealthObservation seen{.tasks_running = true, .services_passing = services_.passing(statuses)};
  for (const auto& task : tasks_) {
    if (stage_of(task->task()) == Stage::poststop) continue;
    const bool lasts = is_main(*task) || is_sidecar(task->task());
    seen.tasks_running = seen.tasks_running && (lasts ? task->running() : has_started(*task));
    seen.task_ended = seen.task_ended || (task->dead() && (task->state().failed || lasts));
    seen.started_at_ms = std::max(seen.started_at_ms, task->started_at_ms());
  }
  return seen;
}

// ---- what the tasks say

void AllocRunner::on_task_changed() {
  refresh_status();
  context_.observer.on_alloc_changed(alloc_.id);
}

void AllocRunner::on_task_running(TaskRunner& task) {
  services_.up(task.task().name);
  if (mains_running()) services_.up(AllocServices::kGroup);
  advance();
}

/// A service whose task is gone must not be called, however soon the task comes back.
void AllocRunner::on_task_down(TaskRunner& task) {
  services_.down(task.task().name);
  if (is_main(task)) services_.down(AllocServices::kGroup);
}

void AllocRunner::on_task_dead(TaskRunner&) { advance(); }

void AllocRunner::withdraw_services(TaskRunner& task, std::function<void(Status)> done) {
  std::vector<std::string> leaving = {task.task().name};
  if (is_main(task)) leaving.emplace_back(AllocServices::kGroup);
  withdrawals_[task.task().name] = services_.withdraw(leaving, std::move(done));
}

bool AllocRunner::may_launch(const TaskRunner& task) {
  // Its allocation ends, whatever the server will say when it is heard again.
  if (stage_of(task.task()) == Stage::poststop) return ending_ == Ending::killing && !killed_;
  return ending_ == Ending::no && !held_ && !unconfirmed_ && !killed_;
}

TaskLaunch AllocRunner::launch_of(const TaskRunner& task) {
  return {.key = task.key(),
          .config = {},
          .env = env_of(task.task()),
          .node = context_.node.variables,
          .task_dir = folder_.task(task.task().name),
          .log_folder = folder_.logs(),
          .log_name = task.task().name,
          .logs = task.task().log_config};
}

TaskIdentity AllocRunner::identity() const {
  TaskIdentity identity = allocation_identity(alloc_, context_.node.ip);
  identity.alloc_dir = folder_.shared();
  return identity;
}

TextMap AllocRunner::env_of(const Task& task) const {
  TaskIdentity whole = identity();
  whole.task_dir = folder_.task_local(task.name);
  whole.secrets_dir = folder_.task_secrets(task.name);
  whole.host_env = context_.node.host_env;
  const TaskGroup& group = *alloc_.job->find_group(alloc_.task_group);
  return build_task_env(*alloc_.job, group, task, whole, context_.node.variables);
}

// ---- the order of things

/// Does whatever the tasks' states allow next. Safe to call at any time, also from within itself.
void AllocRunner::advance() {
  if (advancing_) {
    advance_again_ = true;
    return;
  }
  advancing_ = true;
  do {
    advance_again_ = false;
    if (ending_ == Ending::no) start_in_order();
    if (ending_ == Ending::killing) kill_in_order();
  } while (advance_again_);
  advancing_ = false;
  refresh_status();
}

void AllocRunner::start_in_order() {
  if (held_ || unconfirmed_) return;
  if (!started_) watch_health();
  started_ = true;
  bool prestarted = true;
  bool mains_started = true;
  bool mains_dead = true;
  for (const auto& task : tasks_) {
    const std::string& name = task->task().name;
    if (task->dead() && task->state().failed) {
      return end(TaskEvent{.type = "Sibling Task Failed", .message = "Task's sibling \"" + name + "\" failed"}, false);
    }
    if (task->dead() && task->task().leader) {
      return end(TaskEvent{.type = "Leader Task Dead", .message = "Leader Task in Group dead"}, false);
    }
    if (is_main(*task)) {
      mains_started = mains_started && has_started(*task);
      mains_dead = mains_dead && task->dead();
    }
    if (stage_of(task->task()) == Stage::prestart) {
      prestarted = prestarted && (is_sidecar(task->task()) ? task->running() : task->dead());
    }
  }
  if (mains_dead) return end(TaskEvent{.type = "Main Tasks Dead", .message = "Main tasks in the group died"}, false);
  for (const auto& task : tasks_) {
    Stage stage = stage_of(task->task());
    bool now = stage == Stage::prestart || (stage == Stage::main && prestarted) ||
               (stage == Stage::poststart && prestarted && mains_started);
    if (now) task->start();
  }
}

void AllocRunner::stop() { end(std::nullopt, true); }

void AllocRunner::kill() {
  killed_ = true;
  for (const auto& task : tasks_) task->kill();
}

bool AllocRunner::has_processes() const {
  return std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task->has_process(); });
}

void AllocRunner::end(std::optional<TaskEvent> why, bool with_group_delay) {
  if (ending_ != Ending::no) return;
  // Before the status is looked at: the last task's death has made it terminal already, and what is reported says both.
  bool undecided = health_ && !(alloc_.deployment_status && alloc_.deployment_status->healthy);
  health_.reset();
  if (undecided && why) decide_health(false);
  if (terminal()) return;
  ending_ = Ending::withdrawing;
  why_ = std::move(why);
  services_.stop();
  check_restarts_.watch({});
  log::info("allocation ends", {{"alloc", alloc_.id}, {"reason", why_ ? why_->message : "it is not wanted any more"}});
  withdrawals_[AllocServices::kGroup] = services_.withdraw(
      owners(), [this, with_group_delay](const Status& withdrawn) { delay_end(withdrawn, with_group_delay); });
}

void AllocRunner::delay_end(const Status& withdrawn, bool with_group_delay) {
  const TaskGroup* group = alloc_.job->find_group(alloc_.task_group);
  int64_t delay_ns = group == nullptr ? 0 : group->shutdown_delay_ns.value_or(0);
  bool any_running = std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task->running(); });
  bool delayed = with_group_delay && delay_ns > 0 && any_running;
  for (const auto& task : tasks_) {
    if (!task->running()) continue;
    if (!withdrawn)
      task->add_event("Task hook failed", "deregistration was not confirmed: " + withdrawn.error().text());
    if (delayed) {
      task->add_event("Waiting for shutdown delay", "Waiting for the group's shutdown_delay of " +
                                                        format_duration(delay_ns) + " before killing the task.");
    }
  }
  ending_ = delayed ? Ending::delaying : Ending::killing;
  if (delayed) return group_delay_.start_once(static_cast<uint64_t>(delay_ns / kNsPerMs));
  advance();
}

/// The leader first, then the other tasks of the group's own, then sidecars; poststop tasks run last, to their end.
void AllocRunner::kill_in_order() {
  auto stop_all = [&](auto chosen) {
    bool all_dead = true;
    for (const auto& task : tasks_) {
      if (!chosen(task->task())) continue;
      task->stop(task->running() ? why_ : std::nullopt);
      all_dead = all_dead && task->dead();
    }
    return all_dead;
  };
  auto is_leader = [](const Task& task) { return task.leader; };
  auto is_own = [](const Task& task) { return stage_of(task) != Stage::poststop && !is_sidecar(task); };
  auto is_helper = [](const Task& task) { return stage_of(task) != Stage::poststop && is_sidecar(task); };
  if (!stop_all(is_leader) || !stop_all(is_own) || !stop_all(is_helper)) return;
  for (const auto& task : tasks_) {
    if (stage_of(task->task()) != Stage::poststop || task->dead()) continue;
    if (started_ && may_launch(*task)) {
      task->start();
    } else {
      task->stop();
    }
  }
}

void AllocRunner::refresh_status() {
  bool any_failed = false;
  bool any_running = false;
  bool all_dead = true;
  alloc_.task_states.clear();
  for (const auto& task : tasks_) {
    alloc_.task_states[task->task().name] = task->state();
    any_failed = any_failed || task->state().failed;
    any_running = any_running || task->running();
    all_dead = all_dead && task->dead();
  }
  // `failed` and `complete` free the ports, so they wait for the last task.
  ClientStatus status = ClientStatus::pending;
  std::string description = "No tasks have started";
  if (all_dead) {
    status = any_failed ? ClientStatus::failed : ClientStatus::complete;
    description = any_failed ? "Failed tasks" : "All tasks have completed";
  } else if (any_running) {
    status = ClientStatus::running;
    description = "Tasks are running";
  }
  if (status == alloc_.client_status && description == alloc_.client_description) return;
  alloc_.client_status = status;
  alloc_.client_description = std::move(description);
  context_.observer.on_alloc_changed(alloc_.id);
}

// ---- what people and the server ask for

Status AllocRunner::restart(const std::string& task_name) {
  if (!task_name.empty() && find_task(task_name) == nullptr) {
    return fail(ErrorCode::not_found, "Could not find task runner for task: " + task_name);
  }
  bool any = false;
  for (const auto& task : tasks_) {
    if (!task_name.empty() && task->task().name != task_name) continue;
    if (task_name.empty() && !task->running()) continue;
    any = any || task->running();
    task->restart("User requested restart", false);
  }
  if (!any) return fail(ErrorCode::conflict, "Task not running");
  return {};
}

Status AllocRunner::signal(const std::string& task_name, const std::string& signal) {
  auto number = parse_signal(signal);
  if (!number) return fail(ErrorCode::invalid, "invalid signal: " + signal);
  if (!task_name.empty()) {
    TaskRunner* task = find_task(task_name);
    if (task == nullptr) return fail(ErrorCode::not_found, "Task not found");
    return task->signal(*number, signal);
  }
  for (const auto& task : tasks_) {
    if (!task->running()) continue;
    if (Status sent = task->signal(*number, signal); !sent) return sent;
  }
  return {};
}

AllocUpdate AllocRunner::report() const {
  AllocUpdate update{.id = alloc_.id,
                     .client_status = alloc_.client_status,
                     .client_description = alloc_.client_description,
                     .task_states = alloc_.task_states};
  if (health_unsent_ && alloc_.deployment_status) {
    update.healthy = alloc_.deployment_status->healthy;
    update.health_timestamp_ns = alloc_.deployment_status->timestamp_ns;
  }
  return update;
}

TaskRunner* AllocRunner::find_task(const std::string& name) const {
  for (const auto& task : tasks_) {
    if (task->task().name == name) return task.get();
  }
  return nullptr;
}

bool AllocRunner::mains_running() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return !is_main(*task) || task->running(); });
}

std::vector<std::string> AllocRunner::owners() const {
  std::vector<std::string> out = {AllocServices::kGroup};
  for (const auto& task : tasks_) out.push_back(task->task().name);
  return out;
}

}  // namespace weir::scheduler
