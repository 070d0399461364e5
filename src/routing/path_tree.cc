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

PathTree::PathTree(std::vector<Route> routes, const SlotTable& slots) {
  std::sort(routes.begin(), routes.end(), [&](const Route& a, const Route& b) {
    if (a.path != b.path) return a.path < b.path;
    if (a.entry.exact != b.entry.exact) return b.entry.exact;
    return ranks_before(*slots[a.entry.slot], *slots[b.entry.slot]);
  });
  add(std::move(routes));
  if (!entries_.empty()) build();
}

// Entries and the text of their paths, which equal paths share.
void PathTree::add(std::vector<Route> routes) {
  auto is_new = [&](size_t i) { return i == 0 || routes[i].path != routes[i - 1].path; };
  size_t bytes = 0;
  for (size_t i = 0; i < routes.size(); ++i) bytes += is_new(i) ? routes[i].path.size() : 0;
  text_.reserve(bytes);
  entries_.reserve(routes.size());
  Piece path;
  for (size_t i = 0; i < routes.size(); ++i) {
    if (is_new(i)) {
      path = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(routes[i].path.size())};
      text_.insert(text_.end(), routes[i].path.begin(), routes[i].path.end());
    }
    entries_.push_back({std::move(routes[i].entry), path});
  }
}

std::vector<PathTree::Route> PathTree::routes() const {
  std::vector<Route> out;
  out.reserve(entries_.size());
  for (const Entry& entry : entries_) out.push_back({entry, text_of(entry.path)});
  return out;
}

void PathTree::build() {
  std::vector<Range> rest = {{0, 0, static_cast<uint32_t>(entries_.size()), 0}};
  nodes_.emplace_back();
  for (size_t i = 0; i < rest.size(); ++i) {
    Range range = rest[i];  // a copy: fill appends to `rest`
    fill(range, rest);
  }
  nodes_.shrink_to_fit();
}

void PathTree::fill(const Range& range, std::vector<Range>& rest) {
  // The entries are sorted, so what the first and the last have in common all of them have.
  std::string_view first = text_of(entries_[range.begin].path);
  std::string_view last = text_of(entries_[range.end - 1].path);
  auto common =
      static_cast<size_t>(std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first - first.begin());
  Node node;
  node.label = {static_cast<uint32_t>(entries_[range.begin].path.at + range.depth),
                static_cast<uint32_t>(common - range.depth)};
  node.first_entry = range.begin;
  uint32_t at = range.begin;
  while (at < range.end && entries_[at].path.size == common) {
    ++(entries_[at].exact ? node.exact_count : node.prefix_count);
    ++at;
  }
  node.first_child = static_cast<uint32_t>(nodes_.size());
  while (at < range.end) {
    uint32_t end = at;
    while (end < range.end && text_of(entries_[end].path)[common] == text_of(entries_[at].path)[common]) ++end;
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
  auto found = std::lower_bound(children.begin(), children.end(), first, [this](const Node& one, char byte) {
    return static_cast<unsigned char>(label(one).front()) < static_cast<unsigned char>(byte);
  });
  return found != children.end() && label(*found).front() == first ? &*found : nullptr;
}

}  // namespace weir::routing
