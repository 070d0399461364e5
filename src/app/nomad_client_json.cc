#include <cstdio>
#include <map>

#include "app/json_members.h"
#include "app/nomad_client.h"
#include "app/output.h"
#include "app/service_runner.h"
#include "weir/base/text.h"

namespace weir::app {
namespace {

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void print_failures(const nlohmann::json& failed) {
  for (const auto& [group, metric] : failed.items()) {
    say("    Task Group \"" + group + "\" (failed to place " +
        std::to_string(number_member(metric, "CoalescedFailures") + 1) + " allocations):");
    if (number_member(metric, "NodesEvaluated") == 0) say("      * No nodes were eligible for evaluation");
    for (const auto& [dimension, nodes] : member(metric, "DimensionExhausted").items()) {
      say("      * Dimension \"" + dimension + "\" exhausted on " + nodes.dump() + " nodes");
    }
    for (const auto& [constraint, nodes] : member(metric, "ConstraintFiltered").items()) {
      say("      * Constraint \"" + constraint + "\": " + nodes.dump() + " nodes excluded by filter");
    }
  }
}

/// Why an allocation did not become healthy: the newest of its events that names a cause.
std::string cause_of(const nlohmann::json& alloc) {
  for (const auto& [task, state] : member(alloc, "TaskStates").items()) {
    const auto& events = member(state, "Events");
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      std::string type = text_member(*event, "Type");
      bool follows = type == "Alloc Unhealthy" || type == "Not Restarting" || type == "Restarting" ||
                     type == "Killing" || type == "Killed" || type == "Started";
      if (follows) continue;
      bool failed = type.ends_with("Failure") || type == "Terminated";
      if (failed) return "task \"" + task + "\": " + type + ": " + text_member(*event, "DisplayMessage");
    }
  }
  return text_member(alloc, "ClientDescription", "not healthy by the deadline");
}

/// What is new of an allocation since `seen`, which has the last status of each.
void say_change(const nlohmann::json& alloc, int64_t evaluated_at, std::map<std::string, std::string>& seen,
                bool verbose) {
  const std::string id = text_member(alloc, "ID");
  const std::string status = text_member(alloc, "ClientStatus");
  const std::string name = "    Allocation \"" + short_id(id, verbose) + "\"";
  auto [before, is_new] = seen.try_emplace(id, status);
  if (is_new) {
    const bool created = number_member(alloc, "CreateIndex") >= evaluated_at;
    say(name + (created ? " created: node \"" : " modified: node \"") +
        short_id(text_member(alloc, "NodeID"), verbose) + "\", group \"" + text_member(alloc, "TaskGroup") + "\"");
  } else if (before->second != status) {
    say(name + " status changed: \"" + before->second + "\" -> \"" + status + "\"");
    before->second = status;
  }
}

}  // namespace

Result<std::string> NomadClient::find_id(const std::string& list, const std::string& what,
                                         const std::string& beginning) {
  auto answer = api_.get(list + "?prefix=" + percent_encode(beginning));
  if (!answer) return fail(answer.error());
  auto document = parse_json(*answer);
  if (!document) return fail(document.error());
  std::string found;
  std::string all;
  size_t count = 0;
  for (const auto& entry : *document) {
    std::string id = text_member(entry, "ID");
    if (id == beginning) return id;
    found = id;
    all += "\n  " + id;
    ++count;
  }
  if (count == 0) return fail(ErrorCode::not_found, "No " + what + "(s) with prefix or id \"" + beginning + "\" found");
  if (count > 1)
    return fail(ErrorCode::conflict, "\"" + beginning + "\" is the beginning of several " + what + "s:" + all);
  return found;
}

int NomadClient::monitor(const std::string& evaluation, bool verbose) {
  say("==> Monitoring evaluation \"" + short_id(evaluation, verbose) + "\"");
  std::map<std::string, std::string> seen;
  while (true) {
    auto answer = api_.get("/v1/evaluation/" + evaluation);
    if (!answer) return print_error(answer.error());
    auto eval = parse_json(*answer);
    if (!eval) return print_error(eval.error());
    auto list = api_.get("/v1/evaluation/" + evaluation + "/allocations");
    if (!list) return print_error(list.error());
    auto allocations = parse_json(*list);
    if (!allocations) return print_error(allocations.error());
    for (const auto& alloc : *allocations) say_change(alloc, number_member(*eval, "CreateIndex"), seen, verbose);
    std::string status = text_member(*eval, "Status");
    if (status == "complete" || status == "failed" || status == "canceled") {
      say("==> Evaluation \"" + short_id(evaluation, verbose) + "\" finished with status \"" + status + "\"");
      return follow(*eval, verbose);
    }
    pause_ms(200);
  }
}

int NomadClient::follow(const nlohmann::json& eval, bool verbose) {
  const auto& failed = member(eval, "FailedTGAllocs");
  const bool unplaced = failed.is_object() && !failed.empty();
  if (unplaced) print_failures(failed);
  if (text_member(eval, "Status") == "failed") {
    return print_error({ErrorCode::invalid, text_member(eval, "StatusDescription")});
  }
  if (std::string next = text_member(eval, "NextEval"); !next.empty()) {
    pause_ms(static_cast<uint64_t>(number_member(eval, "Wait") / 1'000'000));
    return monitor(next, verbose);
  }
  if (unplaced) {
    say("    Evaluation \"" + short_id(text_member(eval, "BlockedEval"), verbose) +
        "\" waits for capacity to place the rest");
    return 2;
  }
  std::string deployment = text_member(eval, "DeploymentID");
  return deployment.empty() ? 0 : monitor_deployment(deployment, verbose);
}

int NomadClient::monitor_deployment(const std::string& deployment, bool verbose) {
  say("==> Monitoring deployment \"" + short_id(deployment, verbose) + "\"");
  std::string index = "0";
  std::string last;
  while (true) {
    auto answer = api_.get("/v1/deployment/" + deployment + "?wait=10s&index=" + index);
    if (!answer) return print_error(answer.error());
    auto document = parse_json(*answer);
    if (!document) return print_error(document.error());
    index = std::to_string(number_member(*document, "ModifyIndex"));
    std::string status = text_member(*document, "Status");
    std::vector<std::vector<std::string>> rows{{"    Group", "Desired", "Placed", "Healthy", "Unhealthy"}};
    for (const auto& [group, state] : member(*document, "TaskGroups").items()) {
      rows.push_back({"    " + group, std::to_string(number_member(state, "DesiredTotal")),
                      std::to_string(number_member(state, "PlacedAllocs")),
                      std::to_string(number_member(state, "HealthyAllocs")),
                      std::to_string(number_member(state, "UnhealthyAllocs"))});
    }
    std::string now = columns(rows);
    if (now != last) say(now.substr(0, now.size() - 1));
    last = now;
    bool over = status == "successful" || status == "failed" || status == "cancelled" || status == "blocked";
    if (!over) continue;
    say("==> Deployment \"" + short_id(deployment, verbose) + "\" " + status + ": " +
        text_member(*document, "StatusDescription"));
    if (status == "successful") return 0;
    say_unhealthy(deployment, verbose);
    return 1;
  }
}

void NomadClient::say_unhealthy(const std::string& deployment, bool verbose) {
  auto answer = api_.get("/v1/deployment/allocations/" + deployment);
  if (!answer) return;
  auto allocations = parse_json(*answer);
  if (!allocations) return;
  for (const auto& alloc : *allocations) {
    const auto& healthy = member(member(alloc, "DeploymentStatus"), "Healthy");
    if (!healthy.is_boolean() || healthy.get<bool>()) continue;
    say("    Allocation \"" + short_id(text_member(alloc, "ID"), verbose) + "\" is not healthy: " + cause_of(alloc));
  }
}

}  // namespace weir::app
