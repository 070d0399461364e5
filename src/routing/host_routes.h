#pragma once
// The routes of one host, found by path: a radix tree over bytes. Immutable.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "routing/rule.h"
#include "routing/slot_table.h"
#include "weir/base/prefetch.h"
#include "weir/routing/table.h"

namespace weir::routing {

/// One alternative of one router's rule, as it goes in and comes out. `slot` stands for the router, so that a router
/// may be replaced (for new endpoints, say) without touching the tree.
struct HostRoute {
  int64_t priority = 0;
  std::shared_ptr<const Expression> residual = nullptr;  // null: nothing left to check
  uint32_t slot = 0;
  bool exact = false;
  std::string_view path;
};

/// What a lookup reads of it.
struct RouteEntry {
  int64_t priority = 0;
  const Expression* residual = nullptr;  // null: nothing left to check
  uint32_t slot = 0;
  uint16_t path_size = 0;
  bool exact = false;
  bool begins_path = false;  // the entry before it has another path
};

/// Lies in one piece of memory, in the order in which a lookup reads it: of 100,000 hosts the next request's is in no
/// cache, and what lies together is fetched at once. Those of a host with three paths are some 200 bytes.
/// Costs: a node of 24 bytes per distinct path and per fork, an entry of 24 bytes per alternative, and the text of
/// each path once. A lookup visits the nodes along the request's path: at most its length in bytes, in practice the
/// number of nested prefixes.
class alignas(8) HostRoutes {
 public:
  /// `slots` gives the routers the entries stand for; only their rank is used, and only here. Null without routes.
  static std::shared_ptr<const HostRoutes> make(const HostKey& host, std::vector<HostRoute> routes,
                                                const SlotTable& slots);
  HostRoutes(const HostRoutes&) = delete;
  HostRoutes& operator=(const HostRoutes&) = delete;

  [[nodiscard]] bool is_of(HostKey::Kind kind, std::string_view name) const {
    return kind == kind_ && name == this->name();
  }
  /// All there are; their paths are views into it.
  [[nodiscard]] std::vector<HostRoute> routes() const;
  [[nodiscard]] uint32_t first_slot() const { return entries()->slot; }
  /// Asks the memory for what a lookup of a host of few routes reads.
  void prefetch() const {
    for (size_t line = 0; line < 4; ++line)
      weir::prefetch(reinterpret_cast<const char*>(this) + line * kCacheLineBytes);
  }
  /// The same for the routers of the first few.
  void prefetch_routers(const SlotTable& slots) const {
    for (const RouteEntry& entry : group(0, std::min(entry_count_, kRoutersAhead))) {
      const auto* router = reinterpret_cast<const char*>(slots[entry.slot]);
      weir::prefetch(router);
      weir::prefetch(router + kCacheLineBytes);
    }
  }

  /// Calls visit(a span of RouteEntry) for each group of entries whose path key fits, the shortest first. In a
  /// group they stand in the order they rank.
  template <typename Visit>
  void walk(std::string_view path, Visit&& visit) const {
    const Node* node = nodes();
    // Of a child the first byte is known to fit.
    for (size_t known = 0; node != nullptr; known = 1) {
      const std::string_view rest = label(*node).substr(known);
      if (!rest.empty() && !path.substr(known).starts_with(rest)) return;
      path.remove_prefix(node->label_size);
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
    uint32_t label_at = 0;  // the bytes from its parent to here
    uint16_t label_size = 0;
    uint16_t child_count = 0;
    uint32_t first_child = 0;
    uint32_t first_entry = 0;
    uint32_t prefix_count = 0;  // entries for everything below here
    uint32_t exact_count = 0;   // entries for this path alone; they stand behind the former
  };
  using Owner = std::shared_ptr<const Expression>;
  static_assert(kRuleBytesMax <= UINT16_MAX, "a path is part of a rule: sizes of paths and labels have 16 bits");
  static constexpr uint32_t kRoutersAhead = 4;  // more are not worth their fetching where one is asked for
  struct Range;
  class Builder;

  HostRoutes() = default;
  ~HostRoutes() = default;
  struct Destroy {
    void operator()(const HostRoutes* routes) const;
  };

  // Behind the object: the host's name, nodes, entries, who owns the residuals, and the text of the paths.
  [[nodiscard]] static size_t aligned(size_t bytes) { return (bytes + 7) / 8 * 8; }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] size_t nodes_at() const { return aligned(name_size_); }
  [[nodiscard]] size_t entries_at() const { return nodes_at() + node_count_ * sizeof(Node); }
  [[nodiscard]] size_t owners_at() const { return entries_at() + entry_count_ * sizeof(RouteEntry); }
  [[nodiscard]] size_t text_at() const { return owners_at() + owner_count_ * sizeof(Owner); }
  [[nodiscard]] size_t size() const { return sizeof(HostRoutes) + text_at() + text_size_; }
  [[nodiscard]] std::string_view name() const { return {bytes(), name_size_}; }
  // Breadth first, so the children of a node are neighbours, by first byte.
  [[nodiscard]] const Node* nodes() const { return reinterpret_cast<const Node*>(bytes() + nodes_at()); }
  // By path, prefixes before exact, then by rank.
  [[nodiscard]] const RouteEntry* entries() const {
    return reinterpret_cast<const RouteEntry*>(bytes() + entries_at());
  }
  [[nodiscard]] const Owner* owners() const { return reinterpret_cast<const Owner*>(bytes() + owners_at()); }
  [[nodiscard]] const char* text() const { return bytes() + text_at(); }
  [[nodiscard]] std::span<const RouteEntry> group(uint32_t first, uint32_t count) const {
    return {entries() + first, count};
  }
  [[nodiscard]] std::string_view label(const Node& node) const { return {text() + node.label_at, node.label_size}; }
  [[nodiscard]] const Node* child(const Node& node, char first) const;

  HostKey::Kind kind_ = HostKey::Kind::any;
  uint32_t name_size_ = 0;
  uint32_t node_count_ = 0;
  uint32_t entry_count_ = 0;
  uint32_t owner_count_ = 0;
  uint32_t text_size_ = 0;
};

}  // namespace weir::routing
