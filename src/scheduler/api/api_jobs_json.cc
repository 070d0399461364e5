// Jobs: list, read, register, plan, stop, scale, revert.

#include <nlohmann/json.hpp>

#include "scheduler/api/api.h"
#include "scheduler/job_diff_json.h"
#include "scheduler/job_json_parts.h"
#include "scheduler/job_rules.h"
#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"
#include "scheduler/state/job_status.h"
#include "weir/scheduler/jobspec.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

Result<json> parse_body(const ApiCall& call) {
  json body = json::parse(call.request.body, nullptr, false);
  if (!body.is_object()) return fail(ErrorCode::invalid, "the request body is no JSON object");
  return body;
}

/// Both clients that wrap a job in {"Job": …} and the ones that send it bare are in use; the first is the rule.
Result<Job> job_of(const json& body) {
  auto wrapped = body.find("Job");
  if (wrapped == body.end() || !wrapped->is_object()) return fail(ErrorCode::invalid, "Job must be specified");
  return job_from_json(*wrapped);
}

json summary_json(const Job& job, const JobSummary& summary) {
  json groups = json::object();
  for (const auto& [name, group] : summary.groups) {
    groups[name] = {{"Queued", group.queued},   {"Complete", group.complete}, {"Failed", group.failed},
                    {"Running", group.running}, {"Starting", group.starting}, {"Lost", group.lost},
                    {"Unknown", group.unknown}};
  }
  return {{"JobID", job.id},
          {"Namespace", "default"},
          {"Summary", groups},
          {"Children", {{"Pending", 0}, {"Running", 0}, {"Dead", 0}}},
          {"CreateIndex", job.create_index},
          {"ModifyIndex", std::max(job.modify_index, summary.modify_index)}};
}

json stub_json(const StateStore& store, const Job& job) {
  auto summary = summarize_job(job, store.allocs_of_job(job.id), store.evals_of_job(job.id));
  return {{"ID", job.id},
          {"ParentID", ""},
          {"Name", job.name},
          {"Namespace", "default"},
          {"Datacenters", job.datacenters.value_or(std::vector<std::string>{})},
          {"NodePool", job.node_pool},
          {"Type", job.type},
          {"Priority", static_cast<int64_t>(job.priority)},
          {"Periodic", false},
          {"ParameterizedJob", false},
          {"Stop", job.stop},
          {"Status", job.status},
          {"StatusDescription", job.status_description},
          {"SubmitTime", job.submit_time_ns},
          {"JobSummary", summary_json(job, summary)},
          {"CreateIndex", job.create_index},
          {"ModifyIndex", job.modify_index},
          {"JobModifyIndex", job.job_modify_index}};
}

Result<Answer> outcome_answer(const Result<JobOutcome>& outcome) {
  if (!outcome) return fail(outcome.error());
  json body{{"EvalID", outcome->eval_id},
            {"EvalCreateIndex", outcome->eval_create_index},
            {"JobModifyIndex", outcome->job_modify_index},
            {"Warnings", outcome->warnings},
            {"Index", outcome->eval_create_index}};
  return Answer{outcome->eval_create_index, json_text(body)};
}

Result<Answer> register_job(Core& core, const ApiCall& call, const std::string& expected_id) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  auto job = job_of(*body);
  if (!job) return fail(job.error());
  if (!expected_id.empty() && job->id != expected_id) return fail(ErrorCode::invalid, "Job ID does not match");
  RegisterOptions options;
  JsonReader reader(*body, "");
  reader.boolean("EnforceIndex", options.enforce_index);
  reader.integer("JobModifyIndex", options.job_modify_index);
  reader.boolean("PreserveCounts", options.preserve_counts);
  reader.integer("EvalPriority", options.eval_priority);
  if (Status read = reader.status(); !read) return fail(read.error());
  return outcome_answer(core.jobs().put(std::move(*job), options));
}

Result<Answer> plan_job(Core& core, const ApiCall& call) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  auto job = job_of(*body);
  if (!job) return fail(job.error());
  bool with_diff = false;
  JsonReader reader(*body, "");
  reader.boolean("Diff", with_diff);
  auto outcome = core.jobs().plan_change(std::move(*job), with_diff);
  if (!outcome) return fail(outcome.error());
  json updates = json::object();
  for (const auto& [group, desired] : outcome->plan.desired_updates) updates[group] = desired_updates_to_json(desired);
  json failed = nullptr;
  for (const auto& [group, metric] : outcome->plan.failed_groups) failed[group] = metric_to_json(metric);
  json reply{{"JobModifyIndex", outcome->job_modify_index},
             {"CreatedEvals", json::array()},
             {"Diff", job_diff_to_json(outcome->diff)},
             {"Annotations", {{"DesiredTGUpdates", updates}, {"PreemptedAllocs", nullptr}}},
             {"FailedTGAllocs", failed},
             {"NextPeriodicLaunch", time_text(0)},
             {"Warnings", outcome->warnings}};
  return Answer{core.store().index(), json_text(reply)};
}

Result<Answer> scale_job(Core& core, const ApiCall& call, const std::string& id) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  ScaleRequest request;
  JsonReader reader(*body, "");
  if (const json* count = reader.find("Count"); count != nullptr) {
    int64_t wanted = 0;
    reader.integer("Count", wanted);
    request.count = wanted;
  }
  reader.object("Target", [&](JsonReader& target) { target.text("Group", request.group); });
  if (const json* index = reader.find("JobModifyIndex");
      index != nullptr && index->is_number_unsigned() && *index != 0) {
    request.job_modify_index = index->get<uint64_t>();
  }
  if (Status read = reader.status(); !read) return fail(read.error());
  return outcome_answer(core.jobs().scale(id, request));
}

Result<Answer> revert_job(Core& core, const ApiCall& call, const std::string& id) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  uint64_t version = 0;
  std::optional<uint64_t> prior;
  JsonReader reader(*body, "");
  reader.integer("JobVersion", version);
  if (const json* enforced = reader.find("EnforcePriorVersion");
      enforced != nullptr && enforced->is_number_unsigned()) {
    prior = enforced->get<uint64_t>();
  }
  if (Status read = reader.status(); !read) return fail(read.error());
  return outcome_answer(core.jobs().revert(id, version, prior));
}

Result<Answer> parse_job_text(const ApiCall& call) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  std::string text;
  std::string variables;
  bool canonical = false;
  JsonReader reader(*body, "");
  reader.text("JobHCL", text);
  reader.text("Variables", variables);
  reader.boolean("Canonicalize", canonical);
  if (Status read = reader.status(); !read) return fail(read.error());
  JobspecOptions options;  // no folder: file() would read the server's own disk
  if (!variables.empty()) options.variable_files.push_back({"variables", variables});
  auto job = parse_jobspec(text, "input.hcl", options);
  if (!job) return fail(ErrorCode::invalid, job.error().text());
  if (canonical) canonicalize(*job);
  return Answer{1, json_text(job_to_json(*job))};
}

Result<Answer> validate_job(const ApiCall& call) {
  auto body = parse_body(call);
  if (!body) return fail(body.error());
  auto job = job_of(*body);
  if (!job) return fail(job.error());
  canonicalize(*job);
  auto verdict = validate(*job);
  json errors = json::array();
  for (const auto& finding : verdict.errors) errors.push_back(finding.field + ": " + finding.message);
  return Answer{1, json_text({{"DriverConfigValidated", true},
                              {"ValidationErrors", errors},
                              {"Error", verdict.error_text()},
                              {"Warnings", verdict.warning_text()}})};
}

json scale_status_json(const StateStore& store, const Job& job) {
  auto summary = summarize_job(job, store.allocs_of_job(job.id), store.evals_of_job(job.id));
  json groups = json::object();
  for (const auto& group : job.task_groups) {
    const auto& counts = summary.groups[group.name];
    groups[group.name] = {{"Desired", static_cast<int64_t>(group.count)},
                          {"Placed", counts.running + counts.starting},
                          {"Running", counts.running},
                          {"Healthy", counts.running},
                          {"Unhealthy", 0},
                          {"Events", json::array()}};
  }
  return {{"JobID", job.id},
          {"Namespace", "default"},
          {"JobCreateIndex", job.create_index},
          {"JobModifyIndex", job.job_modify_index},
          {"JobStopped", job.stop},
          {"TaskGroups", groups}};
}

}  // namespace

bool Api::serve_jobs(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (path[0] == "validate" && path.size() == 2 && path[1] == "job" && call.writes()) {
    auto outcome = validate_job(call);
    if (!outcome) return refuse(*call.responder, outcome.error()), true;
    call.responder->respond({200, {{"Content-Type", "application/json"}}, outcome->body});
    return true;
  }
  if (path[0] != "jobs") return false;
  if (path.size() == 2 && path[1] == "parse" && call.writes()) {
    auto outcome = parse_job_text(call);
    if (!outcome) return refuse(*call.responder, outcome.error()), true;
    call.responder->respond({200, {{"Content-Type", "application/json"}}, outcome->body});
    return true;
  }
  if (path.size() != 1) return false;
  if (call.writes()) return answer_write(call, register_job(core_, call, "")), true;
  if (!call.reads()) return false;
  answer(call, {watch_key::kJobs}, [&store, prefix = call.parameter("prefix")]() -> Result<Answer> {
    json list = json::array();
    for (const auto& [id, job] : store.jobs()) {
      if (id.starts_with(prefix)) list.push_back(stub_json(store, *job));
    }
    return Answer{store.table_index(Table::jobs), json_text(list)};
  });
  return true;
}

bool Api::serve_job(ApiCall& call) {
  if (call.path[0] != "job" || call.path.size() < 2) return false;
  const std::string id = call.path[1];
  if (!call.reads()) return serve_job_write(call, id);
  StateStore& store = core_.store();
  const std::string what = call.path.size() > 2 ? call.path[2] : "";
  auto with_job = [&store, id](auto make) -> Result<Answer> {
    JobPtr job = store.job(id);
    if (!job) return fail(ErrorCode::not_found, "job not found");
    return make(*job);
  };
  if (what.empty()) {
    answer(call, {watch_key::job(id)}, [with_job] {
      return with_job([](const Job& job) { return Answer{job.modify_index, json_text(job_to_json(job))}; });
    });
  } else if (what == "summary") {
    answer(call, {watch_key::job(id), watch_key::job_allocs(id)}, [with_job, &store] {
      return with_job([&store](const Job& job) {
        auto summary = summarize_job(job, store.allocs_of_job(job.id), store.evals_of_job(job.id));
        return Answer{std::max(job.modify_index, summary.modify_index), json_text(summary_json(job, summary))};
      });
    });
  } else if (what == "versions") {
    answer(call, {watch_key::job(id)}, [with_job, &store] {
      return with_job([&store](const Job& job) {
        json versions = json::array();
        for (const auto& version : store.job_versions(job.id)) versions.push_back(job_to_json(*version));
        return Answer{job.modify_index, json_text({{"Versions", versions}, {"Diffs", nullptr}})};
      });
    });
  } else if (what == "scale") {
    answer(call, {watch_key::job(id)}, [with_job, &store] {
      return with_job([&store](const Job& job) {
        return Answer{job.modify_index, json_text(scale_status_json(store, job))};
      });
    });
  } else if (what == "allocations") {
    answer(call, {watch_key::job_allocs(id)}, [&store, id, all = call.flag("all")]() -> Result<Answer> {
      json list = json::array();
      uint64_t index = store.table_index(Table::allocs);
      JobPtr job = store.job(id);
      for (const auto& alloc : store.allocs_of_job(id)) {
        bool older_job = job && alloc->job->create_index != job->create_index;
        if (all || !older_job) list.push_back(allocation_stub_to_json(*alloc));
      }
      return Answer{index, json_text(list)};
    });
  } else if (what == "evaluations") {
    answer(call, {watch_key::job_evals(id)}, [&store, id]() -> Result<Answer> {
      json list = json::array();
      for (const auto& eval : store.evals_of_job(id)) list.push_back(evaluation_to_json(*eval));
      return Answer{store.table_index(Table::evals), json_text(list)};
    });
  } else if (what == "deployment" || what == "deployments") {
    answer(call, {watch_key::job_deployments(id)}, [&store, id, one = what == "deployment"]() -> Result<Answer> {
      json list = json::array();
      auto deployments = store.deployments_of_job(id);
      for (auto at = deployments.rbegin(); at != deployments.rend(); ++at) list.push_back(deployment_to_json(**at));
      json body = one ? (list.empty() ? json(nullptr) : list[0]) : list;
      return Answer{store.table_index(Table::deployments), json_text(body)};
    });
  } else {
    return false;
  }
  return true;
}

bool Api::serve_job_write(ApiCall& call, const std::string& id) {
  const std::string what = call.path.size() > 2 ? call.path[2] : "";
  if (call.removes() && what.empty())
    return answer_write(call, outcome_answer(core_.jobs().stop(id, call.flag("purge")))), true;
  if (!call.writes()) return false;
  if (what.empty()) return answer_write(call, register_job(core_, call, id)), true;
  if (what == "plan") {
    auto outcome = plan_job(core_, call);
    if (!outcome) return refuse(*call.responder, outcome.error()), true;
    call.responder->respond({200,
                             {{"Content-Type", "application/json"}, {"X-Nomad-Index", std::to_string(outcome->index)}},
                             outcome->body});
    return true;
  }
  if (what == "scale") return answer_write(call, scale_job(core_, call, id)), true;
  if (what == "revert") return answer_write(call, revert_job(core_, call, id)), true;
  if (what == "evaluate") return answer_write(call, outcome_answer(core_.jobs().evaluate(id))), true;
  return false;
}

}  // namespace weir::scheduler
