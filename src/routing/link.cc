#include "routing/link.h"

#include <algorithm>

#include "routing/name_cursor.h"

namespace weir::routing {

namespace {

// What a router's names stand for.
struct Resolution {
  std::shared_ptr<const Service> service;
  std::vector<std::shared_ptr<const Middleware>> middlewares;
  std::string problem;  // why it cannot serve; "" = it can
  std::string kept;     // a middleware that is gone and was taken from the router as it was
};

// A provider that is referred to, and where in it the last hits were.
struct Target {
  std::shared_ptr<const ProviderPart> part;  // null: there is no such provider
  NameCursor<ServiceSource> services;
  NameCursor<MiddlewareSource> middlewares;
};

// Resolves the routers of one provider. Lives for one call of link_part.
class Linker {
 public:
  Linker(LinkedPart& out, const Parts& parts, const LinkedPart* previous) : out_(out), parts_(parts) {
    if (previous != nullptr) previous_ = NameCursor(previous->routers);
  }

  void link(const RouterSource& source);
  void record_dependencies();

 private:
  Target& target_of(std::string_view reference);
  Resolution resolve(const RouterDefinition& definition, const LinkedRouter* before);
  std::shared_ptr<const Middleware> resolve_middleware(std::string_view text, const LinkedRouter* before,
                                                       Resolution& out);
  [[nodiscard]] std::shared_ptr<const Router> make_router(const RouterSource& source, Resolution resolution,
                                                          const LinkedRouter* before) const;
  void reject(const RouterSource& source, const std::string& reason);

  LinkedPart& out_;
  const Parts& parts_;
  NameCursor<LinkedRouter> previous_;
  std::map<std::string, Target, std::less<>> targets_;  // by provider
};

void Linker::link(const RouterSource& source) {
  const LinkedRouter* before = previous_.find(source.definition->name);
  RouterSource in_force = source;
  Resolution resolution = resolve(*source.definition, before);
  if (!resolution.problem.empty()) {
    std::string kept;
    bool was_good = before != nullptr && before->router->problem.empty();
    if (was_good && *before->in_force.definition != *source.definition) {
      Resolution last_good = resolve(*before->in_force.definition, before);
      if (last_good.problem.empty()) {
        in_force = before->in_force;
        in_force.definition = std::make_shared<const RouterDefinition>(*in_force.definition);  // see table_state.h
        kept = "; the last good version keeps serving";
        reject(source, resolution.problem + kept);
        resolution = std::move(last_good);
      }
    }
    if (kept.empty()) reject(source, resolution.problem + "; its requests are answered 503");
  }
  if (!resolution.kept.empty()) reject(source, resolution.kept);
  auto router = make_router(in_force, std::move(resolution), before);
  out_.routers.push_back({std::move(in_force), std::move(router), before != nullptr ? before->slot : kNoSlot});
}

std::string_view local_name(std::string_view reference) { return reference.substr(0, reference.rfind('@')); }

Target& Linker::target_of(std::string_view reference) {
  size_t at = reference.rfind('@');
  std::string_view provider =
      at == std::string_view::npos ? std::string_view(out_.part->provider) : reference.substr(at + 1);
  if (auto known = targets_.find(provider); known != targets_.end()) return known->second;
  Target& target = targets_[std::string(provider)];
  if (auto found = parts_.find(provider); found != parts_.end()) {
    target.part = found->second;
    target.services = NameCursor(target.part->services);
    target.middlewares = NameCursor(target.part->middlewares);
  }
  return target;
}

Resolution Linker::resolve(const RouterDefinition& definition, const LinkedRouter* before) {
  Resolution out;
  const ServiceSource* service = target_of(definition.service).services.find(local_name(definition.service));
  if (service != nullptr) {
    out.service = service->service;
  } else {
    out.problem = "service " + qualify(definition.service, out_.part->provider) + " does not exist";
  }
  for (const std::string& name : definition.middlewares) {
    if (auto middleware = resolve_middleware(name, before, out)) out.middlewares.push_back(std::move(middleware));
  }
  return out;
}

std::shared_ptr<const Middleware> Linker::resolve_middleware(std::string_view text, const LinkedRouter* before,
                                                             Resolution& out) {
  if (const MiddlewareSource* found = target_of(text).middlewares.find(local_name(text))) return found->middleware;
  std::string name = qualify(text, out_.part->provider);
  if (before != nullptr) {
    const auto& had = before->router->middlewares;
    auto same = std::find_if(had.begin(), had.end(), [&](const auto& one) { return one->name == name; });
    if (same != had.end()) {
      out.kept = "middleware " + name + " is gone; its last version stays on this router";
      return *same;
    }
  }
  if (out.problem.empty()) out.problem = "middleware " + name + " does not exist";
  return nullptr;
}

// The common case, told without making a router: most of a provider's routers did not change.
bool says_the_same(const LinkedRouter& before, const RouterDefinition& definition, const Resolution& resolution) {
  const Router& router = *before.router;
  return resolution.problem.empty() && router.problem.empty() && router.service == resolution.service &&
         router.middlewares == resolution.middlewares && *before.in_force.definition == definition;
}

std::shared_ptr<const Router> Linker::make_router(const RouterSource& source, Resolution resolution,
                                                  const LinkedRouter* before) const {
  const RouterDefinition& definition = *source.definition;
  if (before != nullptr && says_the_same(*before, definition, resolution)) return before->router;
  Router made;
  made.name = qualify(definition.name, out_.part->provider);
  made.rule = definition.rule;
  made.priority = definition.priority != 0 ? definition.priority : static_cast<int64_t>(definition.rule.size());
  made.entry_points = definition.entry_points;
  made.tls = definition.tls;
  made.problem = std::move(resolution.problem);
  if (made.problem.empty()) {
    made.middlewares = std::move(resolution.middlewares);
    made.service = std::move(resolution.service);
  } else {
    // Known, but without endpoints: the proxy answers 503. The same object as before where it says the same.
    Service empty{qualify(definition.service, out_.part->provider), {}, true, "wrr"};
    bool same = before != nullptr && !before->router->problem.empty() && *before->router->service == empty;
    made.service = same ? before->router->service : std::make_shared<const Service>(std::move(empty));
  }
  if (before != nullptr && *before->router == made) return before->router;
  return std::make_shared<const Router>(std::move(made));
}

void Linker::reject(const RouterSource& source, const std::string& reason) {
  out_.rejected.push_back(
      {"router", qualify(source.definition->name, out_.part->provider), reason, source.definition->origin.text});
}

void Linker::record_dependencies() {
  target_of("@" + out_.part->provider);
  for (const auto& [provider, target] : targets_) out_.depends_on.emplace_back(provider, target.part);
}

}  // namespace

bool is_current(const LinkedPart& linked, const Parts& parts) {
  return std::all_of(linked.depends_on.begin(), linked.depends_on.end(), [&](const auto& dependency) {
    auto found = parts.find(dependency.first);
    return (found != parts.end() ? found->second : nullptr) == dependency.second;
  });
}

std::shared_ptr<LinkedPart> link_part(const std::shared_ptr<const ProviderPart>& part, const Parts& parts,
                                      const LinkedPart* previous) {
  auto out = std::make_shared<LinkedPart>();
  out->part = part;
  out->routers.reserve(part->routers.size());
  Linker linker(*out, parts, previous);
  for (const RouterSource& source : part->routers) linker.link(source);
  linker.record_dependencies();
  return out;
}

}  // namespace weir::routing
