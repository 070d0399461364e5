#include "routing/link.h"

#include <algorithm>

#include "routing/table_memory.h"
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

/// Traefik's name of a service that serves nothing, for routers whose middlewares answer: a redirect of all that comes.
constexpr std::string_view kNobody = "noop@internal";
constexpr size_t kChainDepthMax = 8;
constexpr size_t kRouterMiddlewaresMax = 256;

// Links one router. Lives for one call of link_router.
class Linker {
 public:
  Linker(const std::string& provider, const Parts& parts, const Router* before)
      : provider_(provider), parts_(parts), before_(before) {}

  LinkOutcome link(std::shared_ptr<const RouterDefinition> definition);

 private:
  [[nodiscard]] const ProviderPart* part_of(std::string_view reference) const;
  [[nodiscard]] Resolution resolve(const RouterDefinition& definition) const;
  void add_middleware(std::string_view reference, const std::string& provider, size_t depth, Resolution& out) const;
  [[nodiscard]] std::shared_ptr<const Middleware> resolve_middleware(const std::string& name, Resolution& out) const;
  void take_router(std::shared_ptr<const RouterDefinition> definition, Resolution resolution, Unlinked unlinked);
  void reject(const RouterDefinition& definition, const std::string& reason);

  const std::string& provider_;
  const Parts& parts_;
  const Router* before_;  // or null
  LinkOutcome out_;
};

LinkOutcome Linker::link(std::shared_ptr<const RouterDefinition> definition) {
  Resolution resolution = resolve(*definition);
  Unlinked unlinked;
  if (resolution.problem.empty()) {
    if (!resolution.kept.empty()) reject(*definition, resolution.kept);
    take_router(std::move(definition), std::move(resolution), std::move(unlinked));
    return std::move(out_);
  }
  // What the newest version waits for is waited for, whichever serves.
  unlinked.awaited = std::move(resolution.chained);
  bool was_good = before_ != nullptr && before_->problem().empty();
  if (was_good && *before_->definition != *definition) {
    Resolution last_good = resolve(*before_->definition);
    if (last_good.problem.empty()) {
      reject(*definition, resolution.problem + "; the last good version keeps serving");
      if (!last_good.kept.empty()) reject(*definition, last_good.kept);
      unlinked.newest = std::move(definition);
      take_router(before_->definition, std::move(last_good), std::move(unlinked));
      return std::move(out_);
    }
  }
  reject(*definition, resolution.problem + "; its requests are answered 503");
  if (!resolution.kept.empty()) reject(*definition, resolution.kept);
  unlinked.problem = std::move(resolution.problem);
  take_router(std::move(definition), {}, std::move(unlinked));
  return std::move(out_);
}

const ProviderPart* Linker::part_of(std::string_view reference) const {
  const bool qualified = reference.find('@') != std::string_view::npos;
  auto found = parts_.find(qualified ? provider_of(reference) : std::string_view(provider_));
  return found != parts_.end() ? found->second.get() : nullptr;
}

Resolution Linker::resolve(const RouterDefinition& definition) const {
  Resolution out;
  const ProviderPart* part = part_of(definition.service);
  const auto* service = part != nullptr ? part->services.find(local_name(definition.service)) : nullptr;
  if (service != nullptr) {
    out.service = (*service)->service;
  } else if (definition.service == kNobody) {
    static const auto nobody = std::make_shared<const Service>(Service{std::string(kNobody), {}, true, "wrr"});
    out.service = nobody;
  } else {
    const std::string missing = qualify(definition.service, provider_);
    const bool is_traefiks = provider_of(missing) == "internal";
    out.problem =
        "service " + missing +
        (is_traefiks ? " is Traefik's own; the edge's API and pages are at admin.address" : " does not exist");
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
  const std::string its_provider(provider_of(name));
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
    const auto& had = before_->middlewares;
    auto same = std::find_if(had.begin(), had.end(), [&](const auto& one) { return one->name == name; });
    if (same != had.end()) {
      out.kept = "middleware " + name + " is gone; its last version stays on this router";
      return *same;
    }
  }
  if (out.problem.empty()) out.problem = "middleware " + name + " does not exist";
  return nullptr;
}

void Linker::take_router(std::shared_ptr<const RouterDefinition> definition, Resolution resolution, Unlinked unlinked) {
  if (!unlinked.problem.empty()) {
    // Known, but without endpoints: the proxy answers 503. The same object as before where it says the same.
    Service empty{qualify(definition->service, provider_), {}, true, "wrr"};
    bool same = before_ != nullptr && !before_->problem().empty() && *before_->service == empty;
    resolution.service = same ? before_->service : make_shared_in_table<Service>(std::move(empty));
  }
  static const Unlinked kNone;
  const bool linked = unlinked == kNone;
  if (before_ != nullptr && before_->definition == definition && before_->service == resolution.service &&
      before_->middlewares == resolution.middlewares &&
      unlinked == (before_->unlinked != nullptr ? *before_->unlinked : kNone)) {
    return;
  }
  auto made = make_shared_in_table<Router>();
  made->name = qualify(definition->name, provider_);
  made->priority = definition->priority != 0 ? definition->priority : static_cast<int64_t>(definition->rule.size());
  made->middlewares = std::move(resolution.middlewares);
  made->service = std::move(resolution.service);
  if (!linked) made->unlinked = std::make_shared<const Unlinked>(std::move(unlinked));
  if (before_ != nullptr) made->slot = before_->slot;
  made->tls = definition->tls;
  made->plain = definition->plain;
  made->names_entry_points = !definition->entry_points.empty();
  made->tombstone = definition->tombstone;
  made->definition = std::move(definition);
  out_.router = std::move(made);
}

void Linker::reject(const RouterDefinition& definition, const std::string& reason) {
  out_.rejected.push_back({"router", qualify(definition.name, provider_), reason, definition.origin.text});
}

}  // namespace

LinkOutcome link_router(const std::string& provider, const std::shared_ptr<const RouterDefinition>& definition,
                        const Parts& parts, const Router* before) {
  return Linker(provider, parts, before).link(definition);
}

bool serve_the_same(const Router& a, const Router& b) {
  return *a.definition == *b.definition && a.middlewares == b.middlewares && a.service == b.service &&
         a.problem() == b.problem();
}

std::string use_prefix(char kind, std::string_view qualified_name) {
  uint64_t hash = fnv1a(qualified_name, fnv1a(std::string_view(&kind, 1)));
  std::string out;
  for (int shift = 56; shift >= 32; shift -= 8) out += static_cast<char>(hash >> shift);
  return out;
}

std::vector<Use> uses_of(const Router& router) {
  std::vector<Use> out;
  const std::string_view provider = provider_of(router);
  auto add_one = [&](char kind, const std::string& name) {
    Use use{};
    const std::string prefix = use_prefix(kind, qualify(name, provider));
    std::copy(prefix.begin(), prefix.end(), use.key.begin());
    for (size_t i = 0; i < 4; ++i) use.key[4 + i] = static_cast<char>(router.slot >> (24 - 8 * i));
    out.push_back(use);
  };
  auto add = [&](const RouterDefinition& definition) {
    add_one('s', definition.service);
    for (const std::string& name : definition.middlewares) add_one('m', name);
  };
  add(*router.definition);
  for (const auto& middleware : router.middlewares) add_one('m', middleware->name);  // those of chains, too
  if (router.unlinked != nullptr) {
    if (router.unlinked->newest != nullptr) add(*router.unlinked->newest);
    for (const std::string& name : router.unlinked->awaited) add_one('m', name);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace weir::routing
