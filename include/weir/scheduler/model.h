#pragma once
// The scheduler's nouns besides the job: node, allocation, evaluation, deployment, plan. Plain values without
// behaviour. JSON in Nomad's spelling: model_json.h. Times are nanoseconds since 1970 (0 = never) unless the name says
// otherwise.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::scheduler {

struct Job;  // job.h
using JobPtr = std::shared_ptr<const Job>;
using TextMap = std::map<std::string, std::string>;

// ---- node

enum class NodeStatus : uint8_t { initializing, ready, down };

struct DriverState {
  bool detected = false;
  bool healthy = false;
  std::string description = {};
  int64_t update_time_ns = 0;

  bool operator==(const DriverState&) const = default;
};

struct NodeEvent {
  std::string message;
  std::string subsystem;
  int64_t time_ns = 0;
  uint64_t create_index = 0;

  bool operator==(const NodeEvent&) const = default;
};

struct NodeResources {
  int64_t cpu_mhz = 0;
  int64_t cores = 0;
  int64_t memory_mb = 0;
  int64_t disk_mb = 0;

  bool operator==(const NodeResources&) const = default;
};

/// One machine (or one agent of several on a machine). The agent fills the upper part; the server owns the lower.
struct Node {
  std::string id;         // UUID made by the agent at its first start, kept in its data folder
  std::string secret_id;  // UUID too; proves that later calls come from the same agent; never in answers
  std::string name;
  std::string datacenter = "dc1";
  std::string node_class = {};
  std::string node_pool = "default";
  std::string ip = {};  // the address that its allocations listen on
  std::string agent_address =
      {};  // "ip:port" of the agent's HTTP API, for the server's /v1/client/ proxy; never in answers
  std::string version = {};
  TextMap attributes = {};  // "kernel.name" -> "linux", "driver.raw_exec" -> "1"
  TextMap meta = {};
  std::map<std::string, DriverState> drivers = {};
  NodeResources resources = {};  // totals
  NodeResources reserved = {};   // not for allocations
  std::vector<uint16_t> reserved_ports = {};
  uint16_t dynamic_port_min = 20000;
  uint16_t dynamic_port_max = 32000;

  // the server's
  NodeStatus status = NodeStatus::initializing;
  std::string status_description = {};
  int64_t status_updated_at_s = 0;
  bool eligible = true;
  bool draining = false;
  bool drain_ignores_system_jobs = false;
  int64_t drain_deadline_ns = 0;  // a duration; 0 = none, negative = at once
  int64_t drain_started_at_ns = 0;
  std::vector<NodeEvent> events = {};  // the newest kNodeEventsMax
  uint64_t create_index = 0;
  uint64_t modify_index = 0;
};
inline constexpr size_t kNodeEventsMax = 10;

// ---- allocation

enum class DesiredStatus : uint8_t { run, stop, evict };
enum class ClientStatus : uint8_t { pending, running, complete, failed, lost, unknown };
enum class TaskRunState : uint8_t { pending, running, dead };

struct TaskEvent {
  std::string type;  // "Started", "Terminated", ... (nomad-api 3.14)
  int64_t time_ns = 0;
  std::string message = {};  // DisplayMessage
  TextMap details = {};

  bool operator==(const TaskEvent&) const = default;
};
inline constexpr size_t kTaskEventsMax = 10;

struct TaskState {
  TaskRunState state = TaskRunState::pending;
  bool failed = false;
  uint64_t restarts = 0;
  int64_t last_restart_ns = 0;
  int64_t started_at_ns = 0;
  int64_t finished_at_ns = 0;
  std::vector<TaskEvent> events = {};  // oldest first, the newest kTaskEventsMax

  bool operator==(const TaskState&) const = default;
};

/// A port that the scheduler gave to an allocation.
struct AllocatedPort {
  std::string label;
  uint16_t value = 0;  // on the host
  int32_t to = 0;      // as in the job: 0 = not set; -1 was replaced by the host port
  std::string host_ip = {};
  std::string task = {};  // "" = the group's network; else the task whose legacy `resources { network }` asked for it
  bool dynamic = true;

  bool operator==(const AllocatedPort&) const = default;
};

struct AllocatedTask {
  int64_t cpu_mhz = 0;
  int64_t memory_mb = 0;
  int64_t memory_max_mb = 0;

  bool operator==(const AllocatedTask&) const = default;
};

struct AllocatedResources {
  std::map<std::string, AllocatedTask> tasks = {};
  int64_t disk_mb = 0;
  std::vector<AllocatedPort> ports = {};

  bool operator==(const AllocatedResources&) const = default;
};

/// Health of an allocation within its deployment; decided by the agent, once.
struct AllocDeploymentStatus {
  std::optional<bool> healthy = {};
  int64_t timestamp_ns = 0;
  bool canary = false;
  uint64_t modify_index = 0;

  bool operator==(const AllocDeploymentStatus&) const = default;
};

struct RescheduleEvent {
  int64_t time_ns = 0;
  std::string previous_alloc_id;
  std::string previous_node_id;
  int64_t delay_ns = 0;

  bool operator==(const RescheduleEvent&) const = default;
};

struct NodeScore {
  std::string node_id;
  std::map<std::string, double> scores;  // "binpack", "job-anti-affinity", ...
  double norm_score = 0;
};

/// Why an allocation went where it went, or why it could not be placed.
struct AllocMetric {
  int64_t nodes_evaluated = 0;
  int64_t nodes_filtered = 0;
  int64_t nodes_in_pool = 0;
  std::map<std::string, int64_t> nodes_available = {};  // by datacenter
  std::map<std::string, int64_t> constraint_filtered = {};
  int64_t nodes_exhausted = 0;
  std::map<std::string, int64_t> dimension_exhausted = {};
  std::vector<NodeScore> score_metadata = {};  // the best kScoredNodesMax
  int64_t coalesced_failures = 0;
};
inline constexpr size_t kScoredNodesMax = 5;

/// One instance of a task group on one node.
struct Allocation {
  std::string id;
  std::string eval_id;
  std::string name;  // "job.group[0]"
  std::string node_id;
  std::string node_name;
  std::string job_id;
  JobPtr job;  // the version it runs; never null in the store
  std::string task_group;
  AllocatedResources resources = {};
  AllocMetric metrics = {};

  DesiredStatus desired_status = DesiredStatus::run;
  std::string desired_description = {};
  bool transition_migrate = false;     // DesiredTransition.Migrate
  bool transition_reschedule = false;  // DesiredTransition.Reschedule

  ClientStatus client_status = ClientStatus::pending;
  std::string client_description = {};
  std::map<std::string, TaskState> task_states = {};

  std::string deployment_id = {};
  std::optional<AllocDeploymentStatus> deployment_status = {};
  std::string followup_eval_id = {};
  std::string previous_allocation = {};
  std::string next_allocation = {};
  std::vector<RescheduleEvent> reschedule_events = {};

  uint64_t create_index = 0;
  uint64_t modify_index = 0;        // any change
  uint64_t alloc_modify_index = 0;  // changes made by the server only
  int64_t create_time_ns = 0;
  int64_t modify_time_ns = 0;

  /// Its tasks have ended (or are lost): resources and ports are free.
  [[nodiscard]] bool client_terminal() const {
    return client_status == ClientStatus::complete || client_status == ClientStatus::failed ||
           client_status == ClientStatus::lost;
  }
  /// It shall not run any more, or does not.
  [[nodiscard]] bool terminal() const { return desired_status != DesiredStatus::run || client_terminal(); }
};

// ---- evaluation

enum class EvalStatus : uint8_t { blocked, pending, complete, failed, canceled };

/// A request to look at one job again. Never changes once complete, failed or canceled.
struct Evaluation {
  std::string id;
  int32_t priority = 50;
  std::string type = {};          // the job's: "service", "system"
  std::string triggered_by = {};  // "job-register", "node-update", ...
  std::string job_id;
  uint64_t job_modify_index = 0;
  std::string node_id = {};
  std::string deployment_id = {};
  EvalStatus status = EvalStatus::pending;
  std::string status_description = {};
  int64_t wait_ns = 0;        // a duration, counted from when it was written
  int64_t wait_until_ns = 0;  // not before this time
  std::string next_eval = {};
  std::string previous_eval = {};
  std::string blocked_eval = {};
  std::map<std::string, AllocMetric> failed_tg_allocs = {};
  std::map<std::string, int64_t> queued_allocations = {};
  uint64_t snapshot_index = 0;
  uint64_t create_index = 0;
  uint64_t modify_index = 0;
  int64_t create_time_ns = 0;
  int64_t modify_time_ns = 0;

  [[nodiscard]] bool terminal() const {
    return status == EvalStatus::complete || status == EvalStatus::failed || status == EvalStatus::canceled;
  }
};

// ---- deployment

enum class DeploymentPhase : uint8_t { running, paused, failed, successful, cancelled };

struct DeploymentGroup {
  std::vector<std::string> placed_canaries = {};
  bool auto_revert = false;
  bool auto_promote = false;
  int64_t progress_deadline_ns = 0;  // a duration
  int64_t require_progress_by_ns = 0;
  bool promoted = false;
  int64_t desired_canaries = 0;
  int64_t desired_total = 0;
  int64_t placed = 0;
  int64_t healthy = 0;
  int64_t unhealthy = 0;

  bool operator==(const DeploymentGroup&) const = default;
};

/// One rolling change of one job version. At most one active a job.
struct Deployment {
  std::string id;
  std::string job_id;
  uint64_t job_version = 0;
  uint64_t job_modify_index = 0;
  uint64_t job_create_index = 0;
  std::map<std::string, DeploymentGroup> groups = {};
  DeploymentPhase status = DeploymentPhase::running;
  std::string status_description = {};
  int32_t eval_priority = 50;
  uint64_t create_index = 0;
  uint64_t modify_index = 0;
  int64_t create_time_ns = 0;
  int64_t modify_time_ns = 0;

  [[nodiscard]] bool active() const { return status == DeploymentPhase::running || status == DeploymentPhase::paused; }
};

// ---- plan

/// What a plan does to one group, in numbers; `job plan` shows it.
struct DesiredUpdates {
  uint64_t ignore = 0;
  uint64_t place = 0;
  uint64_t migrate = 0;
  uint64_t stop = 0;
  uint64_t in_place_update = 0;
  uint64_t destructive_update = 0;
  uint64_t canary = 0;
  uint64_t preemptions = 0;  // always 0: we do not pre-empt

  bool operator==(const DesiredUpdates&) const = default;
};

struct AllocStop {
  std::string alloc_id;
  std::string description;
  std::optional<ClientStatus> client_status = {};  // `lost` for allocations of a node that is down
};

struct DeploymentUpdate {
  std::string deployment_id;
  DeploymentPhase status;
  std::string description;
};

/// What one evaluation decided. Indexes and times of the rows in it are set when it is applied.
struct Plan {
  std::string eval_id;
  std::string job_id;
  std::vector<AllocStop> stops = {};
  std::vector<Allocation> placements = {};
  std::vector<Allocation> in_place = {};              // whole rows with the new job and deployment
  std::map<std::string, std::string> followups = {};  // allocation -> the delayed evaluation that will replace it
  std::vector<Evaluation> followup_evals = {};        // delayed rescheduling
  std::optional<Evaluation> next_eval = {};           // the rest of a rolling update of a system job
  std::optional<Deployment> deployment = {};          // a new one
  std::string deployment_id = {};                     // the active one after this plan; "" = none
  std::vector<DeploymentUpdate> deployment_updates = {};
  std::map<std::string, DesiredUpdates> desired_updates = {};
  std::map<std::string, AllocMetric> failed_groups = {};
  std::map<std::string, int64_t> queued = {};  // instances that found no place, by group
};

// ---- names on the wire

std::string_view to_string(NodeStatus status);
std::string_view to_string(DesiredStatus status);
std::string_view to_string(ClientStatus status);
std::string_view to_string(TaskRunState state);
std::string_view to_string(EvalStatus status);
std::string_view to_string(DeploymentPhase status);
/// Nothing for an unknown word.
std::optional<NodeStatus> parse_node_status(std::string_view text);
std::optional<DesiredStatus> parse_desired_status(std::string_view text);
std::optional<ClientStatus> parse_client_status(std::string_view text);
std::optional<TaskRunState> parse_task_run_state(std::string_view text);
std::optional<EvalStatus> parse_eval_status(std::string_view text);
std::optional<DeploymentPhase> parse_deployment_phase(std::string_view text);

}  // namespace weir::scheduler
