#pragma once
// What has changed between two maps.

namespace weir::provider {

/// Calls with each key, in order, whose value is not the same in both maps, or that only one of them has. The maps are
/// sorted alike (std::map).
template <typename Map, typename Call>
void for_each_changed(const Map& before, const Map& after, Call&& call) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (now == after.end() || (old != before.end() && old->first < now->first)) {
      call((old++)->first);
    } else if (old == before.end() || now->first < old->first) {
      call((now++)->first);
    } else {
      if (old->second != now->second) call(old->first);
      ++old;
      ++now;
    }
  }
}

}  // namespace weir::provider
