#pragma once
// The routing table: what a request is matched against. Const to the bit once published; workers share it.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/header.h"
#include "weir/base/ip.h"
#include "weir/base/shared_list.h"
#include "weir/routing/definitions.h"
#include "weir/routing/middleware.h"

namespace weir::routing {

/// The parts of a request that rules look at. Views into the connection's buffer; valid during match() only.
struct RequestView {
  std::string_view method;
  std::string_view host;   // without port and trailing dot, lower case
  std::string_view port;   // what the request names behind the host; "": none
  std::string_view path;   // normalised, without query; begins with '/'
  std::string_view query;  // without '?'
  std::span<const Header> headers;
  // What a session keeps of a request beside its fields; rules see them as the fields that they were.
  std::string_view upgrade = {};  // the protocol asked for; "": none
  std::optional<uint64_t> content_length = {};
  bool expect_continue = false;
  bool te_trailers = false;
  IpAddress client_ip;
  std::string_view entry_point;
  bool tls = false;
};

/// One place that serves. Its id is stable over tables: what lives (in-flight, health, pools) is found by it.
struct Endpoint {
  enum class State : uint8_t {
    up,         // by the catalog and, where its service has a health check, by that
    probing,    // its check has found nothing yet; it serves only where nobody is up
    unhealthy,  // its check has failed
    failing,    // the catalog says so, whatever its check found
    stale,      // its provider could not confirm it for too long (safety.last_good_age_ms_max)
  };
  std::string id;  // "http://127.0.0.1:9001"
  std::string scheme;
  std::string host;  // an IP or a name
  uint16_t port = 0;
  uint32_t weight = 1;
  State state = State::up;
  bool live = true;  // it gets requests; false: it keeps its place and gets nothing
  std::string node;
  std::string instance_id;
  std::string transport = {};  // of https: the serversTransport's name; then the id ends in "#" and it

  bool operator==(const Endpoint&) const = default;
};

[[nodiscard]] std::string_view to_string(Endpoint::State state);
/// What dashboards count as up: not one that serves for want of a better one only.
[[nodiscard]] inline bool is_up(const Endpoint& endpoint) {
  return endpoint.state == Endpoint::State::up || (endpoint.live && endpoint.state == Endpoint::State::probing);
}

/// A load balancer over endpoints. Shared between tables while unchanged: pointer equality means "nothing to do".
struct Service {
  std::string name;                 // "web@consul"
  std::vector<Endpoint> endpoints;  // sorted by id, no id twice
  bool pass_host_header = true;
  std::string strategy;        // "wrr" or "p2c"
  uint8_t proxy_protocol = 0;  // the version of the PROXY header that endpoints are sent; 0: none
  HealthCheckRef health_check = {};
  StickyCookieRef sticky = {};  // none: each request goes where the strategy says

  bool operator==(const Service&) const = default;
};

/// Where a router is not what its provider says now.
struct Unlinked {
  std::shared_ptr<const RouterDefinition> newest;  // what it says, where the last good version keeps serving; or null
  std::vector<std::string> awaited;                // middlewares that only chains name, and that are waited for
  std::string problem;                             // why it answers 503 though its rule is good; "": it does not

  bool operator==(const Unlinked&) const = default;  // by pointer for `newest`
};

/// A definition with what it refers to found. It holds what every request asks for; the rest stands in the definition.
struct Router {
  // What each request reads comes first, so that it lies in one or two lines of a cache.
  uint64_t id = 0;  // never another's; the same in each table while the router and its service keep their names
  uint32_t slot = UINT32_MAX;       // the matcher's number of it
  bool tls = false;                 // answers on TLS connections only
  bool plain = false;               // answers on connections without TLS only
  bool names_entry_points = false;  // answers on those of its definition only
  bool tombstone = false;           // its service is gone: 503, where no other router claims the request as strongly
  std::vector<std::shared_ptr<const Middleware>> middlewares;  // in the order they run
  std::shared_ptr<const Service> service;                      // never null; may have no live endpoint (503)
  std::string name;                                            // "web@consul"
  std::shared_ptr<const RouterDefinition> definition;          // the one in force; never null in a table
  int64_t priority = 0;                                        // effective; never 0
  std::shared_ptr<const Unlinked> unlinked;                    // null: all is found

  [[nodiscard]] const std::string& rule() const { return definition->rule; }
  [[nodiscard]] const std::vector<std::string>& entry_points() const { return definition->entry_points; }  // empty: all
  [[nodiscard]] const std::string& tls_options() const { return definition->tls_options; }  // "": the entry point's
  /// Why it answers 503 though its rule is good (a missing service or middleware); "": it does not.
  [[nodiscard]] std::string_view problem() const {
    return unlinked != nullptr ? unlinked->problem : std::string_view();
  }
};

/// True when `a` is asked before `b`. Higher priority first; then those that are no tombstones; then the provider's
/// precedence (file, kv, consul, nomad, all others by name); then the name. A strict order over routers of different
/// names, the same in every process.
[[nodiscard]] bool ranks_before(const Router& a, const Router& b);
/// What stands behind the @ of its name.
[[nodiscard]] std::string_view provider_of(const Router& router);

inline std::string_view key_of(const Router& router) { return router.name; }
inline std::string_view key_of(const Service& service) { return service.name; }
inline std::string_view key_of(const Middleware& middleware) { return middleware.name; }

class HostRoutes;   // one host's; src/routing/host_routes.h
class Matcher;      // host map + path tree + residual predicates; src/routing/matcher.h
class SlotTable;    // the matcher's numbers of routers; src/routing/slot_table.h
struct TableState;  // what the next build_table starts from; src/routing/table_state.h

class RoutingTable;

/// Brings what match() will read of a host into the caches while its caller does something else: of 100,000 hosts the
/// next request's lies in none, and each of the three reads, one behind the other, takes as long as a head is parsed.
/// Changes no result. A value; the table outlives it.
class MatchAhead {
 public:
  /// `host` as match() gets it. A table that is null has nothing to fetch.
  MatchAhead(const RoutingTable* table, std::string_view host);
  /// Asks for the next that is to be read, when some 100 ns have passed since the last; does nothing when all is here.
  void advance();

 private:
  enum class Step : uint8_t { routes, routers, done };
  const RoutingTable* table_;
  uint64_t hash_ = 0;
  const HostRoutes* routes_ = nullptr;
  Step step_ = Step::routes;
};

/// Owned by shared_ptr: the publisher and each worker hold one. Any thread (const). Dies with its last holder.
class RoutingTable {
 public:
  RoutingTable();
  ~RoutingTable();
  RoutingTable(const RoutingTable&) = delete;
  RoutingTable& operator=(const RoutingTable&) = delete;

  /// The router that wins, or nullptr. Allocates nothing (a rule with a regular expression may: RE2 grows its automaton
  /// as it meets new input); costs the same for 10 and 100,000 routers.
  [[nodiscard]] const Router* match(const RequestView& request) const;
  /// Every router whose rule holds and that is admitted (entry point, TLS), in the order they rank: the winner first.
  [[nodiscard]] std::vector<const Router*> match_all(const RequestView& request) const;

  /// Sorted by name, and found by it: routers().find("web@consul").
  [[nodiscard]] const SharedList<Router>& routers() const { return routers_; }
  [[nodiscard]] const SharedList<Service>& services() const { return services_; }
  [[nodiscard]] const SharedList<Middleware>& middlewares() const { return middlewares_; }
  /// Grows by one with each published table.
  [[nodiscard]] uint64_t generation() const { return generation_; }
  /// The index of the catalog when this table was made, the highest where there are several; 0: none has one.
  [[nodiscard]] uint64_t catalog_index() const { return catalog_index_; }
  /// Of the routers, how many have TLS options of their own.
  [[nodiscard]] size_t tls_options_count() const { return tls_options_count_; }
  /// Of the services, how many have endpoints of Consul Connect.
  [[nodiscard]] size_t mesh_count() const { return mesh_count_; }
  /// The same for two tables that share their matcher: no rule and no priority changed between them.
  [[nodiscard]] const void* matcher_identity() const { return matcher_.get(); }
  /// What that provider said when this table was made; null: nothing. Lives as long as the table.
  [[nodiscard]] const DefinitionSet* set_of(std::string_view provider) const;
  /// Canonical text: equal tables give equal text, whatever the order of the changes that led to them.
  [[nodiscard]] std::string dump() const;

 private:
  friend class MatchAhead;
  friend class TableBuilder;
  friend struct RouteExplanation explain(const RoutingTable& table, const RequestView& request);
  // constant after construction
  SharedList<Router> routers_;
  SharedList<Service> services_;
  SharedList<Middleware> middlewares_;
  std::unique_ptr<const SlotTable> slots_;
  std::shared_ptr<const Matcher> matcher_;  // shared between tables whose rules are equal
  std::shared_ptr<const TableState> state_;
  size_t tls_options_count_ = 0;
  size_t mesh_count_ = 0;
  uint64_t generation_ = 0;
  uint64_t catalog_index_ = 0;
};

/// What is not routed and why: of all providers, sorted by name. A value that is cheap to copy.
class RejectionList {
 public:
  RejectionList() = default;
  explicit RejectionList(std::shared_ptr<const std::vector<Rejection>> list) : list_(std::move(list)) {}

  [[nodiscard]] const std::vector<Rejection>& all() const {
    static const std::vector<Rejection> kNone;
    return list_ != nullptr ? *list_ : kNone;
  }
  [[nodiscard]] auto begin() const { return all().begin(); }
  [[nodiscard]] auto end() const { return all().end(); }
  [[nodiscard]] size_t size() const { return all().size(); }
  [[nodiscard]] bool empty() const { return all().empty(); }
  const Rejection& operator[](size_t at) const { return all()[at]; }
  /// Cheap where nothing changed.
  bool operator==(const RejectionList& other) const { return list_ == other.list_ || all() == other.all(); }

 private:
  std::shared_ptr<const std::vector<Rejection>> list_;  // null: none
};

/// What build_table gives: a table and what did not make it into it.
struct BuildOutcome {
  std::shared_ptr<const RoutingTable> table;  // `previous` itself when nothing changed
  RejectionList rejected;
};

/// Pure: no clock, no I/O, no logging. Equal input gives an equal dump(). An error in one object drops that object
/// only; where `previous` (null at first) has a good version of a router or middleware that is now broken, that version
/// keeps serving (quarantine), with its service as it is now. Unchanged services, routers and the matcher are shared
/// with `previous`. One set a provider.
///
/// Per object, in this order:
/// - Of several definitions of one name in one provider the incumbent stays, else the first, or the first in any case
///   (DefinitionSet::is_decided); equal ones are one.
/// - A rule that does not parse: the last good version, else the router is absent (nothing says which host it meant).
/// - A service or middleware that is not there, in a router that changed: the last good version where everything that
///   one names is there; else the new version without endpoints, so that its host answers 503 and never falls through
///   to another router. `problem` says why. It heals when the missing part comes.
/// - A middleware that went away: a router that had it keeps the compiled one (leaving out an authentication, say,
///   would be worse than keeping it).
/// - An object in DefinitionSet::rejected ("router", "service", "middleware", by name) counts as defined but broken.
/// - An unknown strategy: rejected, the service uses wrr. An impossible endpoint: rejected, the rest serves.
///
/// Costs, with n the objects of all providers: what changed in the sets (found by comparing pointers, chunk by chunk),
/// the routers that refer to it, and a copy of n/1024 pointers to what did not change; matcher work only for routers
/// whose rule or priority changed (see matcher.h). `rejected` is complete each time, not only what is new.
///
/// `verdicts` says how endpoints of services with a health check are; it costs what has changed in it. One that has no
/// verdict is probing, and serves where no endpoint of its service is up. Where fewer than the service's
/// panic_threshold_percent are up or probing, all serve.
BuildOutcome build_table(const std::vector<std::shared_ptr<const DefinitionSet>>& sets,
                         const std::shared_ptr<const RoutingTable>& previous, const HealthVerdicts& verdicts = {});
/// The same for definitions by value, which are compared one by one with those that `previous` was made of: O(n).
/// Several of one provider count as one, in the order given.
BuildOutcome build_table(const std::vector<std::shared_ptr<const Definitions>>& definitions,
                         const std::shared_ptr<const RoutingTable>& previous);

/// What the objects of all tables take beside malloc's memory; see src/routing/table_memory.h. Any thread.
[[nodiscard]] size_t table_memory_bytes();

}  // namespace weir::routing
