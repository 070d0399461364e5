#pragma once
// The list of services and their tags as text: asked for again after every change, of which each concerns one name.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "registry/records.h"

namespace weir::registry {

/// Each tag of `more` that is not in `tags` goes there.
void add_tags(std::vector<std::string>& tags, const std::vector<std::string>& more);

/// Keeps the text and what it is made of; makes anew what belongs to the names touched since. Owned by Tables; loop's
/// thread.
class ServiceList {
 public:
  using NodeAndId = std::pair<std::string, std::string>;
  /// By folded name.
  using Names = std::map<std::string, std::map<NodeAndId, Ref<Service>>, std::less<>>;

  void touch(const std::string& folded_name);
  /// {"web":["a","b"],…}. Valid until the next call.
  const std::string& json(const Names& names);

 private:
  static constexpr size_t kTouchedMax = 16'384;  // while nobody asks; beyond them all is made anew

  void make_entry(const std::string& folded_name, const Names& names);

  std::set<std::string> touched_;
  bool all_touched_ = false;
  std::map<std::string, std::string> entries_;  // by folded name: "Web":[…],"web":[…]
  std::string text_ = "{}";
};

}  // namespace weir::registry
