#pragma once
// Scores of a node for an allocation (nomad-api 3.3). Pure arithmetic.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// Best fit: 0 for an empty node, 1 for a full one. The totals are what is left after the node's reservation; the used
/// amounts include the new allocation.
double binpack_score(int64_t used_cpu_mhz, int64_t total_cpu_mhz, int64_t used_memory_mb, int64_t total_memory_mb);

/// Of `collisions` allocations of the same job and group already on the node; 0 when there are none.
double anti_affinity_score(int64_t collisions, int64_t desired_count);

/// Weight of the affinities that hold on the node, as a part of all weights: -1..1. 0 means "not counted".
double affinity_score(const std::vector<Affinity>& affinities, const Node& node);

/// How many allocations of the group run at each value of a spread's attribute.
using SpreadCounts = std::map<std::string, int64_t>;

/// One spread block's boost for a node, already weighted by weight / sum_of_weights. `counts` are without the new one.
double spread_score(const Spread& spread, const Node& node, const SpreadCounts& counts, int64_t desired_count,
                    double sum_of_weights);

}  // namespace weir::scheduler
