#pragma once
// A provider: where routes come from. It follows one source (a catalog, a folder of routes files) and hands over whole,
// immutable results; it never says "nothing" because of an error or of silence.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/catalog/catalog.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// What the newest result was made from.
enum class Source : uint8_t {
  none,  // nothing yet
  disk,  // the last good result, saved by an earlier run
  live,  // the source itself
};
std::string_view to_string(Source source);

/// One provider as /api and /ready show it. A value; read on the control loop.
struct ProviderStatus {
  std::string name;  // "consul", "file"
  Source source = Source::none;
  bool synced_once = false;       // one complete read of the source since the start
  int64_t last_good_wall_ns = 0;  // when the source last confirmed what we have (disk: when that was saved); 0: never
  uint64_t age_ms = 0;            // since then; 0 when never
  uint64_t index = 0;             // the source's own, where it has one
  std::string address;            // whom it asks now
  std::string error;              // why the newest attempt failed; "" when it did not
  std::string held;               // what the safety brake holds back; "" when nothing
  std::vector<std::string> skipped;  // instances that could not be taken, with the reason
  std::vector<std::string> stale;    // services that nobody is sent to: they could not be confirmed for too long
  size_t services = 0;
  size_t live_endpoints = 0;
};

/// Receives results. Control loop's thread. `seen_us` is steady_us() of weir/base/clock.h, taken when the
/// answer that brought the change arrived: change-to-applied latency is counted from it.
class Observer {
 public:
  virtual void on_catalog(std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t seen_us) = 0;
  virtual void on_definitions(std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us) = 0;

 protected:
  ~Observer() = default;
};

/// Owned by the application; lives on the control loop's thread, and its loop outlives it.
class Provider {
 public:
  virtual ~Provider() = default;
  /// Starts following. Results come to the observer, which outlives stop(); a saved result may come from within this
  /// call. An error means that the options cannot work; a source that is down is none.
  virtual Status start(Observer& observer) = 0;
  /// No more results. Idempotent.
  virtual void stop() = 0;
  [[nodiscard]] virtual ProviderStatus status() const = 0;
  /// Services of this provider that other providers' routes refer to ("name@consul"): to be followed even without tags.
  virtual void want_services(std::set<std::string, std::less<>> names) = 0;
};

}  // namespace weir::provider
