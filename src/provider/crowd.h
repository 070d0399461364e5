#pragma once
// The routed services beyond those that have a blocking query of their own, followed together.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "provider/catalog_dialect.h"
#include "provider/check_list.h"
#include "provider/event_stream.h"
#include "provider/service_fetcher.h"

namespace weir::provider {

/// Two blocking queries, however many members: /v1/health/state/any tells whose checks changed, /v1/catalog/nodes whose
/// node got another address; only those are read again. An instance without checks shows in neither: when the index of
/// the service list moves, all members are read again, slowly and at most once a sweep period. Where other answers tell
/// what happened at each index that the list has passed, the sweep waits for kProvenSweepMs: one index may be that of
/// several changes, though it seldom is. A service that is read tells its last one; one that is gone without a trace
/// in the checks is told by its name (note_gone).
/// A catalog without those lists may have a stream of events, which names each service that has changed (Nomad). While
/// it is heard only those are read again; without it sweeps are all there is.
/// Owned by CatalogProvider; loop's thread. Asks nothing while it has no members.
class Crowd {
 public:
  struct Callbacks {
    ServiceFetcher::OnAnswer on_answer;
    ServiceFetcher::OnFailure on_failure;       // of one service
    BlockingQuery::OnFailure on_query_failure;  // of the shared queries
  };

  Crowd(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing, const CatalogDialect& dialect,
        Callbacks callbacks);

  void add(const std::string& name);
  void remove(const std::string& name);
  /// A member's instances, so that a change of a node finds its services.
  void note_instances(const catalog::Service& service);
  /// The list of services has another index: some instance, somewhere, was added, changed or removed.
  void on_services_moved(uint64_t index_before, uint64_t index);
  /// A service with a query of its own has changed, and this is the index of its answer.
  void note_known(uint64_t index);
  /// The catalog has lost its data, or another one answers.
  void forget_indexes();
  /// A member of that many instances, none of which had a check, is not listed any more: as many indexes are its.
  void note_gone(size_t instances);
  /// Its tags changed.
  void read_now(const std::string& name) { fetcher_.fetch(name, ServiceFetcher::Urgency::now); }
  void ask_afresh();
  void ask_again();
  void wake();
  [[nodiscard]] size_t size() const { return members_.size(); }
  /// The newest attempt of a shared query has failed: changes may go unnoticed.
  [[nodiscard]] bool failing() const { return !failing_.empty(); }

 private:
  static constexpr uint64_t kSweepPeriodMs = 5'000;
  static constexpr uint64_t kSweepPerMemberMs = 20;  // so sweeps ask 50 times a second in the mean, whatever the size
  static constexpr uint64_t kSliceMs = 20;           // and never more than a slice at once: changes do not wait
  static constexpr size_t kSliceMembers = 2;
  static constexpr uint64_t kProvenSweepMs = 300'000;
  static constexpr size_t kIndexesMax = 1'024;  // known, and passed by the list in one step

  Status on_checks(const QueryAnswer& answer);
  Status on_nodes(const QueryAnswer& answer);
  void read_services_on(const std::set<std::string>& changed);
  void on_events_open();
  void on_events(const ServiceEvents& events);
  void request_sweep();
  void schedule_sweep();
  void sweep();
  [[nodiscard]] bool put_off();
  [[nodiscard]] bool all_explained();

  // constant after construction
  event::Loop& loop_;
  SourceLink& link_;
  Random& random_;
  const QueryTiming timing_;
  const CatalogDialect& dialect_;
  const Callbacks callbacks_;
  // loop's thread
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> members_;  // name -> nodes it is on
  std::set<std::string, std::less<>> failing_;                                      // paths of shared queries
  CheckList checks_;
  std::map<std::string, std::string, std::less<>> node_addresses_;
  uint64_t swept_at_ms_ = 0;             // when the last sweep began
  std::string swept_to_;                 // the last member it has asked for; "": no sweep is under way
  bool moved_since_ = false;             // the list has moved again since it began
  std::set<uint64_t> known_;             // indexes whose changes have been seen, the latest
  std::map<uint64_t, uint64_t> passed_;  // those the list has passed and that are not known, and when it did
  size_t gone_ = 0;                      // as many of them are those of members that went
  bool unprovable_ = false;              // too many of them
  bool told_ = false;                    // the stream of events is heard
  uint64_t told_to_ = 0;                 // and has told all up to this index
  bool put_off_ = false;                 // the sweep that is scheduled is a late one
  uint64_t late_sweep_at_ms_ = 0;        // when it is due; 0: none is
  ServiceFetcher fetcher_;
  event::Timer sweep_timer_;
  std::unique_ptr<BlockingQuery> checks_query_;
  std::unique_ptr<BlockingQuery> nodes_query_;
  std::unique_ptr<EventStream> events_;
};

}  // namespace weir::provider
