#pragma once
// Instances of one service may disagree about an object: who is followed.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::routing {

/// Who stands behind one version of an object.
struct Claimants {
  size_t instances = 0;
  size_t living = 0;    // those of them that may serve
  uint64_t since = 0;   // lowest modify index of all of them
  std::string example;  // one of them, for messages
};

/// One version of an object and who stands behind it.
template <typename T>
struct Claim {
  T object;
  Claimants by;
};

/// Counts versions by name. T has a `name` and is compared without its origin.
template <typename T>
class Claims {
 public:
  void add(const T& object, const Claimants& by) {
    std::vector<Claim<T>>& versions = by_name_[object.name];
    for (Claim<T>& version : versions) {
      if (object != version.object) continue;
      // Whoever is named in a message is one of those that count.
      if (version.by.living == 0 && by.living > 0) version.by.example = by.example;
      version.by.instances += by.instances;
      version.by.living += by.living;
      version.by.since = std::min(version.by.since, by.since);
      return;
    }
    versions.push_back({object, by});
  }

  /// The versions of each name, the one to follow first: most instances that may serve, then most of all, then the
  /// longest there, then first added. So the dead are heard only where nobody alive says anything, or as many do.
  std::map<std::string, std::vector<Claim<T>>> take() && {
    for (auto& [name, versions] : by_name_) {
      std::stable_sort(versions.begin(), versions.end(), [](const Claim<T>& a, const Claim<T>& b) {
        return std::tie(b.by.living, b.by.instances, a.by.since) < std::tie(a.by.living, a.by.instances, b.by.since);
      });
    }
    return std::move(by_name_);
  }

 private:
  std::map<std::string, std::vector<Claim<T>>> by_name_;
};

}  // namespace weir::routing
