#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/json_members.h"
#include "app/nomad_client.h"
#include "app/output.h"
#include "app/service_runner.h"
#include "weir/base/file.h"
#include "weir/base/text.h"
#include "weir/scheduler/job_json.h"
#include "weir/scheduler/jobspec.h"

namespace weir::app {
namespace {

using nlohmann::json;

struct JobFile {
  scheduler::Job job;
  std::string source;
};

Result<JobFile> read_job(const JobFileOptions& options) {
  JobFile out;
  if (options.file == "-") {
    out.source.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto text = read_file_or_pipe(options.file, scheduler::kJobspecBytesMax);
    if (!text) return fail(text.error());
    out.source = std::move(*text);
  }
  scheduler::JobspecOptions reading;
  reading.environment = scheduler::environment_variables();
  for (const std::string& name : options.variable_files) {
    auto text = read_file_or_pipe(name);
    if (!text) return fail(text.error());
    reading.variable_files.push_back({name, std::move(*text)});
  }
  for (const std::string& variable : options.variables) {
    size_t equals = variable.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::invalid, "-var: expected NAME=VALUE, got \"" + variable + "\"");
    reading.flags.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  size_t slash = options.file.rfind('/');
  reading.folder = slash == std::string::npos ? "." : options.file.substr(0, slash + 1);
  auto job = scheduler::parse_jobspec(out.source, options.file, reading);
  if (!job) return fail(job.error());
  out.job = std::move(*job);
  return out;
}

json envelope(const JobFile& file) {
  json out;
  out["Job"] = json::parse(scheduler::encode_job(file.job), nullptr, false);
  return out;
}

std::string mark(const std::string& type) {
  if (type == "Added") return "+ ";
  if (type == "Deleted") return "- ";
  if (type == "Edited") return "+/- ";
  return "";
}

void print_fields(const json& diff, const std::string& indent) {
  for (const auto& field : member(diff, "Fields")) {
    std::string type = text_member(field, "Type");
    if (type == "None") continue;
    std::string values = type == "Added" ? "\"" + text_member(field, "New") + "\""
                         : type == "Deleted"
                             ? "\"" + text_member(field, "Old") + "\""
                             : "\"" + text_member(field, "Old") + "\" => \"" + text_member(field, "New") + "\"";
    std::string notes;
    for (const auto& note : member(field, "Annotations")) notes += " (" + note.get<std::string>() + ")";
    std::printf("%s%s%s: %s%s\n", indent.c_str(), mark(type).c_str(), text_member(field, "Name").c_str(),
                values.c_str(), notes.c_str());
  }
  for (const auto& object : member(diff, "Objects")) {
    if (text_member(object, "Type") == "None") continue;
    std::printf("%s%s%s {\n", indent.c_str(), mark(text_member(object, "Type")).c_str(),
                text_member(object, "Name").c_str());
    print_fields(object, indent + "  ");
    std::printf("%s}\n", indent.c_str());
  }
}

void print_diff(const json& diff) {
  std::printf("%sJob: \"%s\"\n", mark(text_member(diff, "Type")).c_str(), text_member(diff, "ID").c_str());
  print_fields(diff, "");
  for (const auto& group : member(diff, "TaskGroups")) {
    std::string updates;
    for (const auto& [what, count] : member(group, "Updates").items()) {
      updates += (updates.empty() ? " (" : ", ") + count.dump() + " " + what;
    }
    std::printf("%sTask Group: \"%s\"%s\n", mark(text_member(group, "Type")).c_str(),
                text_member(group, "Name").c_str(), updates.empty() ? "" : (updates + ")").c_str());
    print_fields(group, "  ");
    for (const auto& task : member(group, "Tasks")) {
      if (text_member(task, "Type") == "None") continue;
      std::string notes;
      for (const auto& note : member(task, "Annotations")) notes += " (" + note.get<std::string>() + ")";
      std::printf("  %sTask: \"%s\"%s\n", mark(text_member(task, "Type")).c_str(), text_member(task, "Name").c_str(),
                  notes.c_str());
      print_fields(task, "    ");
    }
  }
  std::printf("\n");
}

void print_warnings(const json& answer) {
  std::string warnings = text_member(answer, "Warnings");
  if (!warnings.empty()) std::printf("Job Warnings:\n%s\n\n", warnings.c_str());
}

std::string job_path(const std::string& id) { return "/v1/job/" + percent_encode(id); }

int list_jobs(NomadClient& client) {
  auto answer = client.api().get("/v1/jobs");
  if (!answer) return print_error(answer.error());
  auto jobs = parse_json(*answer);
  if (!jobs) return print_error(jobs.error());
  std::vector<std::vector<std::string>> rows{{"ID", "Type", "Priority", "Status", "Submit Date"}};
  for (const auto& job : *jobs) {
    rows.push_back({text_member(job, "ID"), text_member(job, "Type"), std::to_string(number_member(job, "Priority")),
                    text_member(job, "Status") + (flag_member(job, "Stop") ? " (stopped)" : ""),
                    time_text(number_member(job, "SubmitTime"))});
  }
  std::printf("%s", rows.size() > 1 ? columns(rows).c_str() : "No running jobs\n");
  return 0;
}

int show_job(NomadClient& client, const std::string& id, bool verbose) {
  auto fetch = [&](const std::string& path) -> Result<json> {
    auto answer = client.api().get(path);
    if (!answer) return fail(answer.error());
    return parse_json(*answer);
  };
  auto job = fetch(job_path(id));
  if (!job) return print_error(job.error());
  auto summary = fetch(job_path(id) + "/summary");
  if (!summary) return print_error(summary.error());
  auto allocations = fetch(job_path(id) + "/allocations?all=false");
  if (!allocations) return print_error(allocations.error());
  auto deployment = fetch(job_path(id) + "/deployment");
  if (!deployment) return print_error(deployment.error());
  std::string status = text_member(*job, "Status") + (flag_member(*job, "Stop") ? " (stopped)" : "");
  std::printf("%s", key_values({{"ID", text_member(*job, "ID")},
                                {"Name", text_member(*job, "Name")},
                                {"Submit Date", time_text(number_member(*job, "SubmitTime"))},
                                {"Type", text_member(*job, "Type")},
                                {"Priority", std::to_string(number_member(*job, "Priority"))},
                                {"Status", status},
                                {"Version", std::to_string(number_member(*job, "Version"))}})
                        .c_str());
  std::vector<std::vector<std::string>> rows{
      {"Task Group", "Queued", "Starting", "Running", "Failed", "Complete", "Lost"}};
  for (const auto& [group, counts] : member(*summary, "Summary").items()) {
    std::vector<std::string> row{group};
    for (const char* what : {"Queued", "Starting", "Running", "Failed", "Complete", "Lost"})
      row.push_back(std::to_string(number_member(counts, what)));
    rows.push_back(std::move(row));
  }
  std::printf("\nSummary\n%s", columns(rows).c_str());
  if (deployment->is_object()) {
    std::printf("\nLatest Deployment\n%s", key_values({{"ID", short_id(text_member(*deployment, "ID"), verbose)},
                                                       {"Status", text_member(*deployment, "Status")},
                                                       {"Description", text_member(*deployment, "StatusDescription")}})
                                               .c_str());
  }
  rows = {{"ID", "Node", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
  for (const auto& alloc : *allocations) {
    rows.push_back({short_id(text_member(alloc, "ID"), verbose), text_member(alloc, "NodeName"),
                    text_member(alloc, "TaskGroup"), std::to_string(number_member(alloc, "JobVersion")),
                    text_member(alloc, "DesiredStatus"), text_member(alloc, "ClientStatus"),
                    ago_text(number_member(alloc, "CreateTime")), ago_text(number_member(alloc, "ModifyTime"))});
  }
  std::printf("\nAllocations\n%s", rows.size() > 1 ? columns(rows).c_str() : "No allocations placed\n");
  return 0;
}

}  // namespace

int job_plan(const JobFileOptions& options) {
  auto file = read_job(options);
  if (!file) return print_error(file.error()), 255;
  NomadClient client(options.api);
  json body = envelope(*file);
  body["Diff"] = true;
  auto text = to_body(body);
  if (!text) return print_error(text.error()), 255;
  auto answer = client.api().put(job_path(file->job.id) + "/plan", *text);
  if (!answer) return print_error(answer.error()), 255;
  auto plan = parse_json(*answer);
  if (!plan) return print_error(plan.error()), 255;
  print_diff(member(*plan, "Diff"));
  const auto& failed = member(*plan, "FailedTGAllocs");
  std::printf("Scheduler dry-run:\n%s\n", failed.is_object() && !failed.empty()
                                              ? "- WARNING: Failed to place all allocations."
                                              : "- All tasks successfully allocated.");
  print_warnings(*plan);
  int64_t index = number_member(*plan, "JobModifyIndex");
  std::printf(
      "\nJob Modify Index: %lld\nTo submit the job with version verification run:\n\n  weir job run -check-index %lld "
      "%s\n",
      static_cast<long long>(index), static_cast<long long>(index), options.file.c_str());
  for (const auto& [group, updates] : member(member(*plan, "Annotations"), "DesiredTGUpdates").items()) {
    for (const char* what : {"Stop", "Place", "Migrate", "DestructiveUpdate", "Canary"}) {
      if (number_member(updates, what) > 0) return 1;
    }
  }
  return 0;
}

namespace {

/// Comments of a job file may hold any bytes, JSON may not.
json as_json_text(const std::string& source) {
  return json::parse(json(source).dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

int job_run(const JobFileOptions& options) {
  auto file = read_job(options);
  if (!file) return print_error(file.error());
  NomadClient client(options.api);
  json body = envelope(*file);
  body["Submission"] = {{"Source", as_json_text(file->source)}, {"Format", "hcl2"}};
  if (options.check_index) {
    body["EnforceIndex"] = true;
    body["JobModifyIndex"] = *options.check_index;
  }
  auto text = to_body(body);
  if (!text) return print_error(text.error());
  auto answer = client.api().put("/v1/jobs", *text);
  if (!answer) return print_error(answer.error());
  auto reply = parse_json(*answer);
  if (!reply) return print_error(reply.error());
  print_warnings(*reply);
  std::string evaluation = text_member(*reply, "EvalID");
  if (!options.detach) return client.monitor(evaluation, options.verbose);
  std::printf("Job registration successful\nEvaluation ID: %s\n", evaluation.c_str());
  return 0;
}

int job_stop(const JobOptions& options) {
  NomadClient client(options.api);
  auto id = client.find_id("/v1/jobs", "job", options.id);
  if (!id) return print_error(id.error());
  // Nomad's command asks then. A script that stops "web" once more must not stop "web-shop".
  if (*id != options.id && !options.sure) {
    return print_error({.code = ErrorCode::conflict,
                        .message = "no job is called \"" + options.id + "\"; -yes stops \"" + *id + "\""});
  }
  auto answer = client.api().remove(job_path(*id) + (options.purge ? "?purge=true" : "?purge=false"));
  if (!answer) return print_error(answer.error());
  auto reply = parse_json(*answer);
  if (!reply) return print_error(reply.error());
  std::string evaluation = text_member(*reply, "EvalID");
  if (!options.detach) return client.monitor(evaluation, options.verbose);
  std::printf("%s\n", evaluation.c_str());
  return 0;
}

int job_status(const JobOptions& options) {
  NomadClient client(options.api);
  if (options.id.empty()) return list_jobs(client);
  auto id = client.find_id("/v1/jobs", "job", options.id);
  if (!id) return print_error(id.error());
  return show_job(client, *id, options.verbose);
}

}  // namespace weir::app
