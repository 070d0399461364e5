#include "routing/link.h"

#include <algorithm>

#include "weir/base/text.h"

namespace weir::routing {

namespace {

// What a router's names stand for.
struct Resolution {
  std::shared_ptr<const Service> service;
  std::vector<std::shared_ptr<const Middleware>> middlewares;
  std::string problem;                    // why it cannot serve; "" = it can
  std::string kept;                       // a middleware that is gone and was taken from the router as it was
  std::vector<std::string> chained = {};  // middlewares that no router names but a chain
};

constexpr size_t kChainDepthMax = 8;
constexpr size_t kRouterMiddlewaresMax = 256;

// Links one router. Lives for one call of link_router.
class Linker {
 public:
  Linker(const std::string& provider, const Parts& parts, const LinkedRouter* before)
      : provider_(provider), parts_(parts), before_(before) {}

  LinkOutcome link(const RouterSource& source, const std::shared_ptr<const LinkedRouter>& before);

 private:
  [[nodiscard]] const ProviderPart* part_of(std::string_view reference) const;
  [[nodiscard]] Resolution resolve(const RouterDefinition& definition) const;
  void add_middleware(std::string_view reference, const std::string& provider, size_t depth, Resolution& out) const;
  [[nodiscard]] std::shared_ptr<const Middleware> resolve_middleware(const std::string& name, Resolution& out) const;
  [[nodiscard]] std::shared_ptr<const Router> make_router(const RouterSource& source, Resolution resolution) const;
  void reject(const RouterSource& source, const std::string& reason);

  const std::string& provider_;
  const Parts& parts_;
  const LinkedRouter* before_;  // or null
  LinkOutcome out_;
};

LinkOutcome Linker::link(const RouterSource& source, const std::shared_ptr<const LinkedRouter>& before) {
  RouterSource in_force = source;
  Resolution resolution = resolve(*source.definition);
  if (!resolution.problem.empty()) {
    bool was_good = before_ != nullptr && before_->router->problem.empty();
    bool kept = false;
    if (was_good && *before_->in_force.definition != *source.definition) {
      Resolution last_good = resolve(*before_->in_force.definition);
      kept = last_good.problem.empty();
      if (kept) {
        in_force = before_->in_force;
        reject(source, resolution.problem + "; the last good version keeps serving");
        // What the newest version waits for is waited for.
        last_good.chained.insert(last_good.chained.end(), resolution.chained.begin(), resolution.chained.end());
        resolution = std::move(last_good);
      }
    }
    if (!kept) reject(source, resolution.problem + "; its requests are answered 503");
  }
  if (!resolution.kept.empty()) reject(source, resolution.kept);
  std::vector<std::string> chained = std::move(resolution.chained);
  auto router = make_router(in_force, std::move(resolution));
  bool same_chains = before_ != nullptr && (before_->chained ? *before_->chained == chained : chained.empty());
  bool same = same_chains && before_->router == router && before_->current.definition == source.definition &&
              before_->current.rule == source.rule && before_->in_force.definition == in_force.definition;
  if (same) {
    out_.router = before;
  } else {
    uint32_t slot = before_ != nullptr ? before_->slot : kNoSlot;
    out_.router = std::make_shared<const LinkedRouter>(
        LinkedRouter{source, std::move(in_force), std::move(router), slot,
                     chained.empty() ? nullptr : std::make_shared<const std::vector<std::string>>(std::move(chained))});
  }
  return std::move(out_);
}

std::string_view local_name(std::string_view reference) { return reference.substr(0, reference.rfind('@')); }

const ProviderPart* Linker::part_of(std::string_view reference) const {
  size_t at = reference.rfind('@');
  auto found = parts_.find(at == std::string_view::npos ? std::string_view(provider_) : reference.substr(at + 1));
  return found != parts_.end() ? found->second.get() : nullptr;
}

Resolution Linker::resolve(const RouterDefinition& definition) const {
  Resolution out;
  const ProviderPart* part = part_of(definition.service);
  const auto* service = part != nullptr ? part->services.find(local_name(definition.service)) : nullptr;
  if (service != nullptr) {
    out.service = (*service)->service;
  } else {
    out.problem = "service " + qualify(definition.service, provider_) + " does not exist";
  }
  for (const std::string& name : definition.middlewares) add_middleware(name, provider_, 0, out);
  return out;
}

// A chain is followed by what it names, each by the provider of the chain.
void Linker::add_middleware(std::string_view reference, const std::string& provider, size_t depth,
                            Resolution& out) const {
  std::string name = qualify(reference, provider);
  auto middleware = resolve_middleware(name, out);
  if (middleware == nullptr) return;
  out.middlewares.push_back(middleware);
  if (middleware->type != Middleware::Type::chain) return;
  if (depth == kChainDepthMax || out.middlewares.size() > kRouterMiddlewaresMax) {
    if (out.problem.empty()) out.problem = "middleware " + name + " is a chain without an end, or too long a one";
    return;
  }
  std::string its_provider(name.substr(name.rfind('@') + 1));
  for (const std::string& one : middleware->values) {
    if (!out.problem.empty()) return;
    out.chained.push_back(qualify(one, its_provider));
    add_middleware(one, its_provider, depth + 1, out);
  }
}

std::shared_ptr<const Middleware> Linker::resolve_middleware(const std::string& name, Resolution& out) const {
  const ProviderPart* part = part_of(name);
  const auto* found = part != nullptr ? part->middlewares.find(local_name(name)) : nullptr;
  if (found != nullptr) return (*found)->middleware;
  if (before_ != nullptr) {
    const auto& had = before_->router->middlewares;
    auto same = std::find_if(had.begin(), had.end(), [&](const auto& one) { return one->name == name; });
    if (same != had.end()) {
      out.kept = "middleware " + name + " is gone; its last version stays on this router";
      return *same;
    }
  }
  if (out.problem.empty()) out.problem = "middleware " + name + " does not exist";
  return nullptr;
}

std::shared_ptr<const Router> Linker::make_router(const RouterSource& source, Resolution resolution) const {
  const RouterDefinition& definition = *source.definition;
  Router made;
  made.name = qualify(definition.name, provider_);
  made.rule = definition.rule;
  made.priority = definition.priority != 0 ? definition.priority : static_cast<int64_t>(definition.rule.size());
  made.entry_points = definition.entry_points;
  made.tls = definition.tls;
  made.plain = definition.plain;
  made.tombstone = definition.tombstone;
  made.tls_options = definition.tls_options;
  made.problem = std::move(resolution.problem);
  if (made.problem.empty()) {
    made.middlewares = std::move(resolution.middlewares);
    made.service = std::move(resolution.service);
  } else {
    // Known, but without endpoints: the proxy answers 503. The same object as before where it says the same.
    Service empty{qualify(definition.service, provider_), {}, true, "wrr"};
    bool same = before_ != nullptr && !before_->router->problem.empty() && *before_->router->service == empty;
    made.service = same ? before_->router->service : std::make_shared<const Service>(std::move(empty));
  }
  if (before_ != nullptr && *before_->router == made) return before_->router;
  return std::make_shared<const Router>(std::move(made));
}

void Linker::reject(const RouterSource& source, const std::string& reason) {
  out_.rejected.push_back(
      {"router", qualify(source.definition->name, provider_), reason, source.definition->origin.text});
}

}  // namespace

LinkOutcome link_router(const std::string& provider, const RouterSource& source, const Parts& parts,
                        const std::shared_ptr<const LinkedRouter>& before) {
  return Linker(provider, parts, before.get()).link(source, before);
}

std::string use_prefix(char kind, std::string_view qualified_name) {
  uint64_t hash = fnv1a(qualified_name, fnv1a(std::string_view(&kind, 1)));
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(hash >> shift);
  return out;
}

std::vector<Use> uses_of(const LinkedRouter& router) {
  std::vector<Use> out;
  auto add_one = [&](char kind, const std::string& name) {
    Use use{};
    const std::string prefix = use_prefix(kind, qualify(name, router.provider()));
    std::copy(prefix.begin(), prefix.end(), use.key.begin());
    for (size_t i = 0; i < 4; ++i) use.key[8 + i] = static_cast<char>(router.slot >> (24 - 8 * i));
    out.push_back(use);
  };
  auto add = [&](const RouterDefinition& definition) {
    add_one('s', definition.service);
    for (const std::string& name : definition.middlewares) add_one('m', name);
  };
  add(*router.current.definition);
  if (router.in_force.definition != router.current.definition) add(*router.in_force.definition);
  if (router.chained) {
    for (const std::string& name : *router.chained) add_one('m', name);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace weir::routing
