#pragma once
// Finds the router for a request: hosts by hash, paths by radix tree, the rest as residual predicates by rank.

#include <array>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "routing/host_routes.h"
#include "routing/rule.h"
#include "weir/routing/table.h"

namespace weir::routing {

/// What happened to one router's rule or priority. `before` is null when it is new, `after` when it is gone. A slot
/// may be given away again in the same step: all that stood there before is taken out first.
struct RouteChange {
  uint32_t slot = 0;
  std::shared_ptr<const Rule> before;
  std::shared_ptr<const Rule> after;
  int64_t priority = 0;  // effective, of `after`
};

/// Immutable; shared between tables. It knows routers by slot only, so tables with equal rules share it whole, whatever
/// their endpoints.
///
/// Shape: 256 shards by the hash of the host, each a hash map from host (or "*.d", "**.d") to that host's routes; one
/// more tree of routes for rules that name no host. Costs of a lookup: at most three trees (exact, wildcard, any host),
/// and where there are rules with "**." one for each dot of the host, each walked along the path. Residuals are
/// evaluated only for entries that would beat the best so far. None of this depends on the number of routers, but
/// routers with the same host and path keys are asked one by one: a thousand rules of HeaderRegexp alone cost a
/// thousand evaluations, since nothing tells them apart before. Costs of a change: the trees of the hosts the rule
/// names before and after, and a copy of the pointers in their shards (1/256 of all hosts each) and of the 256 shard
/// pointers. A rule without a host rebuilds the tree for any host: O(m log m) for m such rules.
class Matcher {
 public:
  /// `slots` are the routers as they will be after the changes (null where free).
  static std::shared_ptr<const Matcher> apply(const Matcher* previous, const std::vector<RouteChange>& changes,
                                              const SlotTable& slots);

  /// For MatchAhead, one behind the other: asks for the cell of an exact host, whose hash it gives; then for its
  /// routes, or those of another host with that hash (null: there are none), and where their routers stand.
  [[nodiscard]] uint64_t prefetch_host(std::string_view name) const;
  [[nodiscard]] const HostRoutes* prefetch_routes(uint64_t hash, const SlotTable& slots) const;
  /// Null when no rule holds. Allocates nothing.
  [[nodiscard]] const Router* find(const RequestView& request, const SlotTable& slots) const;
  /// All whose rule holds, admitted or not, by rank.
  [[nodiscard]] std::vector<const Router*> find_all(const RequestView& request, const SlotTable& slots) const;

  /// Which host trees two matchers share: for tests of sharing.
  [[nodiscard]] const void* tree_identity(const HostKey& host) const;

 private:
  // Of the size of its alignment: no cell lies in two lines of a cache.
  struct alignas(32) Cell {
    uint64_t hash = 0;
    std::shared_ptr<const HostRoutes> routes;  // null: empty
    uint32_t first_slot = 0;                   // of the routes; those of one host mostly stand side by side
  };
  // Open addressing, a power of two of cells, at most half of them full.
  struct Shard {
    std::shared_ptr<const Cell[]> cells;  // null: no host
    size_t mask = 0;                      // their count less one
  };
  struct Edit;
  using Edits = std::map<HostKey, Edit>;
  using HostEdit = Edits::value_type;
  static constexpr size_t kShards = 256;

  static uint64_t hash_of(HostKey::Kind kind, std::string_view name);
  static size_t place_of(uint64_t hash, size_t mask);
  static Shard make_shard(std::vector<Cell> occupied);
  template <typename Fits>
  [[nodiscard]] const Cell* find_cell(uint64_t hash, Fits fits) const;
  [[nodiscard]] const HostRoutes* find_host(HostKey::Kind kind, std::string_view name) const;
  [[nodiscard]] std::shared_ptr<const HostRoutes> edited(HostEdit& edit, const SlotTable& slots) const;
  void edit_shard(size_t shard, const std::vector<HostEdit*>& edits, const SlotTable& slots);
  template <typename Visit>
  void walk(const RequestView& request, Visit&& visit) const;

  // constant after construction
  std::array<Shard, kShards> shards_;
  std::shared_ptr<const HostRoutes> any_host_;  // null: none
  size_t wildcards_ = 0;                        // hosts of kind wildcard; 0 saves a lookup
  size_t suffixes_ = 0;                         // the same of kind suffix
};

/// Whether the router answers on that connection at all, whatever its rule: entry point and TLS.
[[nodiscard]] bool admits(const Router& router, const RequestView& request);

}  // namespace weir::routing
