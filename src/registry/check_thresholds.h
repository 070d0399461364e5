#pragma once
// How many results in a row it takes to change a status.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registry/records.h"

namespace weir::registry {

/// Counts consecutive results. Starts saturated, so that the first result counts at once.
class CheckThresholds {
 public:
  explicit CheckThresholds(const CheckDefinition& definition)
      : passing_(definition.success_before_passing),
        critical_(definition.failures_before_critical),
        warning_(definition.failures_before_warning > 0 ? definition.failures_before_warning : critical_),
        successes_(passing_),
        failures_(critical_) {}

  /// The status to take on, or nothing while the count is short.
  std::optional<std::string> next(std::string_view result) {
    if (result != kCritical) {
      failures_ = 0;
      return ++successes_ >= passing_ ? std::optional<std::string>(result) : std::nullopt;
    }
    successes_ = 0;
    ++failures_;
    if (failures_ >= critical_) return kCritical;
    return failures_ >= warning_ ? std::optional<std::string>(kWarning) : std::nullopt;
  }

 private:
  const int64_t passing_;
  const int64_t critical_;
  const int64_t warning_;
  int64_t successes_;
  int64_t failures_;
};

}  // namespace weir::registry
