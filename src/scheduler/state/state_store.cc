#include "scheduler/state/state_store.h"

#include <algorithm>
#include <tuple>

#include "scheduler/state/row_json.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

template <typename Map>
typename Map::mapped_type find_row(const Map& rows, const typename Map::key_type& id) {
  auto it = rows.find(id);
  return it == rows.end() ? nullptr : it->second;
}

template <typename Row>
std::vector<std::shared_ptr<const Row>> rows_of(const std::map<std::string, std::set<std::string>>& owners,
                                                const std::map<std::string, std::shared_ptr<const Row>>& rows,
                                                const std::string& owner) {
  std::vector<std::shared_ptr<const Row>> found;
  auto it = owners.find(owner);
  if (it == owners.end()) return found;
  for (const std::string& id : it->second) found.push_back(rows.at(id));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a->create_index, a->id) < std::tie(b->create_index, b->id);
  });
  return found;
}

Status in_table(std::string_view table, std::string_view key, const Error& error) {
  return fail(ErrorCode::invalid,
              "scheduler state: " + std::string(table) + " row \"" + std::string(key) + "\": " + error.text());
}

}  // namespace

StateStore::StateStore(std::unique_ptr<StoreDb> db, const Clock& clock) : clock_(clock), db_(std::move(db)) {}

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& path, const Clock& clock) {
  auto db = StoreDb::open(path);
  if (!db) return fail(db.error());
  std::unique_ptr<StateStore> store(new StateStore(std::move(*db), clock));
  if (auto status = store->load(); !status) return fail(status.error());
  return store;
}

Status StateStore::load() {
  auto load_table = [&](std::string_view table, const auto& decode, const auto& keep) {
    return db_->read_all(table, [&](std::string_view key, std::string_view body) -> Status {
      auto row = decode(body);
      if (!row) return in_table(table, key, row.error());
      keep(std::move(*row));
      return {};
    });
  };
  Status status = db_->read_all("meta", [&](std::string_view key, std::string_view body) -> Status {
    uint64_t value = parse_u64(body).value_or(0);
    if (key == "index") index_ = value;
    for (size_t i = 0; i < kTables; ++i) {
      if (key == kIndexKeys[i]) table_index_[i] = value;
    }
    return {};
  });
  if (!status) return status;
  status = load_table("nodes", decode_node_row, [&](Node node) {
    auto row = std::make_shared<const Node>(std::move(node));
    nodes_[row->id] = row;
  });
  if (!status) return status;
  status = load_table("jobs", decode_job_row, [&](Job job) {
    auto row = std::make_shared<const Job>(std::move(job));
    jobs_[row->id] = row;
  });
  if (!status) return status;
  status = load_table("job_versions", decode_job_row, [&](Job job) {
    JobReference reference{.job_id = job.id, .create_index = job.create_index, .version = job.version};
    versions_[reference] = std::make_shared<const Job>(std::move(job));
  });
  if (!status) return status;
  auto find_job = [this](const JobReference& reference) { return job_version(reference); };
  auto decode_alloc = [&](std::string_view body) { return decode_allocation_row(body, find_job); };
  status = load_table("allocs", decode_alloc, [&](Allocation alloc) {
    auto row = std::make_shared<const Allocation>(std::move(alloc));
    link(row);
    allocs_[row->id] = row;
  });
  if (!status) return status;
  status = load_table("evals", decode_evaluation_row, [&](Evaluation eval) {
    auto row = std::make_shared<const Evaluation>(std::move(eval));
    evals_by_job_[row->job_id].insert(row->id);
    evals_[row->id] = row;
  });
  if (!status) return status;
  status = load_table("deployments", decode_deployment_row, [&](Deployment deployment) {
    auto row = std::make_shared<const Deployment>(std::move(deployment));
    deployments_by_job_[row->job_id].insert(row->id);
    deployments_[row->id] = row;
  });
  // Agents that pulled up to the present index have seen everything; the others are answered at once.
  pull_index_floor_ = index_;
  return status;
}

void StateStore::link(const AllocPtr& alloc) {
  allocs_by_job_[alloc->job_id].insert(alloc->id);
  allocs_by_node_[alloc->node_id].insert(alloc->id);
}

void StateStore::note_write(const Status& written) {
  const bool failed_before = write_error_.has_value();
  write_error_ = written ? std::nullopt : std::optional<Error>(written.error());
  if (failed_before == write_error_.has_value()) return;
  if (write_error_) {
    log::error("state cannot be written, changes are refused", {{"error", *write_error_}});
  } else {
    log::info("state is written again");
  }
}

NodePtr StateStore::node(const std::string& id) const { return find_row(nodes_, id); }
JobPtr StateStore::job(const std::string& id) const { return find_row(jobs_, id); }
AllocPtr StateStore::alloc(const std::string& id) const { return find_row(allocs_, id); }
EvalPtr StateStore::eval(const std::string& id) const { return find_row(evals_, id); }
DeploymentPtr StateStore::deployment(const std::string& id) const { return find_row(deployments_, id); }
JobPtr StateStore::job_version(const JobReference& reference) const { return find_row(versions_, reference); }

std::vector<JobPtr> StateStore::job_versions(const std::string& job_id) const {
  std::vector<JobPtr> found;
  JobPtr current = job(job_id);
  if (current == nullptr) return found;
  JobReference first{.job_id = job_id, .create_index = current->create_index, .version = 0};
  for (auto it = versions_.lower_bound(first); it != versions_.end(); ++it) {
    if (it->first.job_id != job_id || it->first.create_index != current->create_index) break;
    found.push_back(it->first.version == current->version ? current : it->second);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<AllocPtr> StateStore::allocs_of_job(const std::string& job_id) const {
  return rows_of(allocs_by_job_, allocs_, job_id);
}
std::vector<AllocPtr> StateStore::allocs_of_node(const std::string& node_id) const {
  return rows_of(allocs_by_node_, allocs_, node_id);
}
std::vector<EvalPtr> StateStore::evals_of_job(const std::string& job_id) const {
  return rows_of(evals_by_job_, evals_, job_id);
}
std::vector<DeploymentPtr> StateStore::deployments_of_job(const std::string& job_id) const {
  return rows_of(deployments_by_job_, deployments_, job_id);
}

uint64_t StateStore::pull_index(const std::string& node_id) const {
  auto it = pull_index_.find(node_id);
  return it == pull_index_.end() ? pull_index_floor_ : it->second;
}

Snapshot StateStore::snapshot(const std::string& job_id) const {
  Snapshot snapshot;
  snapshot.index = index_;
  snapshot.job = job(job_id);
  snapshot.nodes = nodes_;
  snapshot.job_allocs = allocs_of_job(job_id);
  int64_t now_ns = clock_.wall_ns();
  for (const auto& [id, alloc] : allocs_) {
    if (alloc->client_terminal() && now_ns - alloc->modify_time_ns >= kPortQuarantineNs) continue;
    snapshot.node_allocs[alloc->node_id].push_back(alloc);
  }
  auto deployments = deployments_of_job(job_id);
  if (!deployments.empty()) snapshot.deployment = deployments.back();
  return snapshot;
}

}  // namespace weir::scheduler
