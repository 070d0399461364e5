#include "scheduler/plan/placer.h"

#include <algorithm>

#include "scheduler/plan/constraint.h"
#include "scheduler/plan/derived_id.h"
#include "scheduler/plan/score.h"

namespace weir::scheduler {
namespace {

bool shares_place_with_previous(const Node& node, const PlacementRequest& request) {
  return request.stops_previous && request.previous->node_id == node.id && !request.previous->client_terminal();
}

std::vector<Affinity> all_affinities(const Job& job, const TaskGroup& group) {
  std::vector<Affinity> all = job.affinities;
  all.insert(all.end(), group.affinities.begin(), group.affinities.end());
  for (const Task& task : group.tasks) all.insert(all.end(), task.affinities.begin(), task.affinities.end());
  return all;
}

}  // namespace

struct Placer::Candidate {
  const Node* node;
  std::map<std::string, double> scores;
  double score = 0;
  int64_t job_allocs = 0;
  std::string alloc_id;
  std::vector<AllocatedPort> ports;

  /// Higher score, then fewer of the job's, then the lower id: a full order, so that a plan can be repeated.
  [[nodiscard]] bool better_than(const Candidate& other) const {
    if (score != other.score) return score > other.score;
    if (job_allocs != other.job_allocs) return job_allocs < other.job_allocs;
    return node->id < other.node->id;
  }
};

Placer::Placer(const Snapshot& snapshot, std::string_view eval_id, int64_t now_ns)
    : snapshot_(snapshot), eval_id_(eval_id), now_ns_(now_ns) {
  for (const AllocPtr& allocation : snapshot.job_allocs) {
    if (!allocation->terminal()) ++running_[allocation->node_id][allocation->task_group];
  }
}

void Placer::note_stop(const Allocation& allocation) {
  auto node = running_.find(allocation.node_id);
  if (node == running_.end()) return;
  auto group = node->second.find(allocation.task_group);
  if (group != node->second.end() && group->second > 0) --group->second;
}

void Placer::note_keep(const Allocation& allocation) {
  if (!allocation.terminal()) ++running_[allocation.node_id][allocation.task_group];
}

NodeLedger& Placer::ledger(const Node& node) {
  auto it = ledgers_.find(node.id);
  if (it != ledgers_.end()) return it->second;
  static const std::vector<AllocPtr> kNone;
  auto allocations = snapshot_.node_allocs.find(node.id);
  const auto& rows = allocations == snapshot_.node_allocs.end() ? kNone : allocations->second;
  return ledgers_.emplace(node.id, NodeLedger(node, rows, now_ns_)).first->second;
}

const FeasibleNodes& Placer::feasible(const PlacementRequest& request) {
  auto key = std::make_pair(request.job->version, request.group->name);
  auto it = feasible_.find(key);
  if (it == feasible_.end()) {
    it = feasible_.emplace(key, find_feasible_nodes(snapshot_, *request.job, *request.group)).first;
  }
  return it->second;
}

bool Placer::breaks_distinct(const DistinctRule& rule, const Node& node, const PlacementRequest& request) const {
  auto count_on = [&](const std::string& node_id) {
    auto it = running_.find(node_id);
    if (it == running_.end()) return int64_t{0};
    int64_t sum = 0;
    for (const auto& [group, count] : it->second) {
      if (rule.whole_job || group == request.group->name) sum += count;
    }
    return sum;
  };
  if (rule.constraint.operand == "distinct_hosts") return count_on(node.id) > 0;
  auto value = resolve_target(rule.constraint.l_target, node);
  if (!value) return true;
  int64_t holders = 0;
  for (const auto& [id, other] : snapshot_.nodes) {
    if (resolve_target(rule.constraint.l_target, *other) == value) holders += count_on(id);
  }
  return holders >= rule.limit;
}

std::optional<Placer::Candidate> Placer::rank(const Node& node, const PlacementRequest& request) {
  const TaskGroup& group = *request.group;
  for (const DistinctRule& rule : distinct_rules(*request.job, group)) {
    if (!breaks_distinct(rule, node, request)) continue;
    ++metric_.nodes_filtered;
    ++metric_.constraint_filtered[constraint_text(rule.constraint)];
    return std::nullopt;
  }
  NodeLedger& room = ledger(node);
  bool shares_place = shares_place_with_previous(node, request);
  if (shares_place) room.discount(*request.previous);
  Candidate candidate{.node = &node, .alloc_id = derive_uuid(eval_id_, "alloc", sequence_)};
  Demand demand = group_demand(group);
  std::optional<std::string> missing;
  if (auto lack = room.lacks(demand)) {
    missing = std::string(*lack);
  } else if (auto ports = room.assign_ports(group, candidate.alloc_id); !ports) {
    missing = ports.error().message;
  } else {
    candidate.ports = std::move(*ports);
  }
  Demand used = room.used();
  if (shares_place) room.restore(*request.previous);
  if (missing) {
    ++metric_.nodes_exhausted;
    ++metric_.dimension_exhausted[*missing];
    return std::nullopt;
  }
  candidate.scores["binpack"] = binpack_score(used.cpu_mhz + demand.cpu_mhz, room.total_cpu_mhz(),
                                              used.memory_mb + demand.memory_mb, room.total_memory_mb());
  add_preferences(candidate, request);
  return candidate;
}

/// A term that has no reason to be there is left out, not zero: the score is the mean of those that are.
void Placer::add_preferences(Candidate& candidate, const PlacementRequest& request) const {
  const Node& node = *candidate.node;
  const TaskGroup& group = *request.group;
  auto here = running_.find(node.id);
  if (here != running_.end()) {
    for (const auto& [name, count] : here->second) candidate.job_allocs += count;
    auto own = here->second.find(group.name);
    int64_t collisions = own == here->second.end() ? 0 : own->second;
    if (collisions > 0) candidate.scores["job-anti-affinity"] = anti_affinity_score(collisions, group.count.value());
  }
  const auto& penalties = request.penalty_nodes;
  if (std::find(penalties.begin(), penalties.end(), node.id) != penalties.end()) {
    candidate.scores["node-reschedule-penalty"] = -1;
  }
  double affinity = affinity_score(all_affinities(*request.job, group), node);
  if (affinity != 0) candidate.scores["node-affinity"] = affinity;
  double spread = spread_total(node, request);
  if (spread != 0) candidate.scores["allocation-spread"] = spread;
  double sum = 0;
  for (const auto& [name, score] : candidate.scores) sum += score;
  candidate.score = sum / static_cast<double>(candidate.scores.size());
}

double Placer::spread_total(const Node& node, const PlacementRequest& request) const {
  std::vector<Spread> spreads = request.job->spreads;
  spreads.insert(spreads.end(), request.group->spreads.begin(), request.group->spreads.end());
  double weights = 0;
  for (const Spread& spread : spreads) weights += static_cast<double>(spread.weight.value());
  double total = 0;
  for (const Spread& spread : spreads) {
    SpreadCounts counts;
    for (const auto& [node_id, groups] : running_) {
      auto row = snapshot_.nodes.find(node_id);
      auto own = groups.find(request.group->name);
      if (row == snapshot_.nodes.end() || own == groups.end() || own->second == 0) continue;
      if (auto value = resolve_target(spread.attribute, *row->second)) counts[*value] += own->second;
    }
    total += spread_score(spread, node, counts, request.group->count.value(), weights);
  }
  return total;
}

void Placer::note_score(const Candidate& candidate) {
  NodeScore score{.node_id = candidate.node->id, .scores = candidate.scores, .norm_score = candidate.score};
  auto& best = metric_.score_metadata;
  auto place = std::find_if(best.begin(), best.end(),
                            [&](const NodeScore& other) { return other.norm_score < score.norm_score; });
  best.insert(place, std::move(score));
  if (best.size() > kScoredNodesMax) best.pop_back();
}

std::optional<Allocation> Placer::place(const PlacementRequest& request) {
  const FeasibleNodes& nodes = feasible(request);
  metric_ = nodes.metric;
  std::optional<Candidate> best;
  for (const Node* node : nodes.nodes) {
    auto candidate = rank(*node, request);
    if (!candidate) continue;
    note_score(*candidate);
    if (!best || candidate->better_than(*best)) best = std::move(candidate);
  }
  if (!best) return std::nullopt;
  return take(std::move(*best), request);
}

std::optional<Allocation> Placer::place_on(const Node& node, const PlacementRequest& request) {
  metric_ = AllocMetric{};
  metric_.nodes_evaluated = 1;
  metric_.nodes_available[node.datacenter] = 1;
  metric_.nodes_in_pool = 1;
  auto candidate = rank(node, request);
  if (!candidate) return std::nullopt;
  note_score(*candidate);
  return take(std::move(*candidate), request);
}

Allocation Placer::take(Candidate candidate, const PlacementRequest& request) {
  ++sequence_;
  const Node& node = *candidate.node;
  Allocation allocation;
  allocation.id = candidate.alloc_id;
  allocation.eval_id = eval_id_;
  allocation.name = request.name;
  allocation.node_id = node.id;
  allocation.node_name = node.name;
  allocation.job_id = request.job->id;
  allocation.job = request.job;
  allocation.task_group = request.group->name;
  allocation.resources = group_resources(*request.group);
  allocation.resources.ports = std::move(candidate.ports);
  allocation.metrics = metric_;
  if (request.previous != nullptr) allocation.previous_allocation = request.previous->id;
  NodeLedger& room = ledger(node);
  if (shares_place_with_previous(node, request)) room.discount(*request.previous);
  room.add(allocation);
  ++running_[node.id][request.group->name];
  return allocation;
}

}  // namespace weir::scheduler
