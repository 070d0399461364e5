#pragma once
// Follows a catalog: Consul's, or Nomad's native services.
//
// What is asked, and why:
// - One blocking query on /v1/catalog/services (Nomad: /v1/services) tells which services there are and which of them
// carry routing tags.
//   Services that are not routed cost nothing beyond their line in that list.
// - Each routed service has a blocking query of its own on /v1/health/service/<name> (/v1/service/<name>), up to
//   watches_max (64) of them.
//   One that is tagged for Consul Connect has it on /v1/health/connect/<name>, and always one of its own: those are its
//   proxies, whose checks show under other names.
//   Its answer is the news itself, so a registration is known one round trip after the registry's acknowledgement; and
//   the registry wakes only who is concerned: the work is bounded by the change, and check output of other services,
//   which wakes everybody on /v1/health/state/any, wakes nobody here. 64 + 3 connections stay well below the 200 that
//   Consul allows one client by default.
// - Routed services above that bound share two queries and are read one by one when those show a change (crowd.h): a
//   constant number of connections, at the price of one more round trip.
//
// What is believed:
// - Only a 200 that decodes whole. Errors, silence, cut or strange answers keep, per service, what was last known.
// - A service whose last instance is gone must also be gone from the list, or still be empty when the list has been
//   read again: a registry that lost its state then shows in one step, which the safety brake sees as what it is.
// - What could not be confirmed for longer than safety.last_good_age_ms_max is handed out as stale: its routes stay and
//   answer 503. A query that waits at the server confirms; age is counted from the first that fails, or, where nobody
//   answered at all, from the last answer. Half-way it is asked without an index, so that it is answered at once.
// - What a routes file refers to and the catalog does not have is known to be empty (503), not unknown (404).

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "provider/catalog_dialect.h"
#include "provider/crowd.h"
#include "provider/service_ages.h"
#include "provider/service_names.h"
#include "provider/snapshot_gate.h"
#include "weir/provider/providers.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::provider {

/// What is followed, and how.
struct CatalogSource {
  std::string name;  // the name behind @
  const CatalogDialect& dialect;
  std::vector<std::string> addresses;  // URLs, tried in order
  LinkOptions link;                    // without addresses
  std::vector<std::string> tag_prefixes;
  std::string fabio_tag_prefix;
  bool exposed_by_default = false;
  routing::ConnectTags connect = {};
  config::SafetyConfig safety;
  uint64_t late_ms = 0;       // services that have not been confirmed for so long are handed out as late; 0: never
  std::string snapshot_path;  // "": nothing is kept on disk
  QueryTiming timing;
  size_t watches_max = 64;
  uint64_t coalesce_ms = 1;
};
/// Of one datacenter of Consul, `datacenter` ("": the agent's own).
CatalogSource consul_source(const ConsulOptions& options, const std::string& datacenter);

/// Owned by the application; control loop's thread. stop() ends every query and saves what waits to be saved.
class CatalogProvider final : public Provider {
 public:
  CatalogProvider(event::Loop& loop, const Clock& clock, CatalogSource source);
  ~CatalogProvider() override;

  Status start(Observer& observer) override;
  void stop() override;
  [[nodiscard]] ProviderStatus status() const override;
  void want_services(std::set<std::string, std::less<>> names) override;

 private:
  /// A service that fails this often from the start is not waited for: one that is broken keeps no edge unready.
  static constexpr uint32_t kFailuresWaitedFor = 5;
  /// With watches_max still below the 200 connections that Consul allows one client.
  static constexpr size_t kMeshWatchesMax = 100;

  /// One routed service.
  struct Tracked {
    std::unique_ptr<BlockingQuery> watch;  // null: in the crowd
    bool mesh = false;                     // of Consul Connect
    KnownRows rows;                        // of the watch's last answer
    uint64_t body_hash = 0;                // of the last answer, from the watch or the crowd; 0: there was none
    uint64_t good_at_ms = 0;               // of that answer, or the last one that said the same; 0: there was none
    uint32_t failures = 0;                 // since the start or the last answer
    std::string error;
    std::vector<std::string> skipped;
  };

  [[nodiscard]] bool has_routing_tag(const std::vector<std::string>& tags) const;
  [[nodiscard]] bool routed(const std::string& name, const std::vector<std::string>& tags) const;

  [[nodiscard]] size_t unchecked_instances(const std::string& name) const;
  Status on_names(const QueryAnswer& answer);
  void on_names_failed(const Error& error);
  void update_tracked(uint64_t seen_us);
  void update_tracked(const std::string& name, uint64_t seen_us);
  void untrack(const std::string& name);
  void track(const std::string& name, bool mesh);
  void fill_free_watches();

  Status on_service(const std::string& name, const QueryAnswer& answer);
  void on_service_failed(const std::string& name, const Error& error);
  void put(catalog::Service service, uint64_t seen_us);
  void start_watch(const std::string& name, Tracked& tracked);
  [[nodiscard]] static bool settled(const Tracked& tracked) {
    return tracked.body_hash != 0 || tracked.failures >= kFailuresWaitedFor;
  }

  void on_shared_query_failed(const Error& error);
  void after_failure(const Error& error);
  void for_each_query(void (BlockingQuery::*call)());
  void note_settled();

  void note_age_on_disk(int64_t saved_wall_ns);
  void note_failure(uint64_t& since_ms, const Error& error) const;
  [[nodiscard]] uint64_t crowd_doubted_ms() const;
  void look_at_ages();
  void ask_the_doubtful(uint64_t now_ms);
  void say_stale(size_t count, const std::string& one);

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  const CatalogSource source_;
  // loop's thread; what uses something else stands below it
  Observer* observer_ = nullptr;  // null: stopped
  Random random_;
  std::set<std::string, std::less<>> wanted_;
  ServiceNames names_;
  bool names_known_ = false;
  bool names_asked_afresh_ = false;
  bool synced_ = false;
  int64_t disk_wall_ns_ = 0;
  int64_t good_wall_ns_ = 0;  // the list's last good answer
  uint64_t good_at_ms_ = 0;
  std::string error_;              // of the list; "" while it is well
  uint64_t names_doubted_ms_ = 0;  // since when the list could not be read; 0: it could
  uint64_t lists_doubted_ms_ = 0;  // the same of what the crowd asks
  ServiceAges ages_;
  event::Timer age_timer_;
  size_t stale_said_ = 0;     // services, in the log
  bool lists_asked_ = false;  // afresh, since they are in doubt
  std::unique_ptr<SnapshotGate> gate_;
  std::unique_ptr<SourceLink> link_;
  std::unique_ptr<Crowd> crowd_;
  std::unique_ptr<BlockingQuery> names_query_;
  std::map<std::string, Tracked, std::less<>> tracked_;
  size_t watches_ = 0;       // of tracked_, those with a watch that are not of the mesh
  size_t mesh_watches_ = 0;  // and those that are
  size_t mesh_waiting_ = 0;  // those for whom there was no place
  size_t unsettled_ = 0;     // of tracked_, those waited for before all is said to be known
  // Of tracked_, those said to have no instance while the list has not been read again since.
  std::set<std::string, std::less<>> empty_unconfirmed_;
};

}  // namespace weir::provider
