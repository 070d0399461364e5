#include "routing/place.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace weir::routing {

namespace {

// Whether every host of `b` is one of `a`; neither is any, and they are not equal. Of two that are not, none covers the
// other only where they have no host in common.
bool covers(const HostKey& a, const HostKey& b) {
  switch (a.kind) {
    case HostKey::Kind::any: return true;
    case HostKey::Kind::exact: return false;
    case HostKey::Kind::wildcard: return b.kind == HostKey::Kind::exact && is_one_label_below(b.name, a.name);
    case HostKey::Kind::suffix:
      return is_below(b.name, a.name) || (b.kind == HostKey::Kind::wildcard && b.name == a.name);
  }
  return false;
}

std::optional<HostKey> intersect(const HostKey& a, const HostKey& b) {
  if (a.kind == HostKey::Kind::any) return b;
  if (b.kind == HostKey::Kind::any) return a;
  if (a == b) return a;
  if (covers(a, b)) return b;
  return covers(b, a) ? std::optional(a) : std::nullopt;
}

bool contains(const PathKey& key, std::string_view path) {
  return key.exact ? path == key.text : path.starts_with(key.text);
}

std::optional<PathKey> intersect(const PathKey& a, const PathKey& b) {
  if (a.exact || b.exact) {
    const PathKey& exact = a.exact ? a : b;
    return contains(a.exact ? b : a, exact.text) ? std::optional(exact) : std::nullopt;
  }
  if (contains(a, b.text)) return b;
  return contains(b, a.text) ? std::optional(a) : std::nullopt;
}

using Places = std::vector<Place>;

void sort_unique(Places& places) {
  std::sort(places.begin(), places.end());
  // Everywhere includes all others.
  if (!places.empty() && places.front() == Place{}) places.resize(1);
  places.erase(std::unique(places.begin(), places.end()), places.end());
}

Places cover_both(const Places& a, const Places& b, size_t places_max) {
  if (a.size() > places_max / std::max<size_t>(b.size(), 1)) return a.size() < b.size() ? a : b;
  Places out;
  for (const Place& one : a) {
    for (const Place& other : b) {
      if (auto place = intersect(one, other)) out.push_back(std::move(*place));
    }
  }
  sort_unique(out);
  return out;
}

Places cover_predicate(const Predicate& predicate) {
  switch (predicate.kind) {
    case Predicate::Kind::host: return {{{HostKey::Kind::exact, predicate.value}, {}}};
    case Predicate::Kind::host_wildcard: return {{{HostKey::Kind::wildcard, predicate.value}, {}}};
    case Predicate::Kind::host_suffix: return {{{HostKey::Kind::suffix, predicate.value}, {}}};
    case Predicate::Kind::path: return {{{}, {predicate.value, true}}};
    case Predicate::Kind::path_prefix: return {{{}, {predicate.value, false}}};
    case Predicate::Kind::host_regexp:
    case Predicate::Kind::path_regexp:
    case Predicate::Kind::host_port:
    case Predicate::Kind::method:
    case Predicate::Kind::header:
    case Predicate::Kind::header_regexp:
    case Predicate::Kind::query:
    case Predicate::Kind::query_regexp:
    case Predicate::Kind::client_ip: break;
  }
  return {Place{}};
}

// Negations are carried down to the predicates: !(a || b) is covered as !a && !b, so a double negation costs nothing.
Places cover(const Expression& expression, bool negated, size_t places_max) {
  switch (expression.kind) {
    case Expression::Kind::always:
    case Expression::Kind::never:
      return (expression.kind == Expression::Kind::always) == negated ? Places{} : Places{Place{}};
    case Expression::Kind::predicate: return negated ? Places{Place{}} : cover_predicate(expression.predicate);
    case Expression::Kind::negation: return cover(expression.operands.front(), !negated, places_max);
    case Expression::Kind::conjunction:
    case Expression::Kind::disjunction: break;
  }
  bool all = (expression.kind == Expression::Kind::conjunction) != negated;
  Places out = all ? Places{Place{}} : Places{};
  for (const Expression& operand : expression.operands) {
    Places places = cover(operand, negated, places_max);
    if (all) {
      out = cover_both(out, places, places_max);
    } else {
      std::move(places.begin(), places.end(), std::back_inserter(out));
    }
  }
  sort_unique(out);
  return out.size() > places_max ? Places{Place{}} : out;
}

bool names_host(const Predicate& predicate) {
  return predicate.kind == Predicate::Kind::host || predicate.kind == Predicate::Kind::host_wildcard ||
         predicate.kind == Predicate::Kind::host_suffix;
}

bool names_path(const Predicate& predicate) {
  return predicate.kind == Predicate::Kind::path || predicate.kind == Predicate::Kind::path_prefix;
}

// Nothing: the place does not decide it.
using Truth = std::optional<bool>;

Truth decide_host(const Predicate& predicate, const HostKey& key) {
  if (key.kind == HostKey::Kind::exact) {
    RequestView request;
    request.host = key.name;
    return holds(predicate, request);
  }
  if (key.kind == HostKey::Kind::any || predicate.kind == Predicate::Kind::host_regexp) return std::nullopt;
  HostKey::Kind kind = predicate.kind == Predicate::Kind::host            ? HostKey::Kind::exact
                       : predicate.kind == Predicate::Kind::host_wildcard ? HostKey::Kind::wildcard
                                                                          : HostKey::Kind::suffix;
  HostKey asked{kind, predicate.value};
  if (asked == key || covers(asked, key)) return true;
  return covers(key, asked) ? Truth() : Truth(false);
}

Truth decide_path(const Predicate& predicate, const PathKey& key) {
  if (key.exact) {
    RequestView request;
    request.path = key.text;
    return holds(predicate, request);
  }
  std::string_view value = predicate.value;
  if (predicate.kind == Predicate::Kind::path_regexp) return std::nullopt;
  if (predicate.kind == Predicate::Kind::path_prefix && key.text.starts_with(value)) return true;
  return value.starts_with(key.text) ? Truth() : Truth(false);
}

Truth decide(const Predicate& predicate, const Place& place) {
  switch (predicate.kind) {
    case Predicate::Kind::host:
    case Predicate::Kind::host_wildcard:
    case Predicate::Kind::host_suffix:
    case Predicate::Kind::host_regexp: return decide_host(predicate, place.host);
    case Predicate::Kind::path:
    case Predicate::Kind::path_prefix:
    case Predicate::Kind::path_regexp: return decide_path(predicate, place.path);
    case Predicate::Kind::host_port:
    case Predicate::Kind::method:
    case Predicate::Kind::header:
    case Predicate::Kind::header_regexp:
    case Predicate::Kind::query:
    case Predicate::Kind::query_regexp:
    case Predicate::Kind::client_ip: break;
  }
  return std::nullopt;
}

Expression constant(bool value) { return {value ? Expression::Kind::always : Expression::Kind::never, {}, {}}; }

// A conjunction drops operands that always hold and ends at one that never does; a disjunction the other way round.
Expression reduce_chain(const Expression& expression, const Place& place) {
  bool all = expression.kind == Expression::Kind::conjunction;
  auto neutral = all ? Expression::Kind::always : Expression::Kind::never;
  auto decisive = all ? Expression::Kind::never : Expression::Kind::always;
  Expression out{expression.kind, {}, {}};
  for (const Expression& operand : expression.operands) {
    Expression reduced = reduce(operand, place);
    if (reduced.kind == decisive) return reduced;
    if (reduced.kind != neutral) out.operands.push_back(std::move(reduced));
  }
  if (out.operands.empty()) return constant(all);
  if (out.operands.size() > 1) return out;
  Expression only = std::move(out.operands.front());
  return only;
}

}  // namespace

std::optional<Place> intersect(const Place& a, const Place& b) {
  auto host = intersect(a.host, b.host);
  auto path = intersect(a.path, b.path);
  if (!host || !path) return std::nullopt;
  return Place{std::move(*host), std::move(*path)};
}

std::optional<Place> only_place(const Expression& expression) {
  const bool joined = expression.kind == Expression::Kind::conjunction;
  if (!joined && expression.kind != Expression::Kind::predicate) return std::nullopt;
  const Predicate* host = nullptr;
  const Predicate* path = nullptr;
  for (const Expression& one : joined ? std::span(expression.operands) : std::span(&expression, 1)) {
    if (one.kind != Expression::Kind::predicate) return std::nullopt;
    const Predicate*& known = names_host(one.predicate) ? host : path;
    const bool second = known != nullptr;
    if (second || (!names_host(one.predicate) && !names_path(one.predicate))) return std::nullopt;
    known = &one.predicate;
  }
  Place out;
  if (host != nullptr) {
    out.host.kind = host->kind == Predicate::Kind::host            ? HostKey::Kind::exact
                    : host->kind == Predicate::Kind::host_wildcard ? HostKey::Kind::wildcard
                                                                   : HostKey::Kind::suffix;
    out.host.name = host->value;
  }
  if (path != nullptr) out.path = {path->value, path->kind == Predicate::Kind::path};
  return out;
}

std::vector<Place> cover(const Expression& expression, size_t places_max) {
  return cover(expression, false, places_max);
}

Expression reduce(const Expression& expression, const Place& place) {
  switch (expression.kind) {
    case Expression::Kind::always:
    case Expression::Kind::never: return expression;
    case Expression::Kind::predicate: {
      Truth truth = decide(expression.predicate, place);
      return truth ? constant(*truth) : expression;
    }
    case Expression::Kind::negation: {
      Expression operand = reduce(expression.operands.front(), place);
      if (operand.kind == Expression::Kind::always) return constant(false);
      if (operand.kind == Expression::Kind::never) return constant(true);
      Expression out{Expression::Kind::negation, {}, {}};
      out.operands.push_back(std::move(operand));
      return out;
    }
    case Expression::Kind::conjunction:
    case Expression::Kind::disjunction: return reduce_chain(expression, place);
  }
  return expression;
}

}  // namespace weir::routing
