#pragma once
// Instances of one service may disagree about an object: who is followed.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir::routing {

/// One version of an object and how many instances stand behind it.
template <typename T>
struct Claim {
  T object;
  size_t instances = 0;
  uint64_t since = 0;    // lowest modify index of them
  std::string claimant;  // one of them, for messages
};

/// Counts versions by name. T has a `name` and is compared without its origin.
template <typename T>
class Claims {
 public:
  void add(const T& object, size_t instances, uint64_t since, const std::string& claimant) {
    std::vector<Claim<T>>& versions = by_name_[object.name];
    for (Claim<T>& version : versions) {
      if (object != version.object) continue;
      version.instances += instances;
      version.since = std::min(version.since, since);
      return;
    }
    versions.push_back({object, instances, since, claimant});
  }

  /// The versions of each name, the one to follow first: most instances, then the longest there, then first added.
  std::map<std::string, std::vector<Claim<T>>> take() && {
    for (auto& [name, versions] : by_name_) {
      std::stable_sort(versions.begin(), versions.end(), [](const Claim<T>& a, const Claim<T>& b) {
        return std::pair(b.instances, a.since) < std::pair(a.instances, b.since);
      });
    }
    return std::move(by_name_);
  }

 private:
  std::map<std::string, std::vector<Claim<T>>> by_name_;
};

}  // namespace weir::routing
