#pragma once
// The routes of one host, found by path: a radix tree over bytes. Immutable.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "routing/rule.h"
#include "routing/slot_table.h"
#include "weir/routing/table.h"

namespace weir::routing {

/// One alternative of one router's rule. `slot` stands for the router, so that a router may be replaced (for new
/// endpoints, say) without touching the tree.
struct RouteEntry {
  int64_t priority = 0;
  uint32_t slot = 0;
  bool exact = false;
  std::string_view path;                 // of the rule's alternative
  const Expression* residual = nullptr;  // of the rule's alternative; null: nothing left to check
  std::shared_ptr<const Rule> rule;      // keeps both alive
};

/// Costs: one node per distinct path and per fork, 40 bytes each, and an entry of 56 bytes per alternative. A lookup
/// visits the nodes along the request's path: at most its length in bytes, in practice the number of nested prefixes.
class PathTree {
 public:
  PathTree() = default;
  /// `slots` gives the routers the entries stand for; only their rank is used, and only here.
  PathTree(std::vector<RouteEntry> entries, const SlotTable& slots);

  [[nodiscard]] const std::vector<RouteEntry>& entries() const { return entries_; }

  /// Calls visit(std::span<const RouteEntry>) for each group of entries whose path key fits, the shortest first. In a
  /// group they stand in the order they rank.
  template <typename Visit>
  void walk(std::string_view path, Visit&& visit) const {
    const Node* node = nodes_.empty() ? nullptr : nodes_.data();
    while (node != nullptr && path.starts_with(node->label)) {
      path.remove_prefix(node->label.size());
      if (node->prefix_count > 0) visit(group(node->first_entry, node->prefix_count));
      if (path.empty()) {
        if (node->exact_count > 0) visit(group(node->first_entry + node->prefix_count, node->exact_count));
        return;
      }
      node = child(*node, path.front());
    }
  }

 private:
  struct Node {
    std::string_view label;  // the bytes from its parent to here; into some entry's path
    uint32_t first_child = 0;
    uint32_t child_count = 0;
    uint32_t first_entry = 0;
    uint32_t prefix_count = 0;  // entries for everything below here
    uint32_t exact_count = 0;   // entries for this path alone; they stand behind the former
  };
  struct Range;

  [[nodiscard]] std::span<const RouteEntry> group(uint32_t first, uint32_t count) const {
    return std::span(entries_).subspan(first, count);
  }
  [[nodiscard]] const Node* child(const Node& node, char first) const;
  void build();
  void fill(const Range& range, std::vector<Range>& rest);

  std::vector<RouteEntry> entries_;  // by path, prefixes before exact, then by rank
  std::vector<Node> nodes_;          // breadth first, so the children of a node are neighbours, by first byte
};

}  // namespace weir::routing
