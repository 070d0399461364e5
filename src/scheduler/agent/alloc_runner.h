#pragma once
// One allocation on this node: its tasks in their order, its services, its health, and above all its end.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/agent/alloc_folder.h"
#include "scheduler/agent/alloc_services.h"
#include "scheduler/agent/check_restarts.h"
#include "scheduler/agent/health_watch.h"
#include "scheduler/agent/task_runner.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {

/// What the agent knows of its node, for environments and registrations.
struct NodeFacts {
  std::string id;
  std::string ip;
  NodeVariables variables;
  TextMap host_env;
};

/// Owned by the agent. Loop's thread. Destroying it leaves its processes running and its services registered.
///
/// The end of an allocation, whatever the reason: services of the group and of the tasks are taken out of the registry
/// -> its answer is waited for (at most ten seconds) -> shutdown delays -> kill signal -> kill timeout -> SIGKILL ->
/// the allocation is reported as ended. From the first step on nothing registers a service again.
class AllocRunner final : public TaskRunner::Host {
 public:
  class Observer {
   public:
    /// To be written down and reported.
    virtual void on_alloc_changed(const std::string& id) = 0;

   protected:
    ~Observer() = default;
  };
  /// Outlives the runner.
  struct Context {
    event::Loop& loop;
    RegistrySync& registry;
    CheckPoll& checks;
    const std::map<std::string, Driver*>& drivers;
    const NodeFacts& node;
    Observer& observer;
  };

  /// `alloc.job` has the group. `held`: no task may start yet (the previous allocation has not ended).
  AllocRunner(const Context& context, Allocation alloc, std::string folder, bool held);

  /// A new allocation.
  void begin();
  /// One that an earlier agent began; `alloc` came from its notes. Nothing new starts until the first update().
  void restore();
  /// The server's present view of it.
  void update(Allocation alloc, bool held);
  /// What held it has ended.
  void release();
  void stop();
  /// After stop(): without waiting for anything.
  void kill();

  /// Commands of people. An empty task name: all tasks.
  Status restart(const std::string& task_name);
  Status signal(const std::string& task_name, const std::string& signal);

  /// What the server shall know, with health if it has not been acknowledged yet.
  [[nodiscard]] AllocUpdate report() const;
  void health_acknowledged() { health_unsent_ = false; }

  /// As kept: the server's part and ours.
  [[nodiscard]] const Allocation& alloc() const { return alloc_; }
  [[nodiscard]] bool terminal() const { return alloc_.client_terminal(); }
  [[nodiscard]] bool has_processes() const;
  /// Its tasks were let start, by this agent or an earlier one.
  [[nodiscard]] bool begun() const { return started_; }
  [[nodiscard]] const AllocFolder& folder() const { return folder_; }
  [[nodiscard]] const std::vector<std::unique_ptr<TaskRunner>>& tasks() const { return tasks_; }
  [[nodiscard]] const AllocServices& services() const { return services_; }

 private:
  enum class Ending : uint8_t { no, withdrawing, delaying, killing };

  void on_task_changed() override;
  void on_task_running(TaskRunner& task) override;
  void on_task_down(TaskRunner& task) override;
  void on_task_dead(TaskRunner& task) override;
  void withdraw_services(TaskRunner& task, std::function<void(Status)> done) override;
  bool may_launch(const TaskRunner& task) override;
  TaskLaunch launch_of(const TaskRunner& task) override;

  void define_services();
  void watch_health();
  void decide_health(bool healthy);
  [[nodiscard]] HealthObservation look(const CheckStatuses* statuses) const;

  void advance();
  void start_in_order();
  void end(std::optional<TaskEvent> why, bool with_group_delay);
  void delay_end(const Status& withdrawn, bool with_group_delay);
  void kill_in_order();
  void refresh_status();

  [[nodiscard]] TaskIdentity identity() const;
  [[nodiscard]] TextMap env_of(const Task& task) const;
  [[nodiscard]] TaskRunner* find_task(const std::string& name) const;
  [[nodiscard]] bool mains_running() const;
  [[nodiscard]] std::vector<std::string> owners() const;

  const Context context_;
  Allocation alloc_;
  AllocFolder folder_;
  bool held_;
  bool unconfirmed_ = false;  // restored, and the server has not been heard of yet
  bool started_ = false;      // tasks have been allowed to start
  bool killed_ = false;       // nothing is launched any more, not even what cleans up
  Ending ending_ = Ending::no;
  std::optional<TaskEvent> why_;
  bool advancing_ = false;
  bool advance_again_ = false;
  bool health_unsent_ = false;
  AllocServices services_;
  std::vector<std::unique_ptr<TaskRunner>> tasks_;  // in the group's order
  std::unique_ptr<HealthWatch> health_;
  CheckRestarts check_restarts_;
  std::map<std::string, std::unique_ptr<RegistrySync::Withdrawal>> withdrawals_;  // by task; kGroup for the whole end
  event::Timer group_delay_;
};

}  // namespace weir::scheduler
