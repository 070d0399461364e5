#include "provider/status_parts.h"

#include <algorithm>

namespace weir::provider {

void note_live(ProviderStatus& status, const Clock& clock, int64_t good_wall_ns, uint64_t good_at_ms) {
  status.source = Source::live;
  status.last_good_wall_ns = good_wall_ns;
  status.age_ms = clock.monotonic_ms() - good_at_ms;
}

// The monotonic clock is another one in each run; the wall clock may have been set back since.
void note_saved(ProviderStatus& status, const Clock& clock, int64_t saved_wall_ns) {
  status.source = Source::disk;
  status.last_good_wall_ns = saved_wall_ns;
  status.age_ms = saved_age_ms(clock, saved_wall_ns);
}

uint64_t saved_age_ms(const Clock& clock, int64_t saved_wall_ns) {
  return static_cast<uint64_t>(std::max<int64_t>(clock.wall_ns() - saved_wall_ns, 0) / 1'000'000);
}

uint64_t resave_ms(const config::SafetyConfig& safety, uint64_t else_ms) {
  constexpr uint64_t kLeastMs = 1'000;
  const uint64_t age_ms = safety.last_good_age_ms_max;
  return age_ms == 0 ? else_ms : std::clamp<uint64_t>(age_ms / 4, std::min(kLeastMs, else_ms), else_ms);
}

void count_services(ProviderStatus& status, const routing::Definitions& definitions, bool stale) {
  status.services = definitions.services.size();
  status.live_endpoints = 0;
  for (const auto& service : definitions.services) {
    if (stale) status.stale.push_back(service.name);
    status.live_endpoints += stale ? 0 : service.endpoints.size();
  }
}

}  // namespace weir::provider
