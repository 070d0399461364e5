#pragma once
// What the statuses of several providers have in common.

#include <cstdint>

#include "weir/base/clock.h"
#include "weir/provider/provider.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// What serves is the source's own; these are the times, of both clocks, at which it confirmed that last.
void note_live(ProviderStatus& status, const Clock& clock, int64_t good_wall_ns, uint64_t good_at_ms);
/// What serves is what an earlier run saved then.
void note_saved(ProviderStatus& status, const Clock& clock, int64_t saved_wall_ns);
void count_services(ProviderStatus& status, const routing::Definitions& definitions);

}  // namespace weir::provider
