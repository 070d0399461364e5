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
  std::shared_ptr<const Expression> residual = nullptr;  // null: nothing left to check
  uint32_t slot = 0;
  bool exact = false;
};

/// Costs: one node of 28 bytes per distinct path and per fork, an entry of 40 bytes per alternative, and the text of
/// each path once. A lookup visits the nodes along the request's path: at most its length in bytes, in practice the
/// number of nested prefixes.
class PathTree {
 public:
  struct Route {
    RouteEntry entry;
    std::string_view path;
  };

  PathTree() = default;
  /// `slots` gives the routers the entries stand for; only their rank is used, and only here.
  PathTree(std::vector<Route> routes, const SlotTable& slots);

  /// All there are; their paths point into the tree.
  [[nodiscard]] std::vector<Route> routes() const;

  /// Calls visit(a span of RouteEntry) for each group of entries whose path key fits, the shortest first. In a
  /// group they stand in the order they rank.
  template <typename Visit>
  void walk(std::string_view path, Visit&& visit) const {
    const Node* node = nodes_.empty() ? nullptr : nodes_.data();
    while (node != nullptr && path.starts_with(label(*node))) {
      path.remove_prefix(node->label.size);
      if (node->prefix_count > 0) visit(group(node->first_entry, node->prefix_count));
      if (path.empty()) {
        if (node->exact_count > 0) visit(group(node->first_entry + node->prefix_count, node->exact_count));
        return;
      }
      node = child(*node, path.front());
    }
  }

 private:
  struct Piece {  // of text_
    uint32_t at = 0;
    uint32_t size = 0;
  };
  struct Entry : RouteEntry {
    Piece path;
  };
  struct Node {
    Piece label;  // the bytes from its parent to here
    uint32_t first_child = 0;
    uint32_t child_count = 0;
    uint32_t first_entry = 0;
    uint32_t prefix_count = 0;  // entries for everything below here
    uint32_t exact_count = 0;   // entries for this path alone; they stand behind the former
  };
  struct Range;

  [[nodiscard]] std::span<const Entry> group(uint32_t first, uint32_t count) const {
    return std::span(entries_).subspan(first, count);
  }
  [[nodiscard]] std::string_view text_of(Piece piece) const { return {text_.data() + piece.at, piece.size}; }
  [[nodiscard]] std::string_view label(const Node& node) const { return text_of(node.label); }
  [[nodiscard]] const Node* child(const Node& node, char first) const;
  void add(std::vector<Route> routes);
  void build();
  void fill(const Range& range, std::vector<Range>& rest);

  std::vector<Entry> entries_;  // by path, prefixes before exact, then by rank
  std::vector<Node> nodes_;     // breadth first, so the children of a node are neighbours, by first byte
  std::vector<char> text_;
};

}  // namespace weir::routing
