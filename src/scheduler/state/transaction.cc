#include "scheduler/state/transaction.h"

#include <algorithm>
#include <tuple>

#include "scheduler/state/job_status.h"
#include "scheduler/state/row_json.h"

namespace weir::scheduler {
namespace {

template <typename Staged>
typename Staged::mapped_type staged_or(const Staged& staged, const std::string& id,
                                       typename Staged::mapped_type stored) {
  auto it = staged.find(id);
  return it == staged.end() ? stored : it->second;
}

/// Stored rows of one owner with the staged ones laid over them.
template <typename Row>
std::vector<std::shared_ptr<const Row>> overlay(std::vector<std::shared_ptr<const Row>> stored,
                                                const std::map<std::string, std::shared_ptr<const Row>>& staged,
                                                const std::string& job_id) {
  std::erase_if(stored, [&](const auto& row) { return staged.contains(row->id); });
  for (const auto& [id, row] : staged) {
    if (row != nullptr && row->job_id == job_id) stored.push_back(row);
  }
  std::sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) {
    return std::tie(a->create_index, a->id) < std::tie(b->create_index, b->id);
  });
  return stored;
}

std::string version_key(const JobReference& reference) {
  return reference.job_id + "\n" + std::to_string(reference.create_index) + "\n" + std::to_string(reference.version);
}

template <typename Staged>
void add_changes(std::string_view table, const Staged& staged, std::vector<RowChange>& out) {
  for (const auto& [id, row] : staged) {
    out.push_back({.table = table, .key = id, .body = row == nullptr ? "" : encode_row(*row)});
  }
}

}  // namespace

Transaction::Transaction(StateStore& store)
    : store_(store), index_(store.index_ + 1), now_ns_(store.clock_.wall_ns()) {}

NodePtr Transaction::node(const std::string& id) const { return staged_or(nodes_, id, store_.node(id)); }
JobPtr Transaction::job(const std::string& id) const { return staged_or(jobs_, id, store_.job(id)); }
AllocPtr Transaction::alloc(const std::string& id) const { return staged_or(allocs_, id, store_.alloc(id)); }
EvalPtr Transaction::eval(const std::string& id) const { return staged_or(evals_, id, store_.eval(id)); }
DeploymentPtr Transaction::deployment(const std::string& id) const {
  return staged_or(deployments_, id, store_.deployment(id));
}
std::vector<AllocPtr> Transaction::allocs_of_job(const std::string& job_id) const {
  return overlay(store_.allocs_of_job(job_id), allocs_, job_id);
}
std::vector<EvalPtr> Transaction::evals_of_job(const std::string& job_id) const {
  return overlay(store_.evals_of_job(job_id), evals_, job_id);
}

void Transaction::note(Table table) { tables_.insert(table); }

void Transaction::put(Node node) {
  if (node.create_index == 0) node.create_index = index_;
  node.modify_index = index_;
  keys_.insert(watch_key::node(node.id));
  keys_.insert(watch_key::kNodes);
  note(Table::nodes);
  std::string id = node.id;
  nodes_[id] = std::make_shared<const Node>(std::move(node));
}

void Transaction::put(Job job) {
  if (job.create_index == 0) job.create_index = index_;
  job.modify_index = index_;
  keys_.insert(watch_key::job(job.id));
  keys_.insert(watch_key::kJobs);
  note(Table::jobs);
  touched_jobs_.insert(job.id);
  std::string id = job.id;
  jobs_[id] = std::make_shared<const Job>(std::move(job));
}

void Transaction::put_version(Job job) {
  if (job.create_index == 0) job.create_index = index_;
  job.modify_index = index_;
  JobReference reference{.job_id = job.id, .create_index = job.create_index, .version = job.version};
  versions_[reference] = std::make_shared<const Job>(std::move(job));
}

void Transaction::put(Allocation alloc, By by) {
  AllocPtr before = this->alloc(alloc.id);
  if (alloc.create_index == 0) {
    alloc.create_index = index_;
    alloc.create_time_ns = now_ns_;
  }
  alloc.modify_index = index_;
  alloc.modify_time_ns = now_ns_;
  if (by == By::server) {
    alloc.alloc_modify_index = index_;
    pulled_nodes_.insert(alloc.node_id);
  }
  keys_.insert(watch_key::alloc(alloc.id));
  keys_.insert(watch_key::job_allocs(alloc.job_id));
  keys_.insert(watch_key::node_allocs(alloc.node_id));
  keys_.insert(watch_key::kAllocs);
  note(Table::allocs);
  touched_jobs_.insert(alloc.job_id);
  if (alloc.client_terminal() && (before == nullptr || !before->client_terminal())) touch_successor(alloc);
  std::string id = alloc.id;
  allocs_[id] = std::make_shared<const Allocation>(std::move(alloc));
}

/// The successor's agent waits for this end (AwaitPrevious).
void Transaction::touch_successor(const Allocation& ended) {
  AllocPtr next = alloc(ended.next_allocation);
  if (next != nullptr) pulled_nodes_.insert(next->node_id);
}

void Transaction::put(Evaluation eval) {
  if (eval.create_index == 0) {
    eval.create_index = index_;
    eval.create_time_ns = now_ns_;
  }
  eval.modify_index = index_;
  eval.modify_time_ns = now_ns_;
  keys_.insert(watch_key::eval(eval.id));
  keys_.insert(watch_key::job_evals(eval.job_id));
  keys_.insert(watch_key::kEvals);
  note(Table::evals);
  touched_jobs_.insert(eval.job_id);
  std::string id = eval.id;
  evals_[id] = std::make_shared<const Evaluation>(std::move(eval));
}

void Transaction::put(Deployment deployment) {
  if (deployment.create_index == 0) {
    deployment.create_index = index_;
    deployment.create_time_ns = now_ns_;
  }
  deployment.modify_index = index_;
  deployment.modify_time_ns = now_ns_;
  keys_.insert(watch_key::deployment(deployment.id));
  keys_.insert(watch_key::job_deployments(deployment.job_id));
  keys_.insert(watch_key::kDeployments);
  note(Table::deployments);
  std::string id = deployment.id;
  deployments_[id] = std::make_shared<const Deployment>(std::move(deployment));
}

void Transaction::erase_node(const std::string& id) {
  nodes_[id] = nullptr;
  keys_.insert({watch_key::node(id), watch_key::kNodes});
  note(Table::nodes);
}

void Transaction::erase_job(const std::string& id) {
  jobs_[id] = nullptr;
  keys_.insert({watch_key::job(id), watch_key::kJobs});
  note(Table::jobs);
}

void Transaction::erase_version(const JobReference& reference) { versions_[reference] = nullptr; }

void Transaction::erase_alloc(const std::string& id) {
  AllocPtr row = alloc(id);
  if (row == nullptr) return;
  allocs_[id] = nullptr;
  keys_.insert({watch_key::alloc(id), watch_key::job_allocs(row->job_id), watch_key::node_allocs(row->node_id),
                watch_key::kAllocs});
  pulled_nodes_.insert(row->node_id);
  touched_jobs_.insert(row->job_id);
  note(Table::allocs);
}

void Transaction::erase_eval(const std::string& id) {
  EvalPtr row = eval(id);
  if (row == nullptr) return;
  evals_[id] = nullptr;
  keys_.insert({watch_key::eval(id), watch_key::job_evals(row->job_id), watch_key::kEvals});
  touched_jobs_.insert(row->job_id);
  note(Table::evals);
}

void Transaction::erase_deployment(const std::string& id) {
  DeploymentPtr row = deployment(id);
  if (row == nullptr) return;
  deployments_[id] = nullptr;
  keys_.insert({watch_key::deployment(id), watch_key::job_deployments(row->job_id), watch_key::kDeployments});
  note(Table::deployments);
}

bool Transaction::empty() const {
  return nodes_.empty() && jobs_.empty() && versions_.empty() && allocs_.empty() && evals_.empty() &&
         deployments_.empty();
}

void Transaction::refresh_job_statuses() {
  for (const std::string& id : std::set<std::string>(touched_jobs_)) {
    JobPtr row = job(id);
    if (row == nullptr) continue;
    std::string status = derive_job_status(*row, allocs_of_job(id), evals_of_job(id));
    if (row->status == status) continue;
    Job changed = *row;
    changed.status = std::move(status);
    put(std::move(changed));
  }
}

std::vector<RowChange> Transaction::row_changes() const {
  std::vector<RowChange> changes;
  changes.push_back({.table = "meta", .key = "index", .body = std::to_string(index_)});
  for (Table table : tables_) {
    changes.push_back(
        {.table = "meta", .key = std::string(kIndexKeys[static_cast<size_t>(table)]), .body = std::to_string(index_)});
  }
  add_changes("nodes", nodes_, changes);
  add_changes("jobs", jobs_, changes);
  for (const auto& [reference, row] : versions_) {
    changes.push_back(
        {.table = "job_versions", .key = version_key(reference), .body = row == nullptr ? "" : encode_row(*row)});
  }
  add_changes("allocs", allocs_, changes);
  add_changes("evals", evals_, changes);
  add_changes("deployments", deployments_, changes);
  return changes;
}

Status Transaction::commit() {
  if (empty()) return {};
  refresh_job_statuses();
  Status written = store_.db_->write(row_changes());
  store_.note_write(written);
  if (!written) return written;
  show();
  for (const std::string& node_id : pulled_nodes_) {
    store_.pull_index_[node_id] = index_;
    keys_.insert(watch_key::pull(node_id));
  }
  store_.watchers_.notify(keys_);
  return {};
}

void Transaction::show_allocs() {
  for (const auto& [id, row] : allocs_) {
    AllocPtr before = store_.alloc(id);
    if (row != nullptr) {
      store_.link(row);
      store_.allocs_[id] = row;
    } else if (before != nullptr) {
      store_.allocs_by_job_[before->job_id].erase(id);
      store_.allocs_by_node_[before->node_id].erase(id);
      store_.allocs_.erase(id);
    }
  }
}

void Transaction::show() {
  store_.index_ = index_;
  for (Table table : tables_) store_.table_index_[static_cast<size_t>(table)] = index_;
  auto replace = [](auto& rows, const auto& staged) {
    for (const auto& [id, row] : staged) {
      if (row == nullptr) {
        rows.erase(id);
      } else {
        rows[id] = row;
      }
    }
  };
  auto relink = [](auto& owners, const auto& stored, const auto& staged) {
    for (const auto& [id, row] : staged) {
      if (row != nullptr) {
        owners[row->job_id].insert(id);
      } else if (auto before = stored.find(id); before != stored.end()) {
        owners[before->second->job_id].erase(id);
      }
    }
  };
  show_allocs();
  relink(store_.evals_by_job_, store_.evals_, evals_);
  relink(store_.deployments_by_job_, store_.deployments_, deployments_);
  replace(store_.nodes_, nodes_);
  replace(store_.jobs_, jobs_);
  replace(store_.versions_, versions_);
  replace(store_.evals_, evals_);
  replace(store_.deployments_, deployments_);
}

}  // namespace weir::scheduler
