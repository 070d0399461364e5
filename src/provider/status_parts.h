#pragma once
// What the statuses of several providers have in common.

#include <cstdint>

#include "weir/base/clock.h"
#include "weir/config/config.h"
#include "weir/provider/provider.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// What serves is the source's own; these are the times, of both clocks, at which it confirmed that last.
void note_live(ProviderStatus& status, const Clock& clock, int64_t good_wall_ns, uint64_t good_at_ms);
/// What serves is what an earlier run saved then.
void note_saved(ProviderStatus& status, const Clock& clock, int64_t saved_wall_ns);
/// How old that is by the wall clock; 0 where it seems to come from the future.
uint64_t saved_age_ms(const Clock& clock, int64_t saved_wall_ns);
/// How often something unchanged is saved again, so that what the disk says of its age is not what makes it too old;
/// `else_ms` at most.
uint64_t resave_ms(const config::SafetyConfig& safety, uint64_t else_ms);
/// `stale`: nobody is sent to any of them.
void count_services(ProviderStatus& status, const routing::Definitions& definitions, bool stale = false);

}  // namespace weir::provider
