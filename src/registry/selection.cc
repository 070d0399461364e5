#include "registry/selection.h"

#include <algorithm>

namespace weir::registry {

bool Selection::takes_tags_of(const Service& service) const {
  return std::ranges::all_of(tags, [&](const std::string& wanted) {
    return std::ranges::any_of(service.tags, [&](const std::string& tag) { return equals_ignore_case(tag, wanted); });
  });
}

bool Selection::takes(const Node& node) const {
  return std::ranges::all_of(node_meta, [&](const auto& wanted) {
    auto at = node.meta.find(wanted.first);
    return at != node.meta.end() && at->second == wanted.second;
  });
}

Result<Selection> Selection::parse(const Call& call, const FilterValue& sample) {
  Selection selection;
  for (std::string& tag : call.parameters("tag")) {
    if (!tag.empty()) selection.tags.push_back(std::move(tag));
  }
  for (const std::string& pair : call.parameters("node-meta")) {
    size_t colon = pair.find(':');
    selection.node_meta.emplace_back(pair.substr(0, colon), colon == std::string::npos ? "" : pair.substr(colon + 1));
  }
  Result<Filter> filter = Filter::compile(call.parameter("filter"), sample);
  if (!filter) return fail(filter.error());
  selection.filter = std::make_shared<const Filter>(std::move(*filter));
  return selection;
}

}  // namespace weir::registry
