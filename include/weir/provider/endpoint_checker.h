#pragma once
// Active health checks: asks the endpoints of services that have one, and tells what it finds.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "weir/base/clock.h"
#include "weir/base/random.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/routing/health_check.h"
#include "weir/routing/table.h"
#include "weir/tls/client.h"

namespace weir::provider {

/// What the checks of one endpoint have found.
struct EndpointReport {
  enum class Result : uint8_t { none, passed, failed };
  Result result = Result::none;  // of the newest one that has ended
  std::string error;             // why it failed
  int64_t checked_wall_ns = 0;   // when it ended; 0: none has
  int64_t changed_wall_ns = 0;   // when passing ended or began
};

struct CheckCounts {
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t late = 0;       // that were begun anew: the loop was too busy to hear of an answer in time
  uint64_t undecided = 0;  // that could not be made: this process has no descriptor left
  size_t endpoints = 0;
  size_t running = 0;
  size_t waiting = 0;  // that are due and have no place yet
};

/// One a process: an endpoint is asked at once when it appears, and then at its check's interval, less up to a tenth so
/// that not all are asked together. Traefik's rule: one result decides. What was found stays with the endpoint
/// (service, id and instance) over all tables, also when the check itself changes; then it is asked anew at once.
/// A timeout that the loop was too busy to notice in time is tried once more before it counts.
/// Owned by Edge; control loop's thread.
class EndpointChecker {
 public:
  struct Options {
    /// Those known to fail have at most half of these places, the others three quarters: neither waits for the other.
    uint32_t concurrent_max = 256;
    bool new_are_up = false;  // see routing::HealthVerdicts
  };
  /// How TLS is spoken by that name; null: not at all. The pointer is not kept.
  using FindTransport = std::function<const tls::ClientMaterial*(const std::string& name)>;
  /// All verdicts, of which some have changed; `seen_us` is when the first of these came, by the steady clock. Called
  /// from the loop, never from within use_table(); may call it.
  using OnVerdicts = std::function<void(const routing::HealthVerdicts& verdicts, uint64_t seen_us)>;

  EndpointChecker(event::Loop& loop, const Clock& clock, Options options, FindTransport find_transport,
                  OnVerdicts on_verdicts);
  ~EndpointChecker();
  EndpointChecker(const EndpointChecker&) = delete;
  EndpointChecker& operator=(const EndpointChecker&) = delete;

  /// Asks who has come, forgets who is gone. Costs what differs from the last table.
  void use_table(const routing::RoutingTable& table);
  [[nodiscard]] const routing::HealthVerdicts& verdicts() const { return verdicts_; }
  /// Null: that endpoint has no check. Valid until the loop goes on.
  [[nodiscard]] const EndpointReport* report(std::string_view service, std::string_view endpoint) const;
  [[nodiscard]] CheckCounts counts() const;

  /// Verdicts that come together make one table; longer where the last one took long.
  static constexpr uint64_t kGatherMs = 2;
  /// While nobody of a service is up, who passes waits so long for those that are still asked.
  static constexpr uint64_t kTogetherMs = 1'000;

 private:
  class Target;
  using Targets = std::map<std::string, std::unique_ptr<Target>, std::less<>>;  // by endpoint id
  enum Queue : uint8_t { fresh, down };
  struct Speaker {
    tls::ClientMaterial material;
    std::shared_ptr<http::Client> client;
  };

  void follow(const routing::Service* service, std::string_view name);
  void enqueue(Target& target);
  void start_waiting();
  void start(Target& target);
  void on_result(Target& target, const Status& result);
  [[nodiscard]] bool was_late(const Target& target);
  void note(Target& target, const Status& result);
  void rest(Target& target, bool well);
  void note_changed(const std::string& service);
  void tell();
  [[nodiscard]] bool waits_for_others(const std::string& service, const Targets& targets);
  void release_held();
  [[nodiscard]] Result<std::shared_ptr<http::Client>> client_for(const Target& target);
  [[nodiscard]] size_t places(Queue queue) const;

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  const Options options_;
  const FindTransport find_transport_;
  const OnVerdicts on_verdicts_;

  const std::shared_ptr<http::Client> plain_;
  std::map<std::string, Speaker> speakers_;  // by transport
  Random random_;
  SharedList<routing::Service> seen_;  // of the last table
  routing::HealthVerdicts verdicts_;
  std::map<std::string, Targets, std::less<>> targets_;  // by service
  std::map<uint64_t, Target*> waiting_[2];               // by the number they drew
  size_t running_[2] = {0, 0};
  uint64_t next_number_ = 0;
  std::set<std::string> changed_;  // services whose verdicts are to be told
  uint64_t changed_us_ = 0;
  uint64_t gather_ms_ = kGatherMs;
  uint64_t passed_ = 0;
  uint64_t failed_ = 0;
  uint64_t late_ = 0;
  uint64_t undecided_ = 0;
  std::map<std::string, uint64_t> held_;  // services whose first good verdicts wait, and until when
  event::Timer tell_timer_;
  event::Timer hold_timer_;
};

}  // namespace weir::provider
