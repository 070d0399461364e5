#include "proxy/worker.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "proxy/short_slice.h"
#include "weir/base/check.h"

namespace weir::proxy {
namespace {
// Kept for reuse; more than this were needed only in a burst.
constexpr size_t kFreeExchangesMax = 1024;
/// Connections whose memory is worth the time it takes to give it back: 200 kilobytes.
constexpr size_t kFreedForTrim = 128;
}  // namespace

Worker::Worker(size_t index, const config::Config& config, std::shared_ptr<Shared> shared)
    : index_(index),
      config_(config),
      answer_pages_(config.answers),
      retry_policy_(config.retry),
      shared_(shared ? std::move(shared) : std::make_shared<Shared>(config, 1)),
      access_log_(loop_, config.access_log),
      tls_(loop_, tls::make_library(), std::max<uint32_t>(1, config.tls.handshakes_per_turn_max)),
      pool_(loop_, config, tls_),
      authenticator_(loop_, shared_->passwords),
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
  client_limits_.pass_unknown_methods = config.requests.pass_unknown_methods;
  tables_.push_back(std::make_unique<PinnedTable>());
}

Worker::~Worker() {
  stop();
  on_drained_ = nullptr;
  loop_.close_lingering();  // they are counted by their entry points
  entry_points_.clear();    // connections and their exchanges, while all they refer to is still there
}

Result<SocketAddress> Worker::bind(const config::EntryPointConfig& config, const SocketAddress& address) {
  auto number = static_cast<size_t>(&config - config_.entry_points.data());
  entry_points_.push_back(std::make_unique<EntryPoint>(*this, config, number));
  if (Status bound = entry_points_.back()->bind(address); !bound) return fail(bound.error());
  // The target of a redirect may be bound before or after: its port is known when both are.
  for (auto& from : entry_points_) {
    for (auto& to : entry_points_) {
      if (from->config().redirect_to == to->name()) from->redirect_to(*to);
    }
  }
  return entry_points_.back()->address();
}

void Worker::start_thread() {
  second_.start_every(1000);
  thread_ = std::thread([this] {
    ask_for_short_slices();
    loop_.run();
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void Worker::post_to(size_t worker, std::function<void(Worker&)> task) {
  Worker& other = *shared_->workers[worker];
  other.post([&other, task = std::move(task)] { task(other); });
}

void Worker::post(std::function<void()> task) {
  std::lock_guard held(offer_lock_);
  newest_offer_ = nullptr;  // a table that comes now comes behind the task
  loop_.post(std::move(task));
}

// ---- Tables ----

void Worker::offer(std::shared_ptr<const routing::RoutingTable> table) {
  std::unique_lock held(offer_lock_);
  if (newest_offer_ != nullptr) {
    newest_offer_->swap(table);
    held.unlock();  // the one that nobody will ever see dies here
    return;
  }
  newest_offer_ = std::make_shared<Offer>(std::move(table));
  loop_.post_unhurried([this, offer = newest_offer_] {
    std::unique_lock taking(offer_lock_);
    if (newest_offer_ == offer) newest_offer_ = nullptr;
    auto offered = std::move(*offer);
    taking.unlock();
    install(std::move(offered));
  });
}

void Worker::install(std::shared_ptr<const routing::RoutingTable> table) {
  service_cache_.make_room(table->services().size());
  tables_.push_back(std::make_unique<PinnedTable>(PinnedTable{std::move(table), 0}));
  std::erase_if(tables_, [&](const auto& old) { return old != tables_.back() && old->pins == 0; });
}

bool Worker::is_misdirected(const tls::Connection& connection, std::string_view host, const routing::Router& router,
                            std::string_view entry_options) const {
  std::string_view used = connection.options_name();
  if (!router.tls_options().empty() && router.tls_options() != used) return true;
  if (host_options_->empty() || host == connection.server_name()) return false;
  const std::string* asked = tls::options_of(*host_options_, host);
  return (asked == nullptr ? entry_options : std::string_view(*asked)) != used;
}

void Worker::use_host_options(std::shared_ptr<const tls::HostOptions> host_options) {
  host_options_ = std::move(host_options);
  tls_.use(host_options_);
}

void Worker::install_transports(const WorkerTransports& given) {
  pool_.use(given.transports);
  auth_client_.use(given.auth_servers);
}

PinnedTable* Worker::pin() {
  ++tables_.back()->pins;
  return tables_.back().get();
}

void Worker::unpin(PinnedTable& pinned) {
  if (--pinned.pins > 0 || &pinned == tables_.back().get()) return;
  std::erase_if(tables_, [&](const auto& old) { return old.get() == &pinned; });
  tidied_generation_ = 0;  // who held it may have brought back counters of what the newest does not name
}

ServiceState& Worker::service_state(const std::shared_ptr<const routing::Service>& service, const PinnedTable& pinned) {
  if (ServiceState* known = service_cache_.find(*service)) return *known;
  auto found = services_.find(service->name);
  if (found == services_.end()) {
    auto made = std::make_unique<ServiceState>(service, pool_, index_, ++services_made_);
    found = services_.emplace(service->name, std::move(made)).first;
  }
  ServiceState& state = *found->second;
  // A request that still holds an older table does not turn the state back.
  if (state.service != service && &pinned == tables_.back().get()) state.update(service, pool_);
  service_cache_.put(state);
  return state;
}

// Once a second, and only after a change: services the table does not name any more, and endpoints that no service
// names, go when no exchange has them.
void Worker::tidy() {
  access_log_.hand_over();
  give_memory_back();
  const auto& table = tables_.back()->table;
  if (!table || table->generation() == tidied_generation_) return;
  tidied_generation_ = table->generation();
  forget_unnamed(*table);
  choose_counted(*table);
}

void Worker::forget_unnamed(const routing::RoutingTable& table) {
  service_cache_.clear();
  ++tidy_round_;
  for (auto state = services_.begin(); state != services_.end();) {
    const auto* named = table.services().find(state->first);
    if (named == nullptr && state->second->users == 0) {
      state = services_.erase(state);
      continue;
    }
    if (named == nullptr) {
      tidied_generation_ = 0;  // still used: look again
    } else if (state->second->service != *named) {
      state->second->update(*named, pool_);
    }
    for (EndpointState* endpoint : state->second->endpoints) endpoint->note_named(state->second->number, tidy_round_);
    ++state;
  }
  pool_.forget_unnamed(tidy_round_);
  router_counters_.forget_unnamed(table);
}

// A series for each of very many is more than whoever scrapes them can take, and a cold line of memory a request.
// Endpoints count where their service has been asked for: the others have no series.
void Worker::choose_counted(const routing::RoutingTable& table) {
  size_t endpoints = 0;
  for (const auto& [name, state] : services_) endpoints += state->endpoints.size();
  counts_routers_ = table.routers().size() <= config_.metrics.routers_max;
  counts_services_ = table.services().size() <= config_.metrics.services_max;
  counts_endpoints_ = endpoints <= config_.metrics.endpoints_max;
  if (!counts_routers_) router_counters_.clear();
}

// What a crowd of connections took does not go back to the system by itself when they are parked or gone: it lies
// between what is still used.
void Worker::give_memory_back() {
  size_t unparked = connections_ - parked_;
  if (!trim_due_ && unparked_peak_ - unparked < kFreedForTrim) return;
  unparked_peak_ = unparked;
  trim_due_ = false;
  if (shared_->trim) return shared_->trim();
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
  note_unparked();
}

void Worker::connection_unparked() {
  --parked_;
  note_unparked();
}

void Worker::note_unparked() { unparked_peak_ = std::max(unparked_peak_, connections_ - parked_); }

void Worker::connection_closed() {
  --connections_;
  leave_seat();
}

void Worker::leave_seat() {
  loads().leave_seat(index_);
  if (on_drained_) check_drained();
}

// ---- Draining ----

void Worker::drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  // First: connections that close from here on ask whether it is running.
  drain_deadline_.start_once(std::max<uint32_t>(1, config_.timeouts.drain_ms));
  loads().close(index_);
  for (auto& entry_point : entry_points_) entry_point->drain();
  check_drained();
}

void Worker::check_drained() {
  // Seats, not connections: one that another worker has accepted may be on its way.
  if (loads().seats(index_) > 0 && drain_deadline_.active()) return;
  drain_deadline_.stop();
  access_log_.hand_over();
  if (auto callback = std::exchange(on_drained_, nullptr)) callback();
}

// ---- Counting ----

void Worker::count(const RequestOutcome& outcome, std::string_view entry_point, const routing::Router* router,
                   ServiceState* service, EndpointState* endpoint) {
  for (auto& own : entry_points_) {
    if (own->name().data() == entry_point.data()) own->stats.count(outcome);
  }
  if (router != nullptr && counts_routers_) router_counters_.count(*router, outcome);
  if (service != nullptr && counts_services_) service->stats.requests.count(outcome);
  if (service != nullptr && endpoint != nullptr && counts_endpoints_)
    endpoint->requests_of(service->number).count(outcome);
}

void Worker::count_tls(const ForwardedBy& by, std::string_view entry_point, const routing::Router* router,
                       ServiceState* service) {
  for (auto& own : entry_points_) {
    if (own->name().data() == entry_point.data()) own->stats.count_tls(by.tls_version, by.tls_cipher);
  }
  if (router != nullptr && counts_routers_) router_counters_.count_tls(*router, by.tls_version, by.tls_cipher);
  if (service != nullptr && counts_services_) service->stats.requests.count_tls(by.tls_version, by.tls_cipher);
}

Stats Worker::collect() const {
  Stats out = stats_;
  out.open_connections = connections_;
  out.parked_connections = parked_;
  out.connections_by_worker[index_] = connections_;
  out.exchanges_in_flight = exchanges_;
  out.access_log = access_log_.stats();
  out.tls = tls_.counters();
  for (const auto& entry_point : entry_points_) {
    EntryPointStats& stats = out.entry_points[std::string(entry_point->name())];
    stats.requests.merge(entry_point->stats);
    stats.open_connections += entry_point->open_connections();
  }
  router_counters_.add_to(out);
  std::unordered_map<uint32_t, const std::string*> names;
  for (const auto& [name, state] : services_) {
    out.services[name].merge(state->stats);
    names.emplace(state->number, &name);
  }
  pool_.add_stats(out, [&](uint32_t service) {
    auto found = names.find(service);
    return found == names.end() ? nullptr : found->second;
  });
  return out;
}

}  // namespace weir::proxy
