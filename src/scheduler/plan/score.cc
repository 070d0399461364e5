#include "scheduler/plan/score.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "scheduler/plan/constraint.h"

namespace weir::scheduler {
namespace {

constexpr double kFitScoreMax = 18.0;  // 20 - (10^0 + 10^0): what a full node gets before it is scaled to 1

double free_share(int64_t used, int64_t total) {
  return total <= 0 ? 0.0 : 1.0 - static_cast<double>(used) / static_cast<double>(total);
}

double targeted_boost(const Spread& spread, const std::string& value, const SpreadCounts& counts, int64_t desired_count,
                      double weight) {
  int64_t percent_left = 100;
  double percent = -1;
  for (const SpreadTarget& target : spread.targets) {
    percent_left -= target.percent;
    if (target.value == value) percent = static_cast<double>(target.percent);
  }
  if (percent < 0 && percent_left > 0) percent = static_cast<double>(percent_left);  // the implicit target: all others
  if (percent <= 0) return -1;
  double desired = percent / 100.0 * static_cast<double>(desired_count);
  auto it = counts.find(value);
  double used = it == counts.end() ? 0 : static_cast<double>(it->second);
  return (desired - (used + 1)) / desired * weight;
}

double even_boost(const std::string& value, const SpreadCounts& counts) {
  if (counts.empty()) return 0;
  auto it = counts.find(value);
  int64_t current = it == counts.end() ? 0 : it->second;
  int64_t least = current;
  int64_t most = current;
  for (const auto& [name, count] : counts) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (current != least) {
    return least == 0 ? -1 : static_cast<double>(least - current) / static_cast<double>(least);
  }
  if (least == most) return -1;
  if (least == 0) return 1;
  return static_cast<double>(most - least) / static_cast<double>(least);
}

}  // namespace

double binpack_score(int64_t used_cpu_mhz, int64_t total_cpu_mhz, int64_t used_memory_mb, int64_t total_memory_mb) {
  double total =
      std::pow(10, free_share(used_cpu_mhz, total_cpu_mhz)) + std::pow(10, free_share(used_memory_mb, total_memory_mb));
  return std::clamp(20.0 - total, 0.0, kFitScoreMax) / kFitScoreMax;
}

double anti_affinity_score(int64_t collisions, int64_t desired_count) {
  if (collisions == 0) return 0;
  return -static_cast<double>(collisions + 1) / static_cast<double>(std::max<int64_t>(desired_count, 1));
}

double affinity_score(const std::vector<Affinity>& affinities, const Node& node) {
  int64_t sum = 0;
  int64_t held = 0;
  for (const Affinity& affinity : affinities) {
    sum += std::abs(affinity.weight.value());
    if (constraint_holds(affinity.l_target, affinity.operand, affinity.r_target, node)) held += affinity.weight.value();
  }
  return sum == 0 ? 0 : static_cast<double>(held) / static_cast<double>(sum);
}

double spread_score(const Spread& spread, const Node& node, const SpreadCounts& counts, int64_t desired_count,
                    double sum_of_weights) {
  auto value = resolve_target(spread.attribute, node);
  if (!value) return -1;
  double weight = sum_of_weights <= 0 ? 0 : static_cast<double>(spread.weight.value()) / sum_of_weights;
  if (spread.targets.empty()) return even_boost(*value, counts) * weight;
  return targeted_boost(spread, *value, counts, desired_count, weight);
}

}  // namespace weir::scheduler
