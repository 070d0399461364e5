#include "app/edge.h"

#include <utility>

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/provider/providers.h"

namespace weir::app {

Result<std::unique_ptr<Edge>> Edge::start(event::Loop& loop, const config::Config& config) {
  std::unique_ptr<Edge> edge(new Edge(loop, config));
  if (Status started = edge->start_all(); !started) return fail(started.error());
  return edge;
}

Edge::Edge(event::Loop& loop, const config::Config& config)
    : loop_(loop),
      config_(config),
      assembler_(
          clock_,
          [this](std::shared_ptr<const routing::RoutingTable> table, const provider::TableChange& change) {
            publish(std::move(table), change);
          },
          [this](const auto& names) { note_aliases(names); }),
      checker_(
          loop_, clock_, {config_.health.concurrent_checks_max, config_.health.new_endpoints == "up"},
          [this](const std::string& name) { return proxy_->transport(name); },
          [this](const routing::HealthVerdicts& verdicts, uint64_t seen_us) {
            assembler_.on_verdicts(verdicts, seen_us);
          }),
      drain_delay_(loop, [this] { proxy_->drain([this] { note_drained(); }); }),
      second_(loop, [this] { assembler_.expire(); }) {}

Edge::~Edge() {
  for (auto& provider : providers_) provider->stop();
}

void Edge::publish(std::shared_ptr<const routing::RoutingTable> table, const provider::TableChange& change) {
  // Of checks the checker tells who, and why.
  log::write(change.provider == provider::kHealthChecks ? log::Level::debug : log::Level::info, "routes changed",
             {{"provider", change.provider},
              {"generation", table->generation()},
              {"routers", table->routers().size()},
              {"services", table->services().size()}});
  proxy_->publish(table);
  checker_.use_table(*table);  // after the proxy, which makes the transports that a table names
}

Status Edge::start_all() {
  if (!config_.data_dir.empty()) {
    if (Status made = make_directories(config_.data_dir); !made) return made;
  }
  // The workers come first: a provider may hand over its last good result while it starts.
  auto proxy = proxy::Proxy::start(loop_, config_);
  if (!proxy) return fail(proxy.error());
  proxy_ = std::move(*proxy);
  assembler_.on_verdicts(checker_.verdicts(), 0);  // none yet, and what that means

  if (Status started = start_registrar(); !started) return started;
  if (Status added = add_providers(); !added) return added;
  for (auto& provider : providers_) {
    if (Status started = provider->start(assembler_); !started) return started;
  }
  if (Status started = start_secrets(); !started) return started;
  second_.start_every(1000);
  if (config_.admin_address) {
    auto admin = Admin::start(loop_, *config_.admin_address, {proxy_->control_tls(), config_.admin_tls_options}, *this);
    if (!admin) return fail(Error{admin.error().code, "admin: " + admin.error().message});
    admin_ = std::move(*admin);
  }
  if (providers_.empty()) {
    log::warn("no provider is switched on: every request is answered 503",
              {{"providers", "consul.addresses, consulkv.addresses, nomad.addresses, http.endpoint, file.directory"}});
  }
  return {};
}

Status Edge::add_providers() {
  if (!config_.consul.addresses.empty()) {
    auto reading = routing::catalog_options(config_.consul);
    if (!reading) return fail(reading.error());
    provider::ConsulOptions options;
    options.consul = config_.consul;
    options.safety = config_.safety;
    if (!config_.data_dir.empty()) options.snapshot_path = config_.data_dir + "/catalog-consul.json";
    providers_.push_back(provider::make_consul_provider(loop_, clock_, std::move(options)));
    assembler_.add(*providers_.back(), std::move(*reading));
  }
  if (!config_.consul_kv.addresses.empty()) {
    provider::ConsulKvOptions options;
    options.kv = config_.consul_kv;
    options.safety = config_.safety;
    options.data_dir = config_.data_dir;
    providers_.push_back(provider::make_consul_kv_provider(loop_, clock_, std::move(options)));
    assembler_.add(*providers_.back());
  }
  if (!config_.nomad.addresses.empty()) {
    auto reading = routing::catalog_options(config_.nomad);
    if (!reading) return fail(reading.error());
    provider::NomadOptions options;
    options.nomad = config_.nomad;
    options.safety = config_.safety;
    if (!config_.data_dir.empty()) options.snapshot_path = config_.data_dir + "/catalog-nomad.json";
    providers_.push_back(provider::make_nomad_provider(loop_, clock_, std::move(options)));
    assembler_.add(*providers_.back(), std::move(*reading));
  }
  if (!config_.http.endpoint.empty()) {
    provider::HttpOptions options;
    options.http = config_.http;
    options.safety = config_.safety;
    options.data_dir = config_.data_dir;
    providers_.push_back(provider::make_http_provider(loop_, clock_, std::move(options)));
    assembler_.add(*providers_.back());
  }
  if (!config_.file.directory.empty()) {
    provider::FileOptions options;
    options.file = config_.file;
    providers_.push_back(provider::make_file_provider(loop_, clock_, std::move(options)));
    assembler_.add(*providers_.back());
  }
  return {};
}

Status Edge::start_registrar() {
  if (config_.consul.register_address.empty()) return {};
  auto registrar = provider::make_registrar(loop_, clock_, config_.consul);
  if (!registrar) return fail(registrar.error());
  registrar_ = std::move(*registrar);
  return {};
}

void Edge::note_aliases(const provider::TableAssembler::Names& names) {
  if (registrar_ != nullptr) return registrar_->want(names);
  if (names.empty()) return;
  log::warn("routes ask for names in Consul, and providers.consul.register_address is not set",
            {{"names", join({names.begin(), names.end()}, ",")}});
}

Status Edge::start_secrets() {
  if (!config_.consul.addresses.empty() && !config_.consul.connect_service.empty()) {
    auto connect = provider::follow_connect(loop_, config_.consul, {}, [this](tls::MeshIdentity identity) {
      return proxy_->use_mesh(std::move(identity));
    });
    if (!connect) return fail(connect.error());
    secrets_.push_back(std::move(*connect));
  }
  const std::string& key = config_.tls.ticket_key_consul_key;
  if (key.empty()) return {};
  if (!config_.tls.ticket_key_file.empty()) {
    return fail(ErrorCode::invalid, "tls.ticket_key_consul_key together with tls.ticket_key_file");
  }
  if (config_.consul_kv.addresses.empty() && config_.consul.addresses.empty()) {
    return fail(ErrorCode::invalid, "tls.ticket_key_consul_key, and no addresses of a Consul");
  }
  auto place =
      config_.consul_kv.addresses.empty() ? provider::place_of(config_.consul) : provider::place_of(config_.consul_kv);
  auto keys = provider::follow_key(loop_, place, key, {},
                                   [this](const std::string& value) { return proxy_->use_ticket_keys(value); });
  if (!keys) return fail(keys.error());
  secrets_.push_back(std::move(*keys));
  return {};
}

void Edge::note_drained() {
  if (--drains_ == 0) std::exchange(on_drained_, nullptr)();
}

void Edge::drain(std::function<void()> on_drained) {
  if (std::exchange(draining_, true)) return;
  on_drained_ = std::move(on_drained);
  drains_ = registrar_ != nullptr ? 2 : 1;
  if (registrar_ != nullptr) registrar_->stop([this] { note_drained(); });
  drain_delay_.start_once(config_.timeouts.drain_delay_ms);
}

}  // namespace weir::app
