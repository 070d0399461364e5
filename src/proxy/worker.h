#pragma once
// A thread of the data plane with everything it needs of its own.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/admission.h"
#include "proxy/answer_pages.h"
#include "proxy/entry_point.h"
#include "proxy/exchange.h"
#include "proxy/retry_policy.h"
#include "proxy/service_state.h"
#include "proxy/upstream_pool.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/proxy/stats.h"

namespace weir::proxy {

/// One loop, its listeners, upstream pool, counters and log batch; the table pinned by a plain count. Workers share
/// nothing that is written. Owned by Proxy; run() is its thread's body; post() is the only call from another thread.
class Worker {
 public:
  /// `admission` is the other workers' too; null: one of its own.
  Worker(size_t index, const config::Config& config, std::shared_ptr<Admission> admission = nullptr);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before the thread starts.
  Status open_access_log() { return access_log_.open(config_.access_log); }
  Status read_answer_pages() { return answer_pages_.read_files(); }
  Result<SocketAddress> bind(const config::EntryPointConfig& entry_point, const SocketAddress& address);
  void start_thread();
  // From the control thread.
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  /// Ends the loop and waits for the thread.
  void stop();

  // On the worker's thread from here on.
  void install(std::shared_ptr<const routing::RoutingTable> table);
  void drain(std::function<void()> on_drained);
  [[nodiscard]] Stats collect() const;

  [[nodiscard]] event::Loop& loop() { return loop_; }
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const http::H1Limits& client_limits() const { return client_limits_; }
  [[nodiscard]] const AnswerPages& answer_pages() const { return answer_pages_; }
  [[nodiscard]] Admission& admission() { return *admission_; }
  [[nodiscard]] const RetryPolicy& retry_policy() const { return retry_policy_; }
  [[nodiscard]] UpstreamPool& pool() { return pool_; }
  [[nodiscard]] AccessLog& access_log() { return access_log_; }
  [[nodiscard]] Stats& stats() { return stats_; }

  /// The newest table, with one pin more.
  PinnedTable* pin();
  void unpin(PinnedTable& pinned);
  /// The state of a router's service, as of the newest table.
  ServiceState& service_state(const std::shared_ptr<const routing::Service>& service, const PinnedTable& pinned);
  std::unique_ptr<Exchange> lend_exchange();
  void take_back(std::unique_ptr<Exchange> exchange);
  void connection_opened();
  void connection_closed();
  void connection_parked() { ++connections_freed_; }
  void count(std::string_view entry_point, const routing::Router* router, ServiceState* service,
             EndpointState* endpoint, uint16_t status, uint64_t duration_ms, uint64_t request_bytes,
             uint64_t response_bytes);

 private:
  void tidy();
  void give_memory_back();
  void check_drained();

  // constant after construction
  const size_t index_;
  const config::Config& config_;
  http::H1Limits client_limits_;
  AnswerPages answer_pages_;
  const RetryPolicy retry_policy_;
  const std::shared_ptr<Admission> admission_;

  // worker thread only
  event::Loop loop_;
  UpstreamPool pool_;
  AccessLog access_log_;
  std::vector<std::unique_ptr<PinnedTable>> tables_;  // the newest last; older ones until their last pin is gone
  std::unordered_map<std::string, std::unique_ptr<ServiceState>> services_;
  std::unordered_map<std::string, RequestStats> router_stats_;
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<std::unique_ptr<EntryPoint>> entry_points_;
  Stats stats_;
  size_t connections_ = 0;
  size_t connections_freed_ = 0;  // objects, since memory was last given back
  size_t exchanges_ = 0;
  uint64_t tidied_generation_ = 0;
  std::function<void()> on_drained_;
  event::Timer second_;  // flushes the log, forgets what is gone
  event::Timer drain_deadline_;
  std::thread thread_;
};

}  // namespace weir::proxy
