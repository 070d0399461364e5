#pragma once
// Keeps what the registry says of this node's services equal to what its allocations want.

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/agent/registration.h"
#include "weir/base/random.h"
#include "weir/base/url.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"

namespace weir::scheduler {

/// Registers and deregisters by id, one call an id at a time, retried with back-off until the registry agrees. Every
/// full_sync_ms, and soon after a failure, it compares with the registry's whole list. Owned by the agent; loop's
/// thread. Destroying it takes nothing out of the registry: the tasks live on without their agent.
class RegistrySync {
 public:
  struct Options {
    Url registry;
    std::string token = {};  // X-Consul-Token; "" = none
    std::string node_id;
    uint64_t full_sync_ms = 10'000;        // Nomad's 30 s would leave a registry without data empty for as long
    uint64_t leftovers_after_ms = 60'000;  // restored allocations have claimed what is theirs by then
    uint64_t call_timeout_ms = 5'000;
    uint64_t withdrawal_max_ms = 10'000;  // how long the end of an allocation waits for the registry
  };
  using OnWithdrawn = std::function<void(const Status&)>;

  /// Waits until the registry has confirmed that services are gone. Owned by who waits; destroying it cancels the wait,
  /// not the deregistration.
  class Withdrawal {
   public:
    Withdrawal(RegistrySync& sync, std::set<std::string> ids, OnWithdrawn on_withdrawn);
    ~Withdrawal();
    Withdrawal(const Withdrawal&) = delete;
    Withdrawal& operator=(const Withdrawal&) = delete;

   private:
    friend class RegistrySync;
    void finish();

    RegistrySync& sync_;
    std::set<std::string> waiting_for_;
    OnWithdrawn on_withdrawn_;
    event::Timer timer_;  // the deadline; fires at once when there is nothing to wait for
  };

  RegistrySync(event::Loop& loop, http::Client& client, Options options);
  ~RegistrySync();

  /// Wants the service registered as it is here; replaces what was wanted by that id (an upsert, never a
  /// deregistration).
  void put(const ServiceRegistration& service);
  /// Wants it gone.
  void remove(const std::string& id);
  /// remove() for all; calls back once, never from within this call: with success when the registry has answered for
  /// each, or with why not after `withdrawal_max_ms` (it goes on trying).
  [[nodiscard]] std::unique_ptr<Withdrawal> withdraw(const std::vector<std::string>& ids, OnWithdrawn on_withdrawn);
  /// The registry has confirmed the service as it is wanted now.
  [[nodiscard]] bool confirmed(const std::string& id) const;

 private:
  enum class Known : uint8_t { unknown, present, absent };
  struct Entry {
    std::optional<ServiceRegistration> wanted;     // nothing: gone
    Known known = Known::unknown;                  // what the registry has
    std::optional<ServiceRegistration> confirmed;  // as last acknowledged, when present
    std::unique_ptr<http::Call> call;
    std::unique_ptr<event::Timer> retry;
    uint32_t failures = 0;
    std::string last_error = {};
  };

  void step(const std::string& id);
  void send_register(const std::string& id, Entry& entry);
  void send_deregister(const std::string& id, Entry& entry);
  void on_failed(const std::string& id, Entry& entry, const std::string& what,
                 const Result<http::ClientResponse>& response);
  void settle(const std::string& id);
  void list_services();
  void on_services(const Result<http::ClientResponse>& response);
  void compare(const std::vector<RegisteredService>& rows);
  void list_checks();
  void on_checks(const Result<http::ClientResponse>& response);
  void sync_failed(const std::string& error);
  [[nodiscard]] http::ClientRequest request(std::string method, std::string target) const;
  uint64_t back_off_ms(uint32_t failures);

  event::Loop& loop_;
  http::Client& client_;
  const Options options_;
  const uint64_t started_ms_;
  std::map<std::string, Entry> entries_;
  std::list<Withdrawal*> withdrawals_;
  std::unique_ptr<http::Call> sync_call_;
  uint32_t sync_failures_ = 0;
  Random random_;
  event::Timer sync_timer_;
};

}  // namespace weir::scheduler
