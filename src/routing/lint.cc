#include "weir/routing/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "routing/place.h"
#include "routing/regexp_literals.h"
#include "routing/rule.h"
#include "weir/base/text.h"
#include "weir/routing/path_text.h"
#include "weir/routing/qualified_name.h"
#include "weir/routing/table.h"

namespace weir::routing {

namespace {

using Kind = LintFinding::Kind;

// One alternative of one router's rule.
struct Part {
  const Router* router = nullptr;
  const Alternative* alternative = nullptr;
  Place place;
};

Place place_of(const Alternative& alternative) {
  Place place{alternative.host, alternative.path};
  if (!place.path.exact && place.path.text.empty()) place.path.text = "/";  // as every path begins
  return place;
}

/// Parts by the text of their path: two can only meet where the text of one begins with the other's.
class PathIndex {
 public:
  void add(const Part* part) {
    std::string_view text = part->place.path.text;
    by_length_[text.size()][text].push_back(part);
  }

  /// Those whose path `text` begins with, the shortest first, until `visit` says that it is enough.
  template <typename Visit>
  void each_above(std::string_view text, Visit&& visit) const {
    for (const auto& [length, texts] : by_length_) {
      if (length > text.size()) return;
      auto found = texts.find(text.substr(0, length));
      if (found == texts.end()) continue;
      for (const Part* part : found->second) {
        if (!visit(*part)) return;
      }
    }
  }

 private:
  std::map<size_t, std::unordered_map<std::string_view, std::vector<const Part*>>> by_length_;
};

bool place_covers(const Place& a, const Place& b) {
  auto common = intersect(a, b);
  return common && *common == b;
}

// The predicates that must all hold, as far as they are plain to see.
std::vector<const Expression*> required(const Expression* residual) {
  std::vector<const Expression*> out;
  if (residual == nullptr || residual->kind == Expression::Kind::always) return out;
  if (residual->kind != Expression::Kind::conjunction) return {residual};
  for (const Expression& operand : residual->operands) out.push_back(&operand);
  return out;
}

// No text begins with both.
bool part_ways(std::string_view a, std::string_view b) { return !a.starts_with(b) && !b.starts_with(a); }

bool exclude(const Expression& a, const Expression& b) {
  if (a.kind == Expression::Kind::negation && a.operands.front() == b) return true;
  if (b.kind == Expression::Kind::negation && b.operands.front() == a) return true;
  if (a.kind != Expression::Kind::predicate || b.kind != Expression::Kind::predicate) return false;
  const Predicate::Kind kind = a.predicate.kind;
  if (b.predicate.kind != kind) return false;
  if (kind == Predicate::Kind::method) return a.predicate.value != b.predicate.value;
  const bool one_text = kind == Predicate::Kind::host_regexp || kind == Predicate::Kind::path_regexp;
  return one_text &&
         part_ways(literals_of_regexp(a.predicate.value).prefix, literals_of_regexp(b.predicate.value).prefix);
}

/// A regular expression that no path of that place matches.
bool excludes(const Place& place, const Expression& one) {
  const bool of_path = one.kind == Expression::Kind::predicate && one.predicate.kind == Predicate::Kind::path_regexp;
  if (!of_path) return false;
  std::string storage;
  return part_ways(decoded_path(place.path.text, storage), literals_of_regexp(one.predicate.value).prefix);
}

/// What is left of a condition at a place; an `always` where nothing is.
Expression left_at(const Place& place, const Expression* residual) {
  return residual != nullptr ? reduce(*residual, place) : Expression();
}

bool may_both_hold(const Place& place, const Expression* a, const Expression* b) {
  const Expression of_a = left_at(place, a);
  const Expression of_b = left_at(place, b);
  if (of_a.kind == Expression::Kind::never || of_b.kind == Expression::Kind::never) return false;
  std::vector<const Expression*> all = required(&of_a);
  for (const Expression* other : required(&of_b)) {
    if (std::any_of(all.begin(), all.end(), [&](const auto* one) { return exclude(*one, *other); })) return false;
    all.push_back(other);
  }
  return std::none_of(all.begin(), all.end(), [&](const auto* one) { return excludes(place, *one); });
}

/// Why no request has that alternative; "": one may.
std::string why_it_never_holds(const Alternative& alternative) {
  const auto all = required(alternative.residual.get());
  for (const Expression* one : all) {
    const bool excluded = std::any_of(all.begin(), all.end(), [&](const auto* other) { return exclude(*one, *other); });
    if (excluded) return "its conditions exclude one another";
    if (one->kind != Expression::Kind::predicate) continue;
    const Predicate& predicate = one->predicate;
    std::string why;
    if (predicate.kind == Predicate::Kind::host_regexp) why = why_no_host_matches(predicate.value);
    if (predicate.kind == Predicate::Kind::path_regexp) why = why_no_path_matches(predicate.value);
    if (!why.empty()) return why;
  }
  return "";
}

// Whether `a` holds wherever `b` does, at the place of `b`: everything it asks for is asked for by `b` too.
bool holds_wherever(const Place& place, const Expression* a, const Expression* b) {
  const Expression left = left_at(place, a);
  auto of_b = required(b);
  auto of_a = required(&left);
  return std::all_of(of_a.begin(), of_a.end(), [&](const Expression* wanted) {
    return std::any_of(of_b.begin(), of_b.end(), [&](const Expression* one) { return *one == *wanted; });
  });
}

bool shares_connections(const Router& a, const Router& b) {
  if ((a.tls && b.plain) || (a.plain && b.tls)) return false;
  const auto& of_a = a.entry_points();
  const auto& of_b = b.entry_points();
  if (of_a.empty() || of_b.empty()) return true;
  return std::any_of(of_a.begin(), of_a.end(),
                     [&](const std::string& name) { return std::find(of_b.begin(), of_b.end(), name) != of_b.end(); });
}

bool admits_all_of(const Router& a, const Router& b) {
  if ((a.tls && !b.tls) || (a.plain && !b.plain)) return false;
  const auto& of_a = a.entry_points();
  const auto& of_b = b.entry_points();
  if (of_a.empty()) return true;
  return !of_b.empty() && std::all_of(of_b.begin(), of_b.end(), [&](const std::string& name) {
    return std::find(of_a.begin(), of_a.end(), name) != of_a.end();
  });
}

/// HostRegexp(`{sub:[a-z]+}.example.com`): in version 3 the braces are the host's own, and no host has any.
bool has_named_part(std::string_view rule) {
  constexpr std::string_view kCall = "hostregexp(";
  const std::string lower = to_lower(rule);
  for (size_t at = lower.find(kCall); at != std::string::npos; at = lower.find(kCall, at + 1)) {
    const std::string_view pattern = std::string_view(lower).substr(at, lower.find(')', at) - at);
    const size_t brace = pattern.find('{');
    if (brace != std::string_view::npos && brace + 1 < pattern.size() && pattern[brace + 1] >= 'a' &&
        pattern[brace + 1] <= 'z')
      return true;
  }
  return false;
}

/// Looks at one table. Used once. Each part is compared with those above it in the tree of paths, of its own host and
/// of those that are no single name, so the cost grows with the routers and with what they have in common.
class Linter {
 public:
  explicit Linter(const RoutingTable& table) {
    for (const auto& router : table.routers()) {
      if (router->tombstone || router->definition->last_resort || !router->problem().empty()) continue;
      auto rule = compile_rule(router->rule());
      if (!rule) continue;
      const auto& alternatives = rules_.emplace_back(std::move(*rule))->alternatives;
      std::string never = "no request can match its rule";
      bool may_hold = false;
      for (const Alternative& one : alternatives) {
        std::string why = why_it_never_holds(one);
        may_hold = may_hold || why.empty();
        if (why.empty()) {
          parts_.push_back({router.get(), &one, place_of(one)});
        } else {
          never = std::move(why);
        }
      }
      const bool of_version_2 = has_named_part(router->rule());
      if (of_version_2) never = "HostRegexp with {name:...} is Traefik 2's: no host matches it without ruleSyntax=v2";
      if (of_version_2 || !may_hold) add(Kind::never_holds, *router, nullptr, std::move(never));
    }
    for (const Part& part : parts_) {
      bool exact = part.place.host.kind == HostKey::Kind::exact;
      (exact ? by_host_[part.place.host.name] : patterns_).add(&part);
      all_.add(&part);
    }
  }

  std::vector<LintFinding> run(uint64_t& comparisons) {
    for (size_t first = 0; first < parts_.size();) first = find_taker(first);
    for (const Part& part : parts_) {
      each_near(part, [&](const Part& other) {
        const bool wins = ranks_before(*other.router, *part.router);
        wins ? compare(part, other) : compare(other, part);
        return faults_ < kLintFindingsMax;
      });
    }
    std::stable_sort(out_.begin(), out_.end(),
                     [](const LintFinding& a, const LintFinding& b) { return a.router < b.router; });
    comparisons = comparisons_;
    return std::move(out_);
  }

 private:
  // Those of other routers that may have a place in common with it and whose path is not below its own: of each two
  // parts, one is above the other.
  template <typename Visit>
  void each_near(const Part& part, Visit&& visit) {
    size_t visited = 0;
    auto bounded = [&](const Part& other) {
      ++comparisons_;
      if (++visited > kNeighboursMax) return false;
      return other.router == part.router || visit(other);
    };
    std::string_view text = part.place.path.text;
    if (part.place.host.kind != HostKey::Kind::exact) return all_.each_above(text, bounded);
    by_host_.at(part.place.host.name).each_above(text, bounded);
    patterns_.each_above(text, bounded);
  }

  // A router all of whose parts are taken by others. The index of the next router's first part.
  size_t find_taker(size_t first) {
    const Router& router = *parts_[first].router;
    std::set<std::string> takers;
    bool reachable = false;
    size_t at = first;
    for (; at < parts_.size() && parts_[at].router == &router; ++at) {
      const Router* taker = nullptr;
      each_near(parts_[at], [&](const Part& other) {
        if (takes_all(other, parts_[at]) && !serves_for(*other.router, router)) taker = other.router;
        return taker == nullptr;
      });
      reachable = reachable || taker == nullptr;
      if (taker != nullptr) takers.emplace(taker->name);
    }
    if (!reachable) {
      shadowed_.insert(&router);
      std::string names = join({takers.begin(), takers.end()}, ", ");
      add(Kind::shadowed, router, nullptr, "every request it matches goes to " + names, *takers.begin());
    }
    return at;
  }

  // A route of fabio's tags takes in the targets that commands give its source (RouteEdit::Kind::add); the command's
  // own router is there for when no tag has that source.
  static bool serves_for(const Router& first, const Router& second) {
    const std::string_view source = local_name(second.name);
    const std::string_view name = local_name(first.name);
    const bool behind = second.definition->path_order == PathOrder::command || second.priority + 1 == first.priority;
    return behind && first.rule() == second.rule() && name.size() > source.size() && name.ends_with(source);
  }

  // Whether `a` ranks before `b` and matches whatever `b` matches.
  static bool takes_all(const Part& a, const Part& b) {
    const Router& first = *a.router;
    const Router& second = *b.router;
    return ranks_before(first, second) && admits_all_of(first, second) && place_covers(a.place, b.place) &&
           holds_wherever(b.place, a.alternative->residual.get(), b.alternative->residual.get());
  }

  // Each pair is told once, at the router that loses.
  void compare(const Part& loser, const Part& winner) {
    if (shadowed_.contains(loser.router)) return;
    const Router& first = *winner.router;
    const Router& second = *loser.router;
    auto common = intersect(winner.place, loser.place);
    const Expression* residual_a = winner.alternative->residual.get();
    const Expression* residual_b = loser.alternative->residual.get();
    if (!common || !shares_connections(first, second) || !may_both_hold(*common, residual_a, residual_b)) return;
    const bool equal = first.priority == second.priority && second.definition->path_order == PathOrder::none;
    // One within the other is how routes are meant to be layered.
    if (!equal && (*common == winner.place || *common == loser.place)) return;
    if (!told_.emplace(loser.router, winner.router).second) return;
    if (equal) {
      return add(
          Kind::equal_priority, *loser.router, winner.router,
          "priority " + std::to_string(second.priority) + " as " + first.name + ", which has the requests both match");
    }
    add(Kind::note, *loser.router, winner.router,
        "some of its requests go to " + first.name + ", which is asked first");
  }

  void add(Kind kind, const Router& router, const Router* other, std::string reason, std::string name = "") {
    // Notes are often many: they leave no fault untold.
    size_t& count = kind == Kind::note ? notes_ : faults_;
    if (count >= kLintFindingsMax) return;
    ++count;
    if (other != nullptr) name = other->name;
    out_.push_back({kind, router.name, std::move(name), std::move(reason), router.definition->origin.text});
  }

  static constexpr size_t kNeighboursMax = 4'096;  // that one part is compared with: of more, some are not looked at

  std::vector<std::shared_ptr<const Rule>> rules_;
  std::vector<Part> parts_;  // by router; into the rules
  std::map<std::string, PathIndex> by_host_;
  PathIndex patterns_;  // hosts that are no single name
  PathIndex all_;
  size_t faults_ = 0;
  size_t notes_ = 0;
  std::set<const Router*> shadowed_;
  std::set<std::pair<const Router*, const Router*>> told_;  // loser, winner
  std::vector<LintFinding> out_;
  uint64_t comparisons_ = 0;
};

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::never_holds: return "never_holds";
    case Kind::shadowed: return "shadowed";
    case Kind::equal_priority: return "equal_priority";
    case Kind::entry_point: return "entry_point";
    case Kind::note: return "note";
  }
  return "unknown";
}

std::vector<LintFinding> lint(const RoutingTable& table, uint64_t* comparisons) {
  uint64_t counted = 0;
  auto findings = Linter(table).run(counted);
  if (comparisons != nullptr) *comparisons = counted;
  return findings;
}

std::vector<LintFinding> find_unknown_entry_points(const RoutingTable& table, const std::vector<std::string>& known) {
  std::vector<LintFinding> out;
  if (known.empty()) return out;
  for (const auto& router : table.routers()) {
    std::vector<std::string> unknown;
    for (const std::string& name : router->entry_points()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) unknown.push_back(name);
    }
    if (unknown.empty()) continue;
    const bool all = unknown.size() == router->entry_points().size();
    std::string reason = "no entry point is named " + join(unknown, ", ") + (all ? "; it answers nowhere" : "");
    out.push_back({Kind::entry_point, router->name, "", std::move(reason), router->definition->origin.text});
  }
  return out;
}

}  // namespace weir::routing
