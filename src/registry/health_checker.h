#pragma once
// Runs the checks of the own node and writes what they find into the store.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registry/identity.h"
#include "registry/store.h"
#include "weir/base/random.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"

namespace weir::registry {

/// Follows the store: a check that appears there is run, one that is gone is stopped. A new status is written at once;
/// an output that changed alone is shown by output_of() at once and written only every few minutes, so that chatty
/// checks wake nobody. Owned by Registry; loop's thread.
class HealthChecker {
 public:
  HealthChecker(event::Loop& loop, CatalogStore& store, const Identity& self);
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  /// After the store has loaded.
  void start();
  /// A registration came again: clients that die between refreshes are found by the full TTL from now.
  void restart_ttl(const std::vector<std::string>& ids);
  /// What a client says of its TTL check. `done` comes once it is durable. The check must be one with a TTL.
  void update_ttl(const std::string& id, const std::string& status, const std::string& output, CatalogStore::Done done);
  /// The newest output, which the store may not have yet.
  [[nodiscard]] std::string_view output_of(const Check& check) const;

  /// What is done every kReapPeriodMs: late outputs are written, services go that were critical for longer than they
  /// asked for.
  void sweep();

  static constexpr uint64_t kReapPeriodMs = 30'000;
  static constexpr uint64_t kOutputPeriodMs = 300'000;
  static constexpr uint64_t kIntervalMinMs = 1'000;
  static constexpr uint64_t kDeregisterAfterMinMs = 60'000;

 private:
  class Running;

  /// The client that speaks TLS as the definition wants it. Lives as long as a check holds it.
  [[nodiscard]] std::shared_ptr<http::Client> client_for(const CheckDefinition& definition);

  /// Runs the check as the store has it now, or no more.
  void follow(const std::string& id);
  void report(Running& running, const std::string& status, const std::string& output, CatalogStore::Done done);
  void write_status(const std::string& id, const std::string& status, const std::string& output,
                    CatalogStore::Done done);

  event::Loop& loop_;
  CatalogStore& store_;
  const Identity& self_;
  std::map<std::pair<std::string, bool>, std::weak_ptr<http::Client>> clients_;  // by server name and skip_verify
  Random random_;
  std::map<std::string, std::unique_ptr<Running>, std::less<>> running_;
  event::Timer sweep_timer_;
};

}  // namespace weir::registry
