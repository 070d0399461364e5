#pragma once
// What of the requests, their fields and their headers goes into the access log. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/config/config.h"

namespace weir::proxy {

/// Which requests have a line. One worker's own: it counts the samples.
class AccessFilter {
 public:
  explicit AccessFilter(const config::AccessLogConfig& config) : config_(config) {}
  /// As Traefik: one filter that holds is enough, and without filters every request has its line.
  [[nodiscard]] bool passes(uint16_t status, uint64_t duration_us, uint32_t retries) const;
  /// passes(), then sample_percent of these.
  [[nodiscard]] bool wants(uint16_t status, uint64_t duration_us, uint32_t retries);

 private:
  const config::AccessLogConfig& config_;
  uint32_t sampled_percent_ = 0;  // 100 make a line
};

/// Names with what to do about each, and what to do about all others.
class FieldRules {
 public:
  FieldRules(config::FieldMode others, const std::vector<std::string>& kept, const std::vector<std::string>& dropped,
             const std::vector<std::string>& redacted);
  /// Names are compared without case.
  [[nodiscard]] config::FieldMode mode(std::string_view name) const;
  [[nodiscard]] bool drops_all() const { return others_ == config::FieldMode::drop && named_.empty(); }

 private:
  config::FieldMode others_;
  std::vector<std::pair<std::string, config::FieldMode>> named_;
};

}  // namespace weir::proxy
