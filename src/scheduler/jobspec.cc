#include "weir/scheduler/jobspec.h"

#include <unistd.h>

#include <string_view>
#include <utility>

#include "scheduler/hcl/parser.h"
#include "scheduler/hcl/variables.h"
#include "scheduler/jobspec_blocks.h"
#include "weir/base/text.h"
#include "weir/scheduler/job_json.h"

namespace weir::scheduler {
namespace {

Result<Job> parse_json_job(std::string_view text, const std::string& file_name) {
  auto job = decode_job(text);
  if (job) return job;
  Error error = job.error();
  error.file = file_name;
  return fail(std::move(error));
}

Result<Job> read_body(const hcl::Body& body, const hcl::Source& source, hcl::Evaluator& evaluator) {
  JobFile file{source, evaluator};
  BodyReader root(file, body, nullptr, "job file", "", 0);
  Job job;
  const hcl::Block* first = nullptr;
  for (const hcl::Block& block : body.blocks) {
    if (block.type != "job") continue;
    if (first != nullptr) {
      return fail(
          source.error_at(block.begin, "A file holds one job; the first is at " + source.place_of(first->begin)));
    }
    first = &block;
  }
  root.blocks("variable", "", 1, [](BodyReader&, const BodyReader::Labels&) {});
  root.blocks("variables", "", 0, [](BodyReader&, const BodyReader::Labels&) {});
  root.blocks("locals", "", 0, [](BodyReader&, const BodyReader::Labels&) {});
  root.blocks("job", "", 1,
              [&](BodyReader& inner, const BodyReader::Labels& labels) { read_job(inner, labels[0], job); });
  root.finish();
  if (first == nullptr && !file.error)
    return fail(source.error_at(0, "There is no job \"name\" { } block in this file"));
  if (file.error) return fail(*file.error);
  job.not_modelled = std::move(file.not_modelled);
  return job;
}

}  // namespace

Result<Job> parse_jobspec(std::string_view text, const std::string& file_name, const JobspecOptions& options) {
  if (text.size() > kJobspecBytesMax) {
    return fail(ErrorCode::too_large, file_name + " is larger than " + std::to_string(kJobspecBytesMax) + " bytes");
  }
  if (trim(text).starts_with("{")) return parse_json_job(text, file_name);
  hcl::Source source(file_name, text);
  auto body = hcl::parse_body(source);
  if (!body) return fail(body.error());
  hcl::Names names;
  if (auto read = hcl::read_names(*body, source, options, names); !read) return fail(read.error());
  hcl::FileAccess files{options.folder};
  hcl::Evaluator evaluator(source, names, files);
  return read_body(*body, source, evaluator);
}

std::map<std::string, std::string> environment_variables() {
  constexpr std::string_view kPrefix = "NOMAD_VAR_";
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    out[std::string(text.substr(kPrefix.size(), equals - kPrefix.size()))] = text.substr(equals + 1);
  }
  return out;
}

}  // namespace weir::scheduler
