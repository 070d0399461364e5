// Evaluations, deployments and metrics.
#include <nlohmann/json.hpp>

#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"

namespace weir::scheduler {

using nlohmann::json;

namespace {

json metrics_to_json(const std::map<std::string, AllocMetric>& metrics) {
  if (metrics.empty()) return nullptr;
  json out = json::object();
  for (const auto& [group, metric] : metrics) out[group] = metric_to_json(metric);
  return out;
}

json group_to_json(const DeploymentGroup& group) {
  return {{"PlacedCanaries", group.placed_canaries},
          {"AutoRevert", group.auto_revert},
          {"AutoPromote", group.auto_promote},
          {"ProgressDeadline", group.progress_deadline_ns},
          {"RequireProgressBy", time_text(group.require_progress_by_ns)},
          {"Promoted", group.promoted},
          {"DesiredCanaries", group.desired_canaries},
          {"DesiredTotal", group.desired_total},
          {"PlacedAllocs", group.placed},
          {"HealthyAllocs", group.healthy},
          {"UnhealthyAllocs", group.unhealthy}};
}

void read_group(JsonReader& reader, DeploymentGroup& group) {
  reader.texts("PlacedCanaries", group.placed_canaries);
  reader.boolean("AutoRevert", group.auto_revert);
  reader.boolean("AutoPromote", group.auto_promote);
  reader.integer("ProgressDeadline", group.progress_deadline_ns);
  reader.time("RequireProgressBy", group.require_progress_by_ns);
  reader.boolean("Promoted", group.promoted);
  reader.integer("DesiredCanaries", group.desired_canaries);
  reader.integer("DesiredTotal", group.desired_total);
  reader.integer("PlacedAllocs", group.placed);
  reader.integer("HealthyAllocs", group.healthy);
  reader.integer("UnhealthyAllocs", group.unhealthy);
}

}  // namespace

json metric_to_json(const AllocMetric& metric) {
  json scores = json::array();
  for (const NodeScore& score : metric.score_metadata) {
    scores.push_back({{"NodeID", score.node_id}, {"Scores", score.scores}, {"NormScore", score.norm_score}});
  }
  return {{"NodesEvaluated", metric.nodes_evaluated},
          {"NodesFiltered", metric.nodes_filtered},
          {"NodesInPool", metric.nodes_in_pool},
          {"NodesAvailable", metric.nodes_available},
          {"ClassFiltered", nullptr},
          {"ConstraintFiltered", metric.constraint_filtered},
          {"NodesExhausted", metric.nodes_exhausted},
          {"ClassExhausted", nullptr},
          {"DimensionExhausted", metric.dimension_exhausted},
          {"QuotaExhausted", nullptr},
          {"ResourcesExhausted", nullptr},
          {"Scores", nullptr},
          {"ScoreMetaData", scores},
          {"AllocationTime", 0},
          {"CoalescedFailures", metric.coalesced_failures}};
}

void read_metric(JsonReader& reader, AllocMetric& metric) {
  reader.integer("NodesEvaluated", metric.nodes_evaluated);
  reader.integer("NodesFiltered", metric.nodes_filtered);
  reader.integer("NodesInPool", metric.nodes_in_pool);
  reader.integer_map("NodesAvailable", metric.nodes_available);
  reader.integer_map("ConstraintFiltered", metric.constraint_filtered);
  reader.integer("NodesExhausted", metric.nodes_exhausted);
  reader.integer_map("DimensionExhausted", metric.dimension_exhausted);
  reader.each("ScoreMetaData", [&](JsonReader& item) {
    NodeScore& score = metric.score_metadata.emplace_back();
    item.text("NodeID", score.node_id);
    item.number_map("Scores", score.scores);
    item.number("NormScore", score.norm_score);
  });
  reader.integer("CoalescedFailures", metric.coalesced_failures);
}

json evaluation_to_json(const Evaluation& evaluation) {
  return {{"ID", evaluation.id},
          {"Namespace", "default"},
          {"Priority", evaluation.priority},
          {"Type", evaluation.type},
          {"TriggeredBy", evaluation.triggered_by},
          {"JobID", evaluation.job_id},
          {"JobModifyIndex", evaluation.job_modify_index},
          {"NodeID", evaluation.node_id},
          {"NodeModifyIndex", 0},
          {"DeploymentID", evaluation.deployment_id},
          {"Status", to_string(evaluation.status)},
          {"StatusDescription", evaluation.status_description},
          {"Wait", evaluation.wait_ns},
          {"WaitUntil", time_text(evaluation.wait_until_ns)},
          {"NextEval", evaluation.next_eval},
          {"PreviousEval", evaluation.previous_eval},
          {"BlockedEval", evaluation.blocked_eval},
          {"RelatedEvals", nullptr},
          {"FailedTGAllocs", metrics_to_json(evaluation.failed_tg_allocs)},
          {"ClassEligibility", nullptr},
          {"EscapedComputedClass", false},
          {"QuotaLimitReached", ""},
          {"AnnotatePlan", false},
          {"QueuedAllocations", evaluation.queued_allocations},
          {"SnapshotIndex", evaluation.snapshot_index},
          {"CreateIndex", evaluation.create_index},
          {"ModifyIndex", evaluation.modify_index},
          {"CreateTime", evaluation.create_time_ns},
          {"ModifyTime", evaluation.modify_time_ns}};
}

Result<Evaluation> evaluation_from_json(const json& value) {
  JsonReader reader(value, "evaluation");
  Evaluation out;
  reader.text("ID", out.id);
  reader.integer("Priority", out.priority);
  reader.text("Type", out.type);
  reader.text("TriggeredBy", out.triggered_by);
  reader.text("JobID", out.job_id);
  reader.integer("JobModifyIndex", out.job_modify_index);
  reader.text("NodeID", out.node_id);
  reader.text("DeploymentID", out.deployment_id);
  std::string status = "pending";
  reader.text("Status", status);
  if (auto parsed = parse_eval_status(status)) {
    out.status = *parsed;
  } else {
    reader.wrong("Status", "the status of an evaluation");
  }
  reader.text("StatusDescription", out.status_description);
  reader.integer("Wait", out.wait_ns);
  reader.time("WaitUntil", out.wait_until_ns);
  reader.text("NextEval", out.next_eval);
  reader.text("PreviousEval", out.previous_eval);
  reader.text("BlockedEval", out.blocked_eval);
  reader.each_member("FailedTGAllocs", [&](const std::string& group, JsonReader& metric) {
    read_metric(metric, out.failed_tg_allocs[group]);
  });
  reader.integer_map("QueuedAllocations", out.queued_allocations);
  reader.integer("SnapshotIndex", out.snapshot_index);
  reader.integer("CreateIndex", out.create_index);
  reader.integer("ModifyIndex", out.modify_index);
  reader.integer("CreateTime", out.create_time_ns);
  reader.integer("ModifyTime", out.modify_time_ns);
  if (auto outcome = reader.status(); !outcome) return fail(outcome.error());
  return out;
}

json deployment_to_json(const Deployment& deployment) {
  json groups = json::object();
  for (const auto& [name, group] : deployment.groups) groups[name] = group_to_json(group);
  return {{"ID", deployment.id},
          {"Namespace", "default"},
          {"JobID", deployment.job_id},
          {"JobVersion", deployment.job_version},
          {"JobModifyIndex", deployment.job_modify_index},
          {"JobSpecModifyIndex", deployment.job_modify_index},
          {"JobCreateIndex", deployment.job_create_index},
          {"IsMultiregion", false},
          {"TaskGroups", groups},
          {"Status", to_string(deployment.status)},
          {"StatusDescription", deployment.status_description},
          {"EvalPriority", deployment.eval_priority},
          {"CreateIndex", deployment.create_index},
          {"ModifyIndex", deployment.modify_index},
          {"CreateTime", deployment.create_time_ns},
          {"ModifyTime", deployment.modify_time_ns}};
}

Result<Deployment> deployment_from_json(const json& value) {
  JsonReader reader(value, "deployment");
  Deployment out;
  reader.text("ID", out.id);
  reader.text("JobID", out.job_id);
  reader.integer("JobVersion", out.job_version);
  reader.integer("JobModifyIndex", out.job_modify_index);
  reader.integer("JobCreateIndex", out.job_create_index);
  reader.each_member("TaskGroups",
                     [&](const std::string& name, JsonReader& group) { read_group(group, out.groups[name]); });
  std::string status = "running";
  reader.text("Status", status);
  if (auto parsed = parse_deployment_phase(status)) {
    out.status = *parsed;
  } else {
    reader.wrong("Status", "the status of a deployment");
  }
  reader.text("StatusDescription", out.status_description);
  reader.integer("EvalPriority", out.eval_priority);
  reader.integer("CreateIndex", out.create_index);
  reader.integer("ModifyIndex", out.modify_index);
  reader.integer("CreateTime", out.create_time_ns);
  reader.integer("ModifyTime", out.modify_time_ns);
  if (auto outcome = reader.status(); !outcome) return fail(outcome.error());
  return out;
}

}  // namespace weir::scheduler
