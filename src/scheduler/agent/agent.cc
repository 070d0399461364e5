#include "weir/scheduler/agent.h"

#include <unistd.h>

#include <filesystem>

#include "scheduler/agent/agent_api.h"
#include "scheduler/agent/alloc_set.h"
#include "scheduler/agent/fingerprint.h"
#include "scheduler/agent/raw_exec_driver.h"
#include "weir/base/log.h"
#include "weir/http/server.h"

namespace weir::scheduler {
namespace {

TextMap own_environment() {
  TextMap out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Node describe(const Agent::Options& options, const AgentStore::Identity& identity, const std::string& api_address,
              const std::map<std::string, Driver*>& drivers) {
  Node node{.id = identity.node_id,
            .secret_id = identity.secret_id,
            .name = options.name.empty() ? host_name() : options.name,
            .datacenter = options.datacenter,
            .node_class = options.node_class,
            .ip = options.http.ip.text(),
            .agent_address = api_address,
            .version = options.version,
            .meta = options.meta,
            .reserved = {.cpu_mhz = options.reserved_cpu_mhz, .memory_mb = options.reserved_memory_mb},
            .reserved_ports = options.reserved_ports,
            .dynamic_port_min = options.dynamic_port_min,
            .dynamic_port_max = options.dynamic_port_max};
  fingerprint_machine({.data_dir = options.data_dir,
                       .ip = node.ip,
                       .version = options.version,
                       .cpu_mhz = options.cpu_mhz,
                       .memory_mb = options.memory_mb},
                      node);
  for (const auto& [name, driver] : drivers) {
    DriverState state = driver->fingerprint();
    if (state.detected) node.attributes["driver." + name] = "1";
    node.drivers[name] = std::move(state);
  }
  return node;
}

}  // namespace

/// Members in the order they need each other.
class Agent::Impl final : public ServerLink::Observer, public AgentApi::Backend {
 public:
  Impl(event::Loop& loop, const Options& options, AgentStore store)
      : store_(std::move(store)),
        client_(loop),
        raw_exec_(loop, {.state_folder = store_.tasks_folder(), .supervisor_argv = options.supervisor_argv}),
        drivers_{{std::string(raw_exec_.name()), &raw_exec_}},
        data_dir_(options.data_dir),
        api_(loop, *this) {}

  Status listen(event::Loop& loop, const Options& options) {
    auto server = http::Server::listen(loop, options.http, [this](http::Request request, auto responder) {
      api_.handle(std::move(request), std::move(responder));
    });
    if (!server) return fail(server.error());
    http_ = std::move(*server);
    return {};
  }

  void run(event::Loop& loop, const Options& options, const AgentStore::Identity& identity) {
    Node node = describe(options, identity, http_->address().text(), drivers_);
    facts_ = {.id = node.id, .ip = node.ip, .variables = node_variables(node), .host_env = own_environment()};
    registry_.emplace(
        loop, client_,
        RegistrySync::Options{.registry = options.registry, .token = options.registry_token, .node_id = node.id});
    checks_.emplace(
        loop, client_,
        CheckPoll::Options{
            .registry = options.registry, .token = options.registry_token, .period_ms = options.check_poll_ms});
    link_.emplace(loop, client_, ServerLink::Options{.server = options.server, .token = options.server_token},
                  std::move(node), *this);
    allocs_.emplace(AllocSet::Context{.loop = loop,
                                      .registry = *registry_,
                                      .checks = *checks_,
                                      .drivers = drivers_,
                                      .node = facts_,
                                      .store = store_},
                    *link_);
    allocs_->restore();
    link_->start();
    log::info("agent started",
              {{"node", facts_.id}, {"name", link_->node().name}, {"address", http_->address().text()}});
  }

  ~Impl() {
    if (allocs_) allocs_->save_changes();
  }

  void stop_tasks(std::function<void()> done) { allocs_->stop_all(std::move(done)); }
  void kill_tasks(std::function<void()> done) { allocs_->kill_all(std::move(done)); }
  void on_pulled(AllocPull pull) override { allocs_->apply(std::move(pull)); }

  // What the HTTP API shows.
  [[nodiscard]] AllocRunner* find(const std::string& id) const override { return allocs_->find(id); }
  [[nodiscard]] const Node& node() const override { return link_->node(); }
  [[nodiscard]] bool connected() const override { return link_->connected(); }
  [[nodiscard]] const std::string& data_dir() const override { return data_dir_; }

  [[nodiscard]] SocketAddress http_address() const { return http_->address(); }

 private:
  AgentStore store_;
  http::Client client_;
  RawExecDriver raw_exec_;
  const std::map<std::string, Driver*> drivers_;
  const std::string data_dir_;
  NodeFacts facts_;
  AgentApi api_;
  std::unique_ptr<http::Server> http_;
  std::optional<RegistrySync> registry_;
  std::optional<CheckPoll> checks_;
  std::optional<ServerLink> link_;
  std::optional<AllocSet> allocs_;
};

Result<std::unique_ptr<Agent>> Agent::start(event::Loop& loop, Options options) {
  std::error_code ignored;
  // Tasks run elsewhere, so their paths must not depend on where the agent was started.
  options.data_dir = std::filesystem::absolute(options.data_dir, ignored).lexically_normal().string();
  while (options.data_dir.size() > 1 && options.data_dir.ends_with('/')) options.data_dir.pop_back();
  auto store = AgentStore::open(options.data_dir);
  if (!store) return fail(store.error());
  auto identity = store->identity();
  if (!identity) return fail(identity.error());
  auto impl = std::make_unique<Impl>(loop, options, std::move(*store));
  if (Status listening = impl->listen(loop, options); !listening) return fail(listening.error());
  impl->run(loop, options, *identity);
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

SocketAddress Agent::http_address() const { return impl_->http_address(); }
void Agent::stop_tasks(std::function<void()> done) { impl_->stop_tasks(std::move(done)); }
void Agent::kill_tasks(std::function<void()> done) { impl_->kill_tasks(std::move(done)); }

}  // namespace weir::scheduler
