#include "app/parts.h"

#include "app/service_runner.h"
#include "app/version.h"

namespace weir::app {

Result<std::unique_ptr<registry::Registry>> start_registry(event::Loop& loop, const RegistryOptions& options) {
  registry::Registry::Options out;
  auto http = flag_address("--http", options.http);
  if (!http) return fail(http.error());
  out.http_address = *http;
  out.dns_address.reset();
  if (!options.dns.empty()) {
    auto dns = flag_address("--dns", options.dns);
    if (!dns) return fail(dns.error());
    out.dns_address = *dns;
  }
  out.data_dir = options.data_dir;
  out.datacenter = options.datacenter;
  out.node_name = options.node_name;
  out.legacy_get_writes = options.legacy_get_writes;
  return registry::Registry::start(loop, std::move(out));
}

Result<std::unique_ptr<scheduler::Server>> start_scheduler(event::Loop& loop, const SchedulerOptions& options) {
  auto http = flag_address("--http", options.http);
  if (!http) return fail(http.error());
  scheduler::Server::Options out;
  out.http = *http;
  out.data_dir = options.data_dir;
  out.version = kVersion;
  return scheduler::Server::start(loop, std::move(out));
}

Result<std::unique_ptr<scheduler::Agent>> start_agent(event::Loop& loop, const AgentOptions& options) {
  auto server = Url::parse(options.scheduler);
  if (!server) return fail(Error{ErrorCode::invalid, "--scheduler: " + server.error().message});
  auto registry = Url::parse(options.consul);
  if (!registry) return fail(Error{ErrorCode::invalid, "--consul: " + registry.error().message});
  auto http = flag_address("--http", options.http.empty() ? options.address + ":0" : options.http);
  if (!http) return fail(http.error());
  auto ip = IpAddress::parse(options.address);
  if (!ip) return fail(Error{ErrorCode::invalid, "--address: " + ip.error().message});
  if (*ip != http->ip)
    return fail(ErrorCode::invalid, "--http: its IP must be that of --address, where the tasks listen");
  scheduler::Agent::Options out;
  out.server = *server;
  out.server_token = options.scheduler_token;
  out.registry = *registry;
  out.registry_token = options.consul_token;
  out.data_dir = options.data_dir;
  out.name = options.node_name;
  out.datacenter = options.datacenter;
  out.node_class = options.node_class;
  out.http = *http;
  out.cpu_mhz = options.cpu_mhz;
  out.memory_mb = options.memory_mb;
  out.version = kVersion;
  for (const std::string& pair : options.meta) {
    size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::invalid, "--meta: expected KEY=VALUE, got \"" + pair + "\"");
    out.meta[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return scheduler::Agent::start(loop, std::move(out));
}

}  // namespace weir::app
