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
  status.age_ms = static_cast<uint64_t>(std::max<int64_t>(clock.wall_ns() - saved_wall_ns, 0) / 1'000'000);
}

void count_services(ProviderStatus& status, const routing::Definitions& definitions) {
  status.services = definitions.services.size();
  status.live_endpoints = 0;
  for (const auto& service : definitions.services) status.live_endpoints += service.endpoints.size();
}

}  // namespace weir::provider
