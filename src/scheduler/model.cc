#include "weir/scheduler/model.h"

#include <array>

namespace weir::scheduler {
namespace {

/// Both directions of an enum whose values count from 0, from one list of words in that order.
template <typename Enum, size_t N>
struct Words {
  std::array<std::string_view, N> words;

  [[nodiscard]] std::string_view text(Enum value) const { return words.at(static_cast<size_t>(value)); }
  [[nodiscard]] std::optional<Enum> find(std::string_view text) const {
    for (size_t i = 0; i < N; ++i) {
      if (words.at(i) == text) return static_cast<Enum>(i);
    }
    return std::nullopt;
  }
};

constexpr Words<NodeStatus, 3> kNodeStatus{{"initializing", "ready", "down"}};
constexpr Words<DesiredStatus, 3> kDesiredStatus{{"run", "stop", "evict"}};
constexpr Words<ClientStatus, 6> kClientStatus{{"pending", "running", "complete", "failed", "lost", "unknown"}};
constexpr Words<TaskRunState, 3> kTaskRunState{{"pending", "running", "dead"}};
constexpr Words<EvalStatus, 5> kEvalStatus{{"blocked", "pending", "complete", "failed", "canceled"}};
constexpr Words<DeploymentPhase, 5> kDeploymentPhase{{"running", "paused", "failed", "successful", "cancelled"}};

}  // namespace

std::string_view to_string(NodeStatus status) { return kNodeStatus.text(status); }
std::string_view to_string(DesiredStatus status) { return kDesiredStatus.text(status); }
std::string_view to_string(ClientStatus status) { return kClientStatus.text(status); }
std::string_view to_string(TaskRunState state) { return kTaskRunState.text(state); }
std::string_view to_string(EvalStatus status) { return kEvalStatus.text(status); }
std::string_view to_string(DeploymentPhase status) { return kDeploymentPhase.text(status); }

std::optional<NodeStatus> parse_node_status(std::string_view text) { return kNodeStatus.find(text); }
std::optional<DesiredStatus> parse_desired_status(std::string_view text) { return kDesiredStatus.find(text); }
std::optional<ClientStatus> parse_client_status(std::string_view text) { return kClientStatus.find(text); }
std::optional<TaskRunState> parse_task_run_state(std::string_view text) { return kTaskRunState.find(text); }
std::optional<EvalStatus> parse_eval_status(std::string_view text) { return kEvalStatus.find(text); }
std::optional<DeploymentPhase> parse_deployment_phase(std::string_view text) { return kDeploymentPhase.find(text); }

}  // namespace weir::scheduler
