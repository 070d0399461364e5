#include "provider/check_list.h"

#include "provider/map_difference.h"

namespace weir::provider {
namespace {

using Digests = std::map<std::string, uint64_t, std::less<>>;

std::set<std::string> differences(const Digests& before, const Digests& after) {
  std::set<std::string> out;
  for_each_changed(before, after, [&](const std::string& key) { out.insert(out.end(), key); });
  return out;
}

/// Sums are of the whole list: what some of its rows were is taken away, what they are is added.
void replace(Digests& all, const Digests& was, const Digests& now) {
  for (const auto& [key, value] : now) all[key] += value;
  for (const auto& [key, value] : was) {
    auto found = all.find(key);
    found->second -= value;
    if (found->second == 0) all.erase(found);
  }
}

}  // namespace

Result<CheckList::Changes> CheckList::read() {
  Changes changed;
  if (read_middle(changed)) return changed;
  auto decoded = decode_health_state(text_.whole());
  if (!decoded) return fail(decoded.error());
  changed.services = differences(digests_.services, decoded->services);
  changed.nodes = differences(digests_.nodes, decoded->nodes);
  digests_ = std::move(*decoded);
  text_.accept_whole();
  return changed;
}

bool CheckList::read_middle(Changes& changed) {
  RepeatedText::Middle middle;
  if (text_.entries_before() >= ConsulJsonLimits::kChecksMax || !text_.find_middle(middle)) return false;
  auto decode = [](std::string_view text) { return decode_health_state("[" + std::string(text) + "]"); };
  auto was = decode(middle.was);
  auto now = decode(middle.now);
  if (!was || !now) return false;
  changed.services = differences(was->services, now->services);
  changed.nodes = differences(was->nodes, now->nodes);
  replace(digests_.services, was->services, now->services);
  replace(digests_.nodes, was->nodes, now->nodes);
  text_.accept_middle();
  return true;
}

}  // namespace weir::provider
