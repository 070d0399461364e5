#pragma once
// Nomad's JSON of the model (nomad-api section 5), both ways. For *_json.cc files and the API.

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weir/base/result.h"
#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

class JsonReader;

nlohmann::json metric_to_json(const AllocMetric& metric);
nlohmann::json evaluation_to_json(const Evaluation& evaluation);
nlohmann::json deployment_to_json(const Deployment& deployment);
nlohmann::json node_to_json(const Node& node);  // never with secret and agent address
nlohmann::json node_stub_to_json(const Node& node);
nlohmann::json task_states_to_json(const std::map<std::string, TaskState>& states);

struct AllocStubOptions {
  bool resources = false;
  bool task_states = true;
};
nlohmann::json allocation_stub_to_json(const Allocation& allocation, AllocStubOptions options = {});

/// Encodes many allocations; a job that they share is converted once.
class AllocationEncoder {
 public:
  AllocationEncoder();
  ~AllocationEncoder();
  /// Everything, with Job.
  nlohmann::json full(const Allocation& allocation);

 private:
  std::map<const Job*, nlohmann::json> jobs_;
};

// Decoding. Absent members keep their defaults; a wrong type is an error that names its path.
Result<Evaluation> evaluation_from_json(const nlohmann::json& json);
Result<Deployment> deployment_from_json(const nlohmann::json& json);
Result<Node> node_from_json(const nlohmann::json& json);
/// `job` is used when the JSON has no Job of its own; without either the result's job is null.
Result<Allocation> allocation_from_json(const nlohmann::json& json, JobPtr job = nullptr);
void read_task_states(JsonReader& reader, const char* name, std::map<std::string, TaskState>& out);
void read_metric(JsonReader& reader, AllocMetric& metric);

// Rows on disk: as above, and what answers leave out. An allocation's job is named, not embedded.
nlohmann::json node_row(const Node& node);
nlohmann::json allocation_row(const Allocation& allocation);
struct JobReference {
  std::string job_id;
  uint64_t create_index = 0;
  uint64_t version = 0;
  auto operator<=>(const JobReference&) const = default;
};
using FindJob = std::function<JobPtr(const JobReference&)>;
Result<Node> node_from_row(const nlohmann::json& json);
/// An error when `find_job` has no such job.
Result<Allocation> allocation_from_row(const nlohmann::json& json, const FindJob& find_job);

}  // namespace weir::scheduler
