#include "routing/path_tree.h"

#include <algorithm>

namespace weir::routing {

// Entries [begin, end) share `depth` bytes; `node` is to hold what follows.
struct PathTree::Range {
  uint32_t node = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  size_t depth = 0;
};

PathTree::PathTree(std::vector<RouteEntry> entries, const SlotTable& slots) : entries_(std::move(entries)) {
  std::sort(entries_.begin(), entries_.end(), [&](const RouteEntry& a, const RouteEntry& b) {
    if (a.path != b.path) return a.path < b.path;
    if (a.exact != b.exact) return b.exact;
    return ranks_before(*slots[a.slot], *slots[b.slot]);
  });
  if (!entries_.empty()) build();
}

void PathTree::build() {
  std::vector<Range> rest = {{0, 0, static_cast<uint32_t>(entries_.size()), 0}};
  nodes_.emplace_back();
  for (size_t i = 0; i < rest.size(); ++i) {
    Range range = rest[i];  // a copy: fill appends to `rest`
    fill(range, rest);
  }
  entries_.shrink_to_fit();
  nodes_.shrink_to_fit();
}

void PathTree::fill(const Range& range, std::vector<Range>& rest) {
  // The entries are sorted, so what the first and the last have in common all of them have.
  std::string_view first = entries_[range.begin].path;
  std::string_view last = entries_[range.end - 1].path;
  auto common =
      static_cast<size_t>(std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first - first.begin());
  Node node;
  node.label = first.substr(range.depth, common - range.depth);
  node.first_entry = range.begin;
  uint32_t at = range.begin;
  while (at < range.end && entries_[at].path.size() == common) {
    ++(entries_[at].exact ? node.exact_count : node.prefix_count);
    ++at;
  }
  node.first_child = static_cast<uint32_t>(nodes_.size());
  while (at < range.end) {
    uint32_t end = at;
    while (end < range.end && entries_[end].path[common] == entries_[at].path[common]) ++end;
    rest.push_back({static_cast<uint32_t>(nodes_.size()), at, end, common});
    nodes_.emplace_back();
    ++node.child_count;
    at = end;
  }
  nodes_[range.node] = node;
}

const PathTree::Node* PathTree::child(const Node& node, char first) const {
  auto children = std::span(nodes_).subspan(node.first_child, node.child_count);
  // string_view orders bytes as unsigned.
  auto found = std::lower_bound(children.begin(), children.end(), first, [](const Node& one, char byte) {
    return static_cast<unsigned char>(one.label.front()) < static_cast<unsigned char>(byte);
  });
  return found != children.end() && found->label.front() == first ? &*found : nullptr;
}

}  // namespace weir::routing
