#pragma once
// Rows of the store as JSON text.

#include <string>
#include <string_view>

#include "scheduler/model_json.h"

namespace weir::scheduler {

std::string encode_row(const Node& node);
std::string encode_row(const Job& job);
std::string encode_row(const Allocation& allocation);
std::string encode_row(const Evaluation& evaluation);
std::string encode_row(const Deployment& deployment);

Result<Node> decode_node_row(std::string_view text);
Result<Job> decode_job_row(std::string_view text);
Result<Allocation> decode_allocation_row(std::string_view text, const FindJob& find_job);
Result<Evaluation> decode_evaluation_row(std::string_view text);
Result<Deployment> decode_deployment_row(std::string_view text);

}  // namespace weir::scheduler
