#include "proxy/worker.h"

#include <malloc.h>

#include <unordered_set>
#include <utility>

#include "weir/base/check.h"

namespace weir::proxy {
namespace {
// Kept for reuse; more than this were needed only in a burst.
constexpr size_t kFreeExchangesMax = 1024;
/// Some two megabytes.
constexpr size_t kFreedForTrim = 1024;
}  // namespace

Worker::Worker(size_t index, const config::Config& config, std::shared_ptr<Admission> admission)
    : index_(index),
      config_(config),
      answer_pages_(config.answers),
      retry_policy_(config.retry),
      admission_(admission ? std::move(admission) : std::make_shared<Admission>(config)),
      pool_(loop_, config),
      second_(loop_, [this] { tidy(); }),
      drain_deadline_(loop_, [this] {
        for (auto& entry_point : entry_points_) entry_point->cut();
        check_drained();
      }) {
  client_limits_.head_bytes_max = config.limits.head_bytes_max;
  client_limits_.headers_max = config.limits.headers_max;
  client_limits_.target_bytes_max = config.limits.target_bytes_max;
  client_limits_.head_timeout_ms = config.timeouts.head_ms;
  client_limits_.idle_timeout_ms = config.timeouts.idle_ms;
  tables_.push_back(std::make_unique<PinnedTable>());
}

Worker::~Worker() {
  stop();
  entry_points_.clear();  // connections and their exchanges, while all they refer to is still there
}

Result<SocketAddress> Worker::bind(const config::EntryPointConfig& config, const SocketAddress& address) {
  auto number = static_cast<size_t>(&config - config_.entry_points.data());
  entry_points_.push_back(std::make_unique<EntryPoint>(*this, config, number));
  if (Status bound = entry_points_.back()->bind(address); !bound) return fail(bound.error());
  return entry_points_.back()->address();
}

void Worker::start_thread() {
  second_.start_every(1000);
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

// ---- Tables ----

void Worker::install(std::shared_ptr<const routing::RoutingTable> table) {
  tables_.push_back(std::make_unique<PinnedTable>(PinnedTable{std::move(table), 0}));
  std::erase_if(tables_, [&](const auto& old) { return old != tables_.back() && old->pins == 0; });
}

PinnedTable* Worker::pin() {
  ++tables_.back()->pins;
  return tables_.back().get();
}

void Worker::unpin(PinnedTable& pinned) {
  if (--pinned.pins > 0 || &pinned == tables_.back().get()) return;
  std::erase_if(tables_, [&](const auto& old) { return old.get() == &pinned; });
}

ServiceState& Worker::service_state(const std::shared_ptr<const routing::Service>& service, const PinnedTable& pinned) {
  auto found = services_.find(service->name);
  if (found == services_.end()) {
    auto made = std::make_unique<ServiceState>(service, pool_, index_);
    return *services_.emplace(service->name, std::move(made)).first->second;
  }
  // A request that still holds an older table does not turn the state back.
  if (found->second->service != service && &pinned == tables_.back().get()) found->second->update(service, pool_);
  return *found->second;
}

// Once a second, and only after a change: services the table does not name any more, and endpoints that no service
// names, go when no exchange has them.
void Worker::tidy() {
  access_log_.flush();
  give_memory_back();
  const auto& table = tables_.back()->table;
  if (!table || table->generation() == tidied_generation_) return;
  tidied_generation_ = table->generation();
  std::unordered_map<std::string_view, const std::shared_ptr<const routing::Service>*> named;
  for (const auto& service : table->services()) named.emplace(service->name, &service);
  std::unordered_set<const EndpointState*> wanted;
  for (auto state = services_.begin(); state != services_.end();) {
    auto found = named.find(state->first);
    if (found == named.end() && state->second->users == 0) {
      state = services_.erase(state);
      continue;
    }
    if (found == named.end()) {
      tidied_generation_ = 0;  // still used: look again
    } else if (state->second->service != *found->second) {
      state->second->update(*found->second, pool_);
    }
    wanted.insert(state->second->endpoints.begin(), state->second->endpoints.end());
    ++state;
  }
  pool_.forget_unless([&](const EndpointState& endpoint) { return wanted.contains(&endpoint); });
  std::unordered_set<std::string_view> routers;
  for (const auto& router : table->routers()) routers.insert(router->name);
  std::erase_if(router_stats_, [&](const auto& entry) { return !routers.contains(entry.first); });
}

// What a crowd of connections took does not go back to the system by itself when they are parked or gone: it lies
// between what is still used.
void Worker::give_memory_back() {
  if (connections_freed_ < kFreedForTrim) return;
  connections_freed_ = 0;
  ::malloc_trim(0);
}

// ---- Exchanges and connections ----

std::unique_ptr<Exchange> Worker::lend_exchange() {
  ++exchanges_;
  if (free_exchanges_.empty()) return std::make_unique<Exchange>(*this);
  auto exchange = std::move(free_exchanges_.back());
  free_exchanges_.pop_back();
  return exchange;
}

void Worker::take_back(std::unique_ptr<Exchange> exchange) {
  --exchanges_;
  if (free_exchanges_.size() < kFreeExchangesMax) {
    free_exchanges_.push_back(std::move(exchange));
  } else {
    loop_.destroy_later(std::move(exchange));  // it is on the stack
  }
}

void Worker::connection_opened() {
  ++connections_;
  ++stats_.accepted_connections;
}

void Worker::connection_closed() {
  --connections_;
  if (on_drained_) check_drained();
}

// ---- Draining ----

void Worker::drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  // First: connections that close from here on ask whether it is running.
  drain_deadline_.start_once(std::max<uint32_t>(1, config_.timeouts.drain_ms));
  for (auto& entry_point : entry_points_) entry_point->drain();
  check_drained();
}

void Worker::check_drained() {
  if (connections_ > 0 && drain_deadline_.active()) return;
  drain_deadline_.stop();
  access_log_.flush();
  if (auto callback = std::exchange(on_drained_, nullptr)) callback();
}

// ---- Counting ----

void Worker::count(std::string_view entry_point, const routing::Router* router, ServiceState* service,
                   EndpointState* endpoint, uint16_t status, uint64_t duration_ms, uint64_t request_bytes,
                   uint64_t response_bytes) {
  double seconds = static_cast<double>(duration_ms) / 1000;
  for (auto& own : entry_points_) {
    if (own->name() == entry_point) own->stats.count(status, seconds, request_bytes, response_bytes);
  }
  if (router != nullptr) router_stats_[router->name].count(status, seconds, request_bytes, response_bytes);
  if (service != nullptr) service->stats.count(status, seconds, request_bytes, response_bytes);
  if (endpoint != nullptr) endpoint->stats.requests.count(status, seconds, request_bytes, response_bytes);
}

Stats Worker::collect() const {
  Stats out = stats_;
  out.open_connections = connections_;
  out.exchanges_in_flight = exchanges_;
  for (const auto& entry_point : entry_points_) out.parked_connections += entry_point->parked();
  for (const auto& entry_point : entry_points_)
    out.entry_points[std::string(entry_point->name())].merge(entry_point->stats);
  for (const auto& [name, stats] : router_stats_) out.routers[name].merge(stats);
  std::unordered_map<const EndpointState*, std::string> service_of;
  for (const auto& [name, state] : services_) {
    out.services[name].merge(state->stats);
    for (const EndpointState* endpoint : state->endpoints) service_of.emplace(endpoint, name);
  }
  pool_.add_stats(out, [&](const EndpointState& endpoint) {
    auto found = service_of.find(&endpoint);
    return found == service_of.end() ? std::string() : found->second;
  });
  return out;
}

}  // namespace weir::proxy
