#pragma once
// For how long nobody has confirmed what is known of each service.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weir/catalog/catalog.h"

namespace weir::provider {

/// Services that are not fresh.
using FreshnessMap = std::map<std::string, catalog::Freshness, std::less<>>;

/// From which age on a service is late, or stale. 0: never.
struct AgeLimits {
  uint64_t late_ms = 0;
  uint64_t stale_ms = 0;

  [[nodiscard]] bool any() const { return late_ms != 0 || stale_ms != 0; }
  /// How often to look, so that what is due is seen soon after.
  [[nodiscard]] uint64_t period_ms() const;
  /// Half of the smaller one.
  [[nodiscard]] bool half_over(uint64_t age_ms) const;
  [[nodiscard]] catalog::Freshness at(uint64_t age_ms) const { return at(age_ms, age_ms); }
  /// What came from disk is old, but nobody has been asked yet: it is late by the time that has passed since.
  [[nodiscard]] catalog::Freshness at(uint64_t age_ms, uint64_t asked_ms) const;
};

/// A service is confirmed by each good answer, and while the first query behind one waits at the source; who is not
/// doubted here is fresh. A value that its owner tells; all times by one clock that does not go back.
class ServiceAges {
 public:
  explicit ServiceAges(AgeLimits limits) : limits_(limits) {}

  /// It was saved by an earlier run, and was that old when this one began.
  void note_saved(const std::string& name, uint64_t age_ms, uint64_t now_ms);
  /// It was good then and could not be read since. A doubt that there is already is the older one, and stays.
  void note_doubted(const std::string& name, uint64_t good_at_ms);
  /// It is confirmed, or gone.
  void forget(std::string_view name);

  /// Those that are doubted for half of the time that they have, each once: who asks for them with an index may wait
  /// for long at a source that has nothing new to tell, and is not confirmed by that.
  [[nodiscard]] std::vector<std::string> take_unasked(uint64_t now_ms);
  [[nodiscard]] const AgeLimits& limits() const { return limits_; }
  [[nodiscard]] FreshnessMap overdue(uint64_t now_ms) const;

 private:
  struct Doubt {
    uint64_t since_ms = 0;
    uint64_t age_ms = 0;  // at that time
    bool asked = false;
  };
  const AgeLimits limits_;
  std::map<std::string, Doubt, std::less<>> doubts_;
};

}  // namespace weir::provider
