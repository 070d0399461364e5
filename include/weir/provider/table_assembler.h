#pragma once
// From what the providers know to the table that serves: decode, build, compare, publish.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/clock.h"
#include "weir/provider/provider.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/definitions.h"
#include "weir/routing/table.h"

namespace weir::provider {

/// What is told with each published table.
struct TableChange {
  std::string provider;   // whose result brought it; kHealthChecks
  uint64_t seen_us = 0;   // steady clock: when that result's news arrived
  uint64_t built_us = 0;  // steady clock: when the table was ready
};

/// In a provider's place where checks brought the change.
inline constexpr std::string_view kHealthChecks = "health checks";

/// From news to published, since the start.
struct ChangeLatency {
  /// Upper bounds in microseconds; what is above the last counts in `over`.
  static constexpr std::array<uint64_t, 8> kBoundsUs = {500, 1'000, 2'000, 5'000, 10'000, 20'000, 100'000, 1'000'000};
  std::array<uint64_t, kBoundsUs.size()> counts{};  // not cumulative
  uint64_t over = 0;
  uint64_t count = 0;
  uint64_t sum_us = 0;
  uint64_t last_us = 0;
};

struct Readiness {
  bool ready = false;
  std::string reason;  // for people: "consul: from disk, 4m2s old", "file: not read yet"
};

/// Turns results into tables. Owned by the application; control loop's thread, which is no worker's. Outlives the
/// providers' stop().
/// Reports to each provider the services that others refer to (want_services), so add() them before they start.
class TableAssembler final : public Observer {
 public:
  /// Posts the table to the workers. Called from within on_catalog() and on_definitions(), only when it is another one.
  using Publish = std::function<void(std::shared_ptr<const routing::RoutingTable> table, const TableChange& change)>;

  using Names = std::set<std::string, std::less<>>;
  /// Hears which names the routes ask the edge to have in Consul, when they are others. From within the same.
  using OnAliases = std::function<void(const Names& names)>;

  TableAssembler(const Clock& clock, Publish publish, OnAliases on_aliases = {});

  /// A provider that hands over definitions ready made (files).
  void add(Provider& provider);
  /// A provider of catalogs, with how its tags are read; `options.provider` is its name.
  void add(Provider& provider, routing::CatalogOptions options);

  void on_catalog(std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t seen_us) override;
  void on_definitions(std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us) override;

  /// What health checks have found; `seen_us` by the steady clock. An input like the others.
  void on_verdicts(routing::HealthVerdicts verdicts, uint64_t seen_us);

  /// Ends the tombstones whose time is over. To be called every second or so.
  void expire();

  /// Null before the first result.
  [[nodiscard]] const std::shared_ptr<const routing::RoutingTable>& table() const { return table_; }
  /// What is not routed and why, as of now.
  [[nodiscard]] const std::vector<routing::Rejection>& rejected() const { return rejected_.all(); }
  [[nodiscard]] std::vector<ProviderStatus> statuses() const;
  /// Ready once every provider has read its source or its last good result.
  [[nodiscard]] Readiness readiness() const;
  [[nodiscard]] const ChangeLatency& latency() const { return latency_; }
  /// Wall clock of the last published table; 0: none yet.
  [[nodiscard]] int64_t last_change_wall_ns() const { return last_change_wall_ns_; }

 private:
  struct Input {
    Provider* provider;
    std::unique_ptr<routing::CatalogDecoder> decoder;            // catalogs only
    std::shared_ptr<const routing::DefinitionSet> set;           // null: nothing yet
    std::map<std::string, std::map<std::string, size_t>> named;  // provider -> its services its routers name, how often
    uint64_t catalog_index = 0;
    std::vector<routing::RouteEdit> edits;  // about the routes of all catalogs
  };

  void take(Input& input, std::shared_ptr<const routing::DefinitionSet> set, uint64_t seen_us);
  bool count_named(Input& input, const routing::DefinitionSet& now);
  void tell_wanted();
  void tell_aliases();
  void tell_edits(uint64_t seen_us);
  void build(const std::string& provider, uint64_t seen_us);
  void note_rejected(routing::RejectionList rejected);
  void note_latency(uint64_t took_us);

  // constant after construction
  const Clock& clock_;
  const Publish publish_;
  const OnAliases on_aliases_;
  // control loop's thread
  std::map<std::string, Input, std::less<>> inputs_;  // by provider name: the order that build_table sees
  routing::HealthVerdicts verdicts_;
  std::shared_ptr<const routing::RoutingTable> table_;
  routing::RejectionList rejected_;
  Names aliases_;
  ChangeLatency latency_;
  int64_t last_change_wall_ns_ = 0;
};

}  // namespace weir::provider
