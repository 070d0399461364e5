#include "proxy/access_rules.h"

#include <algorithm>

#include "weir/base/text.h"

namespace weir::proxy {

using config::FieldMode;

bool AccessFilter::passes(uint16_t status, uint64_t duration_us, uint32_t retries) const {
  bool any = !config_.filter_statuses.empty() || config_.filter_duration_ms_min > 0 || config_.filter_retried;
  if (!any) return true;
  for (const config::StatusRange& range : config_.filter_statuses) {
    if (status >= range.first && status <= range.last) return true;
  }
  if (config_.filter_duration_ms_min > 0 && duration_us >= uint64_t{config_.filter_duration_ms_min} * 1000) return true;
  return config_.filter_retried && retries > 0;
}

bool AccessFilter::wants(uint16_t status, uint64_t duration_us, uint32_t retries) {
  if (!passes(status, duration_us, retries)) return false;
  if (status >= 500) return true;
  sampled_percent_ += config_.sample_percent;
  if (sampled_percent_ < 100) return false;
  sampled_percent_ -= 100;
  return true;
}

FieldRules::FieldRules(FieldMode others, const std::vector<std::string>& kept, const std::vector<std::string>& dropped,
                       const std::vector<std::string>& redacted)
    : others_(others) {
  // The strictest word about a name comes first: it wins.
  for (const std::string& name : dropped) named_.emplace_back(name, FieldMode::drop);
  for (const std::string& name : redacted) named_.emplace_back(name, FieldMode::redact);
  for (const std::string& name : kept) named_.emplace_back(name, FieldMode::keep);
}

FieldMode FieldRules::mode(std::string_view name) const {
  for (const auto& [known, mode] : named_) {
    if (known.size() == name.size() && equals_ignore_case(known, name)) return mode;
  }
  return others_;
}

}  // namespace weir::proxy
