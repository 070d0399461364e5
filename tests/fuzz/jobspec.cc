// Job files: a text is refused with its place, or is a job whose JSON is the same job.

#include <string>

#include "fuzz.h"
#include "weir/base/check.h"
#include "weir/scheduler/job_json.h"
#include "weir/scheduler/jobspec.h"

using namespace weir;
using namespace weir::scheduler;

void fuzz::run(std::string_view input) {
  JobspecOptions options;
  options.environment = {{"set", "1"}};
  auto job = parse_jobspec(input, "job.hcl", options);
  if (!job) {
    CHECK(!job.error().message.empty());
    return;
  }
  auto again = decode_job(encode_job(*job));
  CHECK(again && *again == *job);
}
