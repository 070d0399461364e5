// Allocations, evaluations, deployments and nodes.

#include <nlohmann/json.hpp>

#include "scheduler/api/api.h"
#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

json body_of(const ApiCall& call) {
  json body = json::parse(call.request.body, nullptr, false);
  return body.is_object() ? body : json::object();
}

/// Ids are lower case; a prefix may come in any.
bool has_prefix(const std::string& id, const std::string& prefix) { return id.starts_with(to_lower(prefix)); }

Result<Answer> deployment_answer(const Result<Core::DeploymentOutcome>& outcome) {
  if (!outcome) return fail(outcome.error());
  json body{{"EvalID", outcome->eval_id},
            {"EvalCreateIndex", outcome->index},
            {"DeploymentModifyIndex", outcome->index},
            {"RevertedJobVersion", nullptr},
            {"Index", outcome->index}};
  if (outcome->reverted_version) body["RevertedJobVersion"] = *outcome->reverted_version;
  return Answer{outcome->index, json_text(body)};
}

json stubs_of(const std::vector<AllocPtr>& allocs) {
  json list = json::array();
  for (const auto& alloc : allocs) list.push_back(allocation_stub_to_json(*alloc));
  return list;
}

Result<Answer> evals_answer(const StateStore& store, const Result<std::vector<std::string>>& evals) {
  if (!evals) return fail(evals.error());
  json body{{"EvalIDs", *evals},
            {"EvalCreateIndex", store.index()},
            {"NodeModifyIndex", store.index()},
            {"Index", store.index()}};
  return Answer{store.index(), json_text(body)};
}

}  // namespace

bool Api::serve_allocs(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (path[0] == "allocations" && path.size() == 1 && call.reads()) {
    AllocStubOptions options{call.flag("resources"), call.flag("task_states", true)};
    answer(call, {watch_key::kAllocs}, [&store, options, prefix = call.parameter("prefix")]() -> Result<Answer> {
      json list = json::array();
      for (const auto& [id, alloc] : store.allocs()) {
        if (has_prefix(id, prefix)) list.push_back(allocation_stub_to_json(*alloc, options));
      }
      return Answer{store.table_index(Table::allocs), json_text(list)};
    });
    return true;
  }
  if (path[0] != "allocation" || path.size() < 2) return false;
  const std::string& id = path[1];
  if (path.size() == 2 && call.reads()) {
    answer(call, {watch_key::alloc(id)}, [&store, id]() -> Result<Answer> {
      AllocPtr alloc = store.alloc(id);
      if (!alloc) return fail(ErrorCode::not_found, "alloc not found");
      AllocationEncoder encoder;
      return Answer{alloc->modify_index, json_text(encoder.full(*alloc))};
    });
    return true;
  }
  if (path.size() != 3 || path[2] != "stop" || !call.writes()) return false;
  auto eval = core_.stop_alloc(id);
  if (!eval) return refuse(*call.responder, eval.error()), true;
  answer_write(call, Answer{store.index(), json_text({{"EvalID", *eval}, {"Index", store.index()}})});
  return true;
}

bool Api::serve_evals(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (!call.reads()) return false;
  if (path[0] == "evaluations" && path.size() == 1) {
    answer(call, {watch_key::kEvals},
           [&store, prefix = call.parameter("prefix"), job = call.parameter("job")]() -> Result<Answer> {
             json list = json::array();
             for (const auto& [id, eval] : store.evals()) {
               if (has_prefix(id, prefix) && (job.empty() || eval->job_id == job))
                 list.push_back(evaluation_to_json(*eval));
             }
             return Answer{store.table_index(Table::evals), json_text(list)};
           });
    return true;
  }
  if (path[0] != "evaluation" || path.size() < 2) return false;
  const std::string& id = path[1];
  if (path.size() == 2) {
    answer(call, {watch_key::eval(id)}, [&store, id]() -> Result<Answer> {
      EvalPtr eval = store.eval(id);
      if (!eval) return fail(ErrorCode::not_found, "eval not found");
      return Answer{eval->modify_index, json_text(evaluation_to_json(*eval))};
    });
    return true;
  }
  if (path[2] != "allocations") return false;
  answer(call, {watch_key::kAllocs}, [&store, id]() -> Result<Answer> {
    std::vector<AllocPtr> found;
    for (const auto& [alloc_id, alloc] : store.allocs()) {
      if (alloc->eval_id == id) found.push_back(alloc);
    }
    return Answer{store.table_index(Table::allocs), json_text(stubs_of(found))};
  });
  return true;
}

bool Api::serve_deployments(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (path[0] == "deployments" && path.size() == 1 && call.reads()) {
    answer(call, {watch_key::kDeployments}, [&store, prefix = call.parameter("prefix")]() -> Result<Answer> {
      json list = json::array();
      for (const auto& [id, deployment] : store.deployments()) {
        if (has_prefix(id, prefix)) list.push_back(deployment_to_json(*deployment));
      }
      return Answer{store.table_index(Table::deployments), json_text(list)};
    });
    return true;
  }
  if (path[0] != "deployment" || path.size() < 2) return false;
  if (path.size() == 2 && call.reads()) {
    answer(call, {watch_key::deployment(path[1])}, [&store, id = path[1]]() -> Result<Answer> {
      DeploymentPtr deployment = store.deployment(id);
      if (!deployment) return fail(ErrorCode::not_found, "deployment not found");
      return Answer{deployment->modify_index, json_text(deployment_to_json(*deployment))};
    });
    return true;
  }
  if (path.size() != 3) return false;
  const std::string& what = path[1];
  const std::string& id = path[2];
  if (what == "allocations" && call.reads()) {
    answer(call, {watch_key::kAllocs}, [&store, id]() -> Result<Answer> {
      std::vector<AllocPtr> found;
      for (const auto& [alloc_id, alloc] : store.allocs()) {
        if (alloc->deployment_id == id) found.push_back(alloc);
      }
      return Answer{store.table_index(Table::allocs), json_text(stubs_of(found))};
    });
    return true;
  }
  if (!call.writes()) return false;
  json body = body_of(call);
  JsonReader reader(body, "");
  std::vector<std::string> first;
  std::vector<std::string> second;
  bool pause = false;
  reader.boolean("Pause", pause);
  reader.texts(what == "promote" ? "Groups" : "HealthyAllocationIDs", first);
  reader.texts("UnhealthyAllocationIDs", second);
  if (Status read = reader.status(); !read) return refuse(*call.responder, read.error()), true;
  if (what == "promote") return answer_write(call, deployment_answer(core_.promote(id, first))), true;
  if (what == "fail") return answer_write(call, deployment_answer(core_.fail_by_hand(id))), true;
  if (what == "pause") return answer_write(call, deployment_answer(core_.pause(id, pause))), true;
  if (what == "allocation-health")
    return answer_write(call, deployment_answer(core_.set_health(id, first, second))), true;
  return false;
}

bool Api::serve_nodes(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (path[0] == "nodes" && path.size() == 1 && call.reads()) {
    answer(call, {watch_key::kNodes}, [&store, prefix = call.parameter("prefix")]() -> Result<Answer> {
      json list = json::array();
      for (const auto& [id, node] : store.nodes()) {
        if (has_prefix(id, prefix)) list.push_back(node_stub_to_json(*node));
      }
      return Answer{store.table_index(Table::nodes), json_text(list)};
    });
    return true;
  }
  if (path[0] != "node" || path.size() < 2) return false;
  const std::string& id = path[1];
  if (path.size() == 2 && call.reads()) {
    answer(call, {watch_key::node(id)}, [&store, id]() -> Result<Answer> {
      NodePtr node = store.node(id);
      if (!node) return fail(ErrorCode::not_found, "node not found");
      return Answer{node->modify_index, json_text(node_to_json(*node))};
    });
    return true;
  }
  if (path.size() != 3) return false;
  if (path[2] == "allocations" && call.reads()) {
    answer(call, {watch_key::node_allocs(id)}, [&store, id]() -> Result<Answer> {
      AllocationEncoder encoder;
      json list = json::array();
      for (const auto& alloc : store.allocs_of_node(id)) list.push_back(encoder.full(*alloc));
      return Answer{store.table_index(Table::allocs), json_text(list)};
    });
    return true;
  }
  if (!call.writes()) return false;
  json body = body_of(call);
  JsonReader reader(body, "");
  if (path[2] == "eligibility") {
    std::string eligibility;
    reader.text("Eligibility", eligibility);
    if (eligibility != "eligible" && eligibility != "ineligible") {
      return refuse(*call.responder, {ErrorCode::invalid, "invalid scheduling eligibility \"" + eligibility + "\""}),
             true;
    }
    return answer_write(call, evals_answer(store, core_.nodes().set_eligibility(id, eligibility == "eligible"))), true;
  }
  if (path[2] != "drain") return false;
  DrainRequest request;
  reader.boolean("MarkEligible", request.mark_eligible);
  reader.object("DrainSpec", [&](JsonReader& spec) {
    request.drain = true;
    spec.integer("Deadline", request.deadline_ns);
    spec.boolean("IgnoreSystemJobs", request.ignore_system_jobs);
  });
  if (Status read = reader.status(); !read) return refuse(*call.responder, read.error()), true;
  return answer_write(call, evals_answer(store, core_.nodes().set_drain(id, request))), true;
}

}  // namespace weir::scheduler
