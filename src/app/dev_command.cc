// weir dev: a whole small cluster in one process. The parts speak HTTP to each other, as on five machines.

#include <cstdlib>
#include <filesystem>

#include "app/commands.h"
#include "app/edge.h"
#include "app/parts.h"
#include "app/service_runner.h"
#include "weir/base/file.h"
#include "weir/base/log.h"

namespace weir::app {
namespace {

/// A folder that goes with its owner.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> make() {
    const char* parent = std::getenv("TMPDIR");
    std::string path = std::string(parent != nullptr ? parent : "/tmp") + "/weir-dev-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return fail(system_error("make a folder like " + path, errno));
    return std::make_unique<TemporaryFolder>(path);
  }
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  ~TemporaryFolder() {
    std::error_code ignored;  // what cannot be removed stays
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// In the order they start; destroyed the other way round.
struct Cluster {
  std::unique_ptr<TemporaryFolder> temporary;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<scheduler::Server> scheduler;
  std::unique_ptr<scheduler::Agent> agent;
  std::unique_ptr<Edge> edge;
};

Result<std::unique_ptr<Edge>> start_edge(event::Loop& loop, const DevOptions& options, const std::string& folder,
                                         const std::string& registry) {
  const size_t equals = options.entry_point.find('=');  // weir edge asks for a name
  const std::string name = equals == std::string::npos ? "web" : options.entry_point.substr(0, equals);
  const std::string address =
      equals == std::string::npos ? options.entry_point : options.entry_point.substr(equals + 1);
  std::vector<config::Override> overrides{{"entrypoints." + name + ".address", address, "--entrypoint"},
                                          {"admin.address", options.admin, "--admin"},
                                          {"providers.consul.addresses", registry, "--registry"},
                                          {"workers", options.workers, "--workers"},
                                          {"data_dir", folder + "/edge", "--data-dir"}};
  if (!options.routes.empty()) overrides.push_back({"providers.file.directory", options.routes, "--routes"});
  auto loaded = config::load_config("", "", overrides);
  for (size_t i = 1; i < loaded.errors.size(); ++i) print_error(loaded.errors[i]);
  if (!loaded.errors.empty()) return fail(loaded.errors[0]);
  return Edge::start(loop, loaded.config);
}

/// Which of the parts it was, and so which flag moves it elsewhere.
tl::unexpected<Error> fail_of(const char* part, const Error& error) {
  return fail(Error{error.code, std::string(part) + ": " + error.text()});
}

Result<std::shared_ptr<Cluster>> start_cluster(event::Loop& loop, const DevOptions& options) {
  auto cluster = std::make_shared<Cluster>();
  std::string folder = options.data_dir;
  if (folder.empty()) {
    auto made = TemporaryFolder::make();
    if (!made) return fail(made.error());
    cluster->temporary = std::move(*made);
    folder = cluster->temporary->path();
  }
  RegistryOptions registry_options;
  registry_options.http = options.registry;
  registry_options.dns = options.dns;
  registry_options.data_dir = folder + "/registry";
  auto registry = start_registry(loop, registry_options);
  if (!registry) return fail_of("registry", registry.error());
  cluster->registry = std::move(*registry);
  std::string registry_url = "http://" + cluster->registry->http_address().text();

  SchedulerOptions scheduler_options;
  scheduler_options.http = options.scheduler;
  scheduler_options.data_dir = folder + "/scheduler";
  auto scheduler = start_scheduler(loop, scheduler_options);
  if (!scheduler) return fail_of("scheduler", scheduler.error());
  cluster->scheduler = std::move(*scheduler);

  AgentOptions agent_options;
  agent_options.scheduler = "http://" + cluster->scheduler->http_address().text();
  agent_options.consul = registry_url;
  agent_options.data_dir = folder + "/agent";
  auto agent = start_agent(loop, agent_options);
  if (!agent) return fail_of("agent", agent.error());
  cluster->agent = std::move(*agent);

  auto edge = start_edge(loop, options, folder, registry_url);
  if (!edge) return fail_of("edge", edge.error());
  cluster->edge = std::move(*edge);
  return cluster;
}

}  // namespace

int run_dev(const DevOptions& options) {
  return run_service("dev", options.service, [&](event::Loop& loop) -> Result<RunningService> {
    auto started = start_cluster(loop, options);
    if (!started) return fail(started.error());
    std::shared_ptr<Cluster> cluster = *started;
    RunningService running;
    running.owner = cluster;
    running.is_ready = [&registry = *cluster->registry] { return registry.ready(); };
    running.addresses = {{"registry", cluster->registry->http_address().text()},
                         {"scheduler", cluster->scheduler->http_address().text()},
                         {"agent", cluster->agent->http_address().text()}};
    if (auto dns = cluster->registry->dns_address()) running.addresses.emplace_back("dns", dns->text());
    for (const auto& [name, address] : cluster->edge->addresses())
      running.addresses.emplace_back("entrypoints." + name, address.text());
    if (const Admin* admin = cluster->edge->admin()) running.addresses.emplace_back("admin", admin->address().text());
    // Tasks survive with the folder in which the next agent finds them; without it they would run for ever.
    running.stop = [&parts = *cluster](std::function<void()> done) {
      if (!parts.temporary) return parts.edge->drain(std::move(done));
      parts.edge->drain([&parts, done = std::move(done)] { parts.agent->stop_tasks(done); });
    };
    if (cluster->temporary) {
      running.stop_now = [&agent = *cluster->agent](std::function<void()> done) { agent.kill_tasks(std::move(done)); };
    }
    running.reopen_logs = [&edge = *cluster->edge] { edge.reopen_access_log(); };
    running.reload = [&edge = *cluster->edge] { edge.reload_tls(); };
    return running;
  });
}

}  // namespace weir::app
