#pragma once
// A thread of the data plane with everything it needs of its own.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/admission.h"
#include "proxy/answer_pages.h"
#include "proxy/auth_client.h"
#include "proxy/authenticator.h"
#include "proxy/entry_point.h"
#include "proxy/exchange.h"
#include "proxy/request_limits.h"
#include "proxy/retry_policy.h"
#include "proxy/router_counters.h"
#include "proxy/service_cache.h"
#include "proxy/service_state.h"
#include "proxy/transport_publisher.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker_loads.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/content_encoder.h"
#include "weir/proxy/stats.h"
#include "weir/tls/engine.h"

namespace weir::proxy {

/// One loop, its listeners, upstream pool, counters and log batch; the table pinned by a plain count. What workers
/// share (Shared) is touched by connections and by requests of middlewares that count or ask, by no other. Owned by
/// Proxy; run() is its thread's body; post() and offer() are the only calls from another thread.
class Worker {
 public:
  /// What workers share: who may connect, and who takes it.
  struct Shared {
    Shared(const config::Config& config, size_t count) : admission(config), loads(count) {}
    Admission admission;
    RequestLimits limits;
    WorkerLoads loads;
    std::vector<Worker*> workers;  // constant once threads run
    // Gives free memory back to the system, from another thread: it takes as long as there is much of it (48 ms with
    // 20,000 routes). Null: there is no other. Constant once threads run.
    std::function<void()> trim;
    const std::shared_ptr<PasswordChecker> passwords = std::make_shared<PasswordChecker>();
  };
  /// Null: a worker on its own, number 0.
  Worker(size_t index, const config::Config& config, std::shared_ptr<Shared> shared = nullptr);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before the thread starts.
  void set_log_writer(LogWriter* writer) { access_log_.set_writer(writer); }
  Status read_answer_pages() { return answer_pages_.read_files(); }
  Result<SocketAddress> bind(const config::EntryPointConfig& entry_point, const SocketAddress& address);
  void start_thread();
  // From the control thread.
  void post(std::function<void()> task);
  /// The table for the next request, in one order with what is posted. Nobody is woken for it: an idle worker installs
  /// it with the next thing that happens, its own look once a second at the latest, and of many that came meanwhile
  /// only the newest.
  void offer(std::shared_ptr<const routing::RoutingTable> table);
  /// Ends the loop and waits for the thread.
  void stop();

  // On the worker's thread from here on.
  void install(std::shared_ptr<const routing::RoutingTable> table);
  void install_transports(const WorkerTransports& given);
  void use_host_options(std::shared_ptr<const tls::HostOptions> host_options);
  void drain(std::function<void()> on_drained);
  [[nodiscard]] Stats collect() const;
  /// Once a second, by a timer: hands over log lines, forgets what the table does not name any more.
  void tidy();

  [[nodiscard]] event::Loop& loop() { return loop_; }
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const http::H1Limits& client_limits() const { return client_limits_; }
  [[nodiscard]] const AnswerPages& answer_pages() const { return answer_pages_; }
  [[nodiscard]] Admission& admission() { return shared_->admission; }
  [[nodiscard]] const RetryPolicy& retry_policy() const { return retry_policy_; }
  [[nodiscard]] WorkerLoads& loads() { return shared_->loads; }
  [[nodiscard]] size_t index() const { return index_; }
  [[nodiscard]] EntryPoint& entry_point(size_t number) { return *entry_points_[number]; }
  /// Runs a task on another worker's thread.
  void post_to(size_t worker, std::function<void(Worker&)> task);
  /// Its library may be asked for from any thread.
  [[nodiscard]] tls::Engine& tls() { return tls_; }
  [[nodiscard]] UpstreamPool& pool() { return pool_; }
  [[nodiscard]] Authenticator& authenticator() { return authenticator_; }
  [[nodiscard]] AuthClient& auth_client() { return auth_client_; }
  [[nodiscard]] Guards guards() { return {authenticator_, shared_->limits, loop_}; }
  [[nodiscard]] http::EncoderPool& encoders() { return encoders_; }
  [[nodiscard]] AccessLog& access_log() { return access_log_; }
  [[nodiscard]] Stats& stats() { return stats_; }

  /// The newest table, with one pin more.
  PinnedTable* pin();
  void unpin(PinnedTable& pinned);
  /// The state of a router's service, as of the newest table.
  ServiceState& service_state(const std::shared_ptr<const routing::Service>& service, const PinnedTable& pinned);
  /// Whether a request may not come over this connection: its host or router wants other TLS options, a client
  /// certificate say, than were agreed on for the name that the client asked for in its handshake (421, RFC 9110
  /// section 15.5.20). `entry_options`: of hosts that want none of their own.
  [[nodiscard]] bool is_misdirected(const tls::Connection& connection, std::string_view host,
                                    const routing::Router& router, std::string_view entry_options) const;
  std::unique_ptr<Exchange> lend_exchange();
  void take_back(std::unique_ptr<Exchange> exchange);
  void connection_opened();
  void connection_closed();
  void connection_parked() { ++parked_; }
  void connection_unparked();
  /// Those who were parked have left nothing behind but free memory.
  void parked_memory_freed() { trim_due_ = true; }
  /// Of a connection that was accepted for this worker and not opened.
  void leave_seat();
  /// A request of this router will be counted: its counters may be asked for, in the steps they say.
  [[nodiscard]] const RouterCounters& router_counters() const { return router_counters_; }
  /// `router` is of the pinned table; each of the last three may be null.
  void count(const RequestOutcome& outcome, std::string_view entry_point, const routing::Router* router,
             ServiceState* service, EndpointState* endpoint);
  /// Beside count(), for a request that came over TLS.
  void count_tls(const ForwardedBy& by, std::string_view entry_point, const routing::Router* router,
                 ServiceState* service);

 private:
  void forget_unnamed(const routing::RoutingTable& table);
  void choose_counted(const routing::RoutingTable& table);
  void note_unparked();
  void give_memory_back();
  void check_drained();

  // constant after construction
  const size_t index_;
  const config::Config& config_;
  http::H1Limits client_limits_;
  AnswerPages answer_pages_;
  const RetryPolicy retry_policy_;
  const std::shared_ptr<Shared> shared_;

  // worker thread only
  AccessLog access_log_;  // before the loop, which outlives all that follows
  event::Loop loop_;
  tls::Engine tls_;
  UpstreamPool pool_;
  Authenticator authenticator_;
  AuthClient auth_client_{loop_};
  http::EncoderPool encoders_{config_.limits.compressions_max};
  std::vector<std::unique_ptr<PinnedTable>> tables_;  // the newest last; older ones until their last pin is gone
  std::unordered_map<std::string, std::unique_ptr<ServiceState>> services_;
  ServiceCache<ServiceState> service_cache_;
  RouterCounters router_counters_;
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<std::unique_ptr<EntryPoint>> entry_points_;
  std::shared_ptr<const tls::HostOptions> host_options_ = std::make_shared<const tls::HostOptions>();
  Stats stats_;
  size_t connections_ = 0;
  size_t parked_ = 0;         // of these
  size_t unparked_peak_ = 0;  // since memory was last given back
  bool trim_due_ = false;
  size_t exchanges_ = 0;
  bool counts_routers_ = true;  // there are few enough of them; likewise
  bool counts_services_ = true;
  bool counts_endpoints_ = true;
  uint64_t tidied_generation_ = 0;
  uint64_t tidy_round_ = 0;
  uint32_t services_made_ = 0;
  std::function<void()> on_drained_;

  // shared, under the lock
  using Offer = std::shared_ptr<const routing::RoutingTable>;
  std::mutex offer_lock_;
  std::shared_ptr<Offer> newest_offer_;  // null: it is installed, or something was posted behind it

  // worker thread only
  event::Timer second_;  // hands over log lines, forgets what is gone
  event::Timer drain_deadline_;
  std::thread thread_;
};

}  // namespace weir::proxy
