#include "weir/routing/lint.h"

#include <algorithm>
#include <map>
#include <set>

#include "routing/place.h"
#include "routing/table_state.h"

namespace weir::routing {

namespace {

using Kind = LintFinding::Kind;

// One alternative of one router's rule.
struct Part {
  const LinkedRouter* router = nullptr;
  const Alternative* alternative = nullptr;
};

Place place_of(const Part& part) {
  Place place{part.alternative->host, part.alternative->path};
  if (!place.path.exact && place.path.text.empty()) place.path.text = "/";  // as every path begins
  return place;
}

// A cheap first look: most pairs differ in their paths.
bool paths_meet(const Part& a, const Part& b) {
  std::string_view one = a.alternative->path.text;
  std::string_view other = b.alternative->path.text;
  return one.starts_with(other) || other.starts_with(one);
}

bool place_covers(const Place& a, const Place& b) {
  auto common = intersect(a, b);
  return common && *common == b;
}

// The predicates that must all hold, as far as they are plain to see.
std::vector<const Expression*> required(const Expression* residual) {
  std::vector<const Expression*> out;
  if (residual == nullptr) return out;
  if (residual->kind != Expression::Kind::conjunction) return {residual};
  for (const Expression& operand : residual->operands) out.push_back(&operand);
  return out;
}

bool exclude(const Expression& a, const Expression& b) {
  if (a.kind == Expression::Kind::negation && a.operands.front() == b) return true;
  if (b.kind == Expression::Kind::negation && b.operands.front() == a) return true;
  if (a.kind != Expression::Kind::predicate || b.kind != Expression::Kind::predicate) return false;
  bool methods = a.predicate.kind == Predicate::Kind::method && b.predicate.kind == Predicate::Kind::method;
  return methods && a.predicate.value != b.predicate.value;
}

bool may_both_hold(const Expression* a, const Expression* b) {
  for (const Expression* one : required(a)) {
    for (const Expression* other : required(b)) {
      if (exclude(*one, *other)) return false;
    }
  }
  return true;
}

// Whether `a` holds wherever `b` does: everything it asks for is asked for by `b` too.
bool holds_wherever(const Expression* a, const Expression* b) {
  auto of_b = required(b);
  auto of_a = required(a);
  return std::all_of(of_a.begin(), of_a.end(), [&](const Expression* wanted) {
    return std::any_of(of_b.begin(), of_b.end(), [&](const Expression* one) { return *one == *wanted; });
  });
}

bool shares_connections(const Router& a, const Router& b) {
  if ((a.tls && b.plain) || (a.plain && b.tls)) return false;
  if (a.entry_points.empty() || b.entry_points.empty()) return true;
  return std::any_of(a.entry_points.begin(), a.entry_points.end(), [&](const std::string& name) {
    return std::find(b.entry_points.begin(), b.entry_points.end(), name) != b.entry_points.end();
  });
}

bool admits_all_of(const Router& a, const Router& b) {
  if ((a.tls && !b.tls) || (a.plain && !b.plain)) return false;
  if (a.entry_points.empty()) return true;
  return !b.entry_points.empty() &&
         std::all_of(b.entry_points.begin(), b.entry_points.end(), [&](const std::string& name) {
           return std::find(a.entry_points.begin(), a.entry_points.end(), name) != a.entry_points.end();
         });
}

/// Looks at one table. Used once.
class Linter {
 public:
  explicit Linter(const TableState& state) {
    for (const auto& router : state.routers) {
      if (router->router->tombstone || !router->router->problem.empty()) continue;
      const auto& alternatives = router->in_force.rule->alternatives;
      if (alternatives.empty()) add(Kind::never_holds, *router, nullptr, "no request can match its rule");
      for (const Alternative& one : alternatives) {
        bool exact = one.host.kind == HostKey::Kind::exact;
        (exact ? by_host_[one.host.name] : rest_).push_back({router.get(), &one});
      }
      if (!alternatives.empty()) routers_.push_back(router.get());
    }
  }

  std::vector<LintFinding> run() {
    for (const LinkedRouter* router : routers_) look_at(*router);
    std::stable_sort(out_.begin(), out_.end(),
                     [](const LintFinding& a, const LintFinding& b) { return a.router < b.router; });
    return std::move(out_);
  }

 private:
  // Those of other routers that may have a place in common with it.
  template <typename Visit>
  void each_near(const Alternative& alternative, Visit&& visit) const {
    if (alternative.host.kind == HostKey::Kind::exact) {
      for (const Part& part : by_host_.at(alternative.host.name)) visit(part);
    } else {
      for (const auto& [name, parts] : by_host_) {
        for (const Part& part : parts) visit(part);
      }
    }
    for (const Part& part : rest_) visit(part);
  }

  void look_at(const LinkedRouter& router) {
    std::set<std::string> shadows;
    bool reachable = false;
    for (const Alternative& one : router.in_force.rule->alternatives) {
      const LinkedRouter* taker = nullptr;
      each_near(one, [&](const Part& other) {
        if (taker == nullptr && takes_all(other, {&router, &one})) taker = other.router;
      });
      reachable = reachable || taker == nullptr;
      if (taker != nullptr) shadows.emplace(taker->router->name);
    }
    if (!reachable) {
      std::string names;
      for (const std::string& name : shadows) names += (names.empty() ? "" : ", ") + name;
      return add(Kind::shadowed, router, nullptr, "every request it matches goes to " + names, *shadows.begin());
    }
    std::set<const LinkedRouter*> told;
    for (const Alternative& one : router.in_force.rule->alternatives) {
      each_near(one, [&](const Part& other) { compare({&router, &one}, other, told); });
    }
  }

  // Whether `a` ranks before `b` and matches whatever `b` matches.
  static bool takes_all(const Part& a, const Part& b) {
    const Router& first = *a.router->router;
    const Router& second = *b.router->router;
    return a.router != b.router && paths_meet(a, b) && ranks_before(first, second) && admits_all_of(first, second) &&
           place_covers(place_of(a), place_of(b)) &&
           holds_wherever(a.alternative->residual.get(), b.alternative->residual.get());
  }

  // Each pair is told once, at the router that loses.
  void compare(const Part& loser, const Part& winner, std::set<const LinkedRouter*>& told) {
    const Router& first = *winner.router->router;
    const Router& second = *loser.router->router;
    if (loser.router == winner.router || !paths_meet(winner, loser) || !ranks_before(first, second)) return;
    if (told.contains(winner.router)) return;
    Place a = place_of(winner);
    Place b = place_of(loser);
    auto common = intersect(a, b);
    const Expression* residual_a = winner.alternative->residual.get();
    const Expression* residual_b = loser.alternative->residual.get();
    if (!common || !shares_connections(first, second) || !may_both_hold(residual_a, residual_b)) return;
    if (first.priority == second.priority) {
      told.insert(winner.router);
      return add(
          Kind::equal_priority, *loser.router, winner.router,
          "priority " + std::to_string(second.priority) + " as " + first.name + ", which has the requests both match");
    }
    // One within the other is how routes are meant to be layered.
    if (*common == a || *common == b) return;
    told.insert(winner.router);
    add(Kind::note, *loser.router, winner.router,
        "some of its requests go to " + first.name + ", whose priority is higher");
  }

  void add(Kind kind, const LinkedRouter& router, const LinkedRouter* other, std::string reason,
           std::string name = "") {
    if (out_.size() >= kLintFindingsMax) return;
    if (other != nullptr) name = other->router->name;
    out_.push_back(
        {kind, router.router->name, std::move(name), std::move(reason), router.in_force.definition->origin.text});
  }

  std::vector<const LinkedRouter*> routers_;
  std::map<std::string, std::vector<Part>> by_host_;
  std::vector<Part> rest_;  // hosts that are no single name
  std::vector<LintFinding> out_;
};

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::never_holds: return "never_holds";
    case Kind::shadowed: return "shadowed";
    case Kind::equal_priority: return "equal_priority";
    case Kind::note: return "note";
  }
  return "unknown";
}

std::vector<LintFinding> lint(const RoutingTable& table) {
  return table.state_ != nullptr ? Linter(*table.state_).run() : std::vector<LintFinding>();
}

}  // namespace weir::routing
