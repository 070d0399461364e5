#pragma once
// Finds things by name in a list sorted by name, where most questions come in that order too.

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace weir::routing {

/// Looks at its last hit and the one behind it first, so that names in rising order cost one step each and read memory
/// in order; for any other name it searches. Needs name_of(const Item&). The list must outlive it.
template <typename Item>
class NameCursor {
 public:
  NameCursor() = default;
  explicit NameCursor(const std::vector<Item>& items) : items_(items) {}

  /// Null when there is none of that name.
  const Item* find(std::string_view name) {
    for (size_t at = last_; at < items_.size() && at <= last_ + 1; ++at) {
      if (name_of(items_[at]) == name) return hit(at);
    }
    auto by_name = [](const Item& one, std::string_view wanted) { return name_of(one) < wanted; };
    auto found = std::lower_bound(items_.begin(), items_.end(), name, by_name);
    if (found == items_.end() || name_of(*found) != name) return nullptr;
    return hit(static_cast<size_t>(found - items_.begin()));
  }

 private:
  const Item* hit(size_t at) {
    last_ = at;
    return &items_[at];
  }

  std::span<const Item> items_;
  size_t last_ = 0;
};

}  // namespace weir::routing
