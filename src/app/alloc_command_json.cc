#include <cstdio>
#include <string>
#include <utility>

#include "app/json_members.h"
#include "app/nomad_client.h"
#include "app/output.h"
#include "app/service_runner.h"
#include "weir/base/text.h"
#include "weir/event/timer.h"

namespace weir::app {
namespace {

using nlohmann::json;

// What a log line is taken for when its end is asked for.
constexpr uint64_t kLineBytes = 120;

Result<json> fetch_alloc(NomadClient& client, const std::string& beginning) {
  auto id = client.find_id("/v1/allocations", "allocation", beginning);
  if (!id) return fail(id.error());
  auto answer = client.api().get("/v1/allocation/" + *id);
  if (!answer) return fail(answer.error());
  return parse_json(*answer);
}

void print_task(const std::string& name, const json& state) {
  std::printf("\nTask \"%s\" is \"%s\"%s\n", name.c_str(), text_member(state, "State").c_str(),
              flag_member(state, "Failed") ? " (failed)" : "");
  std::vector<std::vector<std::string>> rows{{"Time", "Type", "Description"}};
  const auto& events = member(state, "Events");
  for (auto event = events.rbegin(); events.is_array() && event != events.rend(); ++event) {
    rows.push_back(
        {time_text(number_member(*event, "Time")), text_member(*event, "Type"), text_member(*event, "DisplayMessage")});
  }
  std::printf("%s", columns(rows).c_str());
}

void print(std::string_view piece) {
  std::fwrite(piece.data(), 1, piece.size(), stdout);
  std::fflush(stdout);
}

/// Of a log that is followed: its last lines once all that was there has come, then whatever comes.
class TailPrinter {
 public:
  TailPrinter(event::Loop& loop, uint64_t lines) : lines_(lines), quiet_(loop, [this] { finish(); }) {}
  void take(std::string_view piece) {
    if (begun_) return print(piece);
    held_.append(piece);
    if (held_.size() >= lines_ * kLineBytes) return finish();
    quiet_.start_once(kQuietMs);  // the log is shorter, or its end is on its way
  }
  void finish() {
    if (std::exchange(begun_, true)) return;
    quiet_.stop();
    print(last_lines(held_, lines_));
  }

 private:
  static constexpr uint64_t kQuietMs = 200;
  const uint64_t lines_;
  event::Timer quiet_;
  std::string held_;
  bool begun_ = false;
};

}  // namespace

int alloc_status(const AllocOptions& options) {
  NomadClient client(options.api);
  auto alloc = fetch_alloc(client, options.id);
  if (!alloc) return print_error(alloc.error());
  const auto& deployment = member(*alloc, "DeploymentStatus");
  const auto& healthy = member(deployment, "Healthy");
  std::printf("%s", key_values({{"ID", text_member(*alloc, "ID")},
                                {"Name", text_member(*alloc, "Name")},
                                {"Node", text_member(*alloc, "NodeName") + " (" +
                                             short_id(text_member(*alloc, "NodeID"), options.verbose) + ")"},
                                {"Job ID", text_member(*alloc, "JobID")},
                                {"Job Version", std::to_string(number_member(member(*alloc, "Job"), "Version"))},
                                {"Client Status", text_member(*alloc, "ClientStatus")},
                                {"Client Description", text_member(*alloc, "ClientDescription")},
                                {"Desired Status", text_member(*alloc, "DesiredStatus")},
                                {"Deployment Health",
                                 healthy.is_boolean() ? (healthy.get<bool>() ? "healthy" : "unhealthy") : "unset"},
                                {"Created", ago_text(number_member(*alloc, "CreateTime"))},
                                {"Modified", ago_text(number_member(*alloc, "ModifyTime"))}})
                        .c_str());
  std::vector<std::vector<std::string>> rows{{"Label", "Address"}};
  for (const auto& port : member(member(member(*alloc, "AllocatedResources"), "Shared"), "Ports")) {
    rows.push_back(
        {text_member(port, "Label"), text_member(port, "HostIP") + ":" + std::to_string(number_member(port, "Value"))});
  }
  if (rows.size() > 1) std::printf("\nAllocation Addresses\n%s", columns(rows).c_str());
  auto stats = client.api().get("/v1/client/allocation/" + text_member(*alloc, "ID") + "/stats");
  if (stats) {
    if (auto document = parse_json(*stats)) {
      const auto& usage = member(*document, "ResourceUsage");
      std::printf("\nResources\nCPU %lld MHz, memory %lld KiB\n",
                  static_cast<long long>(number_member(member(usage, "CpuStats"), "TotalTicks")),
                  static_cast<long long>(number_member(member(usage, "MemoryStats"), "RSS") / 1024));
    }
  }
  for (const auto& [name, state] : member(*alloc, "TaskStates").items()) print_task(name, state);
  return 0;
}

int alloc_logs(const AllocOptions& options) {
  NomadClient client(options.api);
  auto alloc = fetch_alloc(client, options.id);
  if (!alloc) return print_error(alloc.error());
  std::string task = options.task;
  if (task.empty()) {
    std::string names;
    const auto& states = member(*alloc, "TaskStates");
    for (const auto& [name, state] : states.items()) {
      task = name;
      names += "\n  " + name;
    }
    if (states.size() > 1)
      return print_error({ErrorCode::invalid, "the allocation has several tasks; name one:" + names});
    if (task.empty()) return print_error({ErrorCode::not_found, "no task has started yet"});
  }
  // What comes too much at the front is cut below.
  std::string path =
      "/v1/client/fs/logs/" + text_member(*alloc, "ID") + "?plain=true&task=" + percent_encode(task) +
      "&type=" + (options.standard_error ? "stderr" : "stdout") + "&follow=" + (options.follow ? "true" : "false") +
      (options.tail ? "&origin=end&offset=" + std::to_string(options.lines * kLineBytes) : "&origin=start&offset=0");
  if (!options.tail) {
    Status done = client.api().stream(path, print);
    return done ? 0 : print_error(done.error());
  }
  if (options.follow) {
    TailPrinter tail(client.api().loop(), options.lines);
    Status done = client.api().stream(path, [&tail](std::string_view piece) { tail.take(piece); });
    tail.finish();
    return done ? 0 : print_error(done.error());
  }
  auto text = client.api().get(path);
  if (!text) return print_error(text.error());
  print(last_lines(*text, options.lines));
  return 0;
}

}  // namespace weir::app
