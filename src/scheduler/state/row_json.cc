#include "scheduler/state/row_json.h"

#include <nlohmann/json.hpp>

#include "scheduler/job_json_parts.h"
#include "scheduler/json_reader.h"

namespace weir::scheduler {

using nlohmann::json;

namespace {

Result<json> parse_row(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail(ErrorCode::invalid, "row is not JSON");
  return value;
}

}  // namespace

std::string encode_row(const Node& node) { return json_text(node_row(node)); }
std::string encode_row(const Job& job) { return json_text(job_to_json(job)); }
std::string encode_row(const Allocation& allocation) { return json_text(allocation_row(allocation)); }
std::string encode_row(const Evaluation& evaluation) { return json_text(evaluation_to_json(evaluation)); }
std::string encode_row(const Deployment& deployment) { return json_text(deployment_to_json(deployment)); }

Result<Node> decode_node_row(std::string_view text) { return parse_row(text).and_then(node_from_row); }

Result<Job> decode_job_row(std::string_view text) {
  return parse_row(text).and_then([](const json& value) { return job_from_json(value); });
}

Result<Allocation> decode_allocation_row(std::string_view text, const FindJob& find_job) {
  return parse_row(text).and_then([&](const json& value) { return allocation_from_row(value, find_job); });
}

Result<Evaluation> decode_evaluation_row(std::string_view text) {
  return parse_row(text).and_then(evaluation_from_json);
}

Result<Deployment> decode_deployment_row(std::string_view text) {
  return parse_row(text).and_then(deployment_from_json);
}

}  // namespace weir::scheduler
