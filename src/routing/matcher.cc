#include "routing/matcher.h"

#include <algorithm>
#include <bit>

#include "weir/base/check.h"
#include "weir/base/text.h"

namespace weir::routing {

// What changes under one host.
struct Matcher::Edit {
  std::vector<uint32_t> removed;       // slots; sorted before use
  std::vector<PathTree::Route> added;  // paths point into the rules of the changes
};

std::shared_ptr<const Matcher> Matcher::apply(const Matcher* previous, const std::vector<RouteChange>& changes,
                                              const SlotTable& slots) {
  auto out = previous != nullptr ? std::make_shared<Matcher>(*previous) : std::make_shared<Matcher>();
  Edits edits;
  for (const RouteChange& change : changes) {
    if (change.before != nullptr) {
      for (const Alternative& one : change.before->alternatives) edits[one.host].removed.push_back(change.slot);
    }
    if (change.after == nullptr) continue;
    for (const Alternative& one : change.after->alternatives) {
      edits[one.host].added.push_back({{change.priority, one.residual, change.slot, one.path.exact}, one.path.text});
    }
  }
  std::array<std::vector<HostEdit*>, kShards> touched;
  for (HostEdit& one : edits) {
    const HostKey& host = one.first;
    if (host.kind == HostKey::Kind::any) {
      out->any_host_ = out->edited(one, slots);
    } else {
      touched[hash_of(host.kind, host.name) % kShards].push_back(&one);
    }
  }
  for (size_t shard = 0; shard < kShards; ++shard) {
    if (!touched[shard].empty()) out->edit_shard(shard, touched[shard], slots);
  }
  return out;
}

void Matcher::edit_shard(size_t shard, const std::vector<HostEdit*>& edits, const SlotTable& slots) {
  std::vector<Cell> occupied;
  std::vector<const HostRoutes*> replaced;
  for (HostEdit* edit : edits) {
    const HostKey& host = edit->first;
    const HostRoutes* before = find_host(host.kind, host.name);
    if (before != nullptr) replaced.push_back(before);
    auto routes = edited(*edit, slots);
    if (host.kind != HostKey::Kind::exact) {
      size_t& count = host.kind == HostKey::Kind::wildcard ? wildcards_ : suffixes_;
      count += (routes != nullptr ? 1U : 0U);
      count -= (before != nullptr ? 1U : 0U);
    }
    if (routes != nullptr) occupied.push_back({hash_of(host.kind, host.name), std::move(routes)});
  }
  std::sort(replaced.begin(), replaced.end());
  if (shards_[shard] != nullptr) {
    for (const Cell& cell : shards_[shard]->cells) {
      bool stays = !std::binary_search(replaced.begin(), replaced.end(), cell.routes.get());
      if (cell.routes != nullptr && stays) occupied.push_back(cell);
    }
  }
  shards_[shard] = occupied.empty() ? nullptr : std::make_shared<const Shard>(make_shard(std::move(occupied)));
}

std::shared_ptr<const Matcher::HostRoutes> Matcher::edited(HostEdit& edit, const SlotTable& slots) const {
  const HostKey& host = edit.first;
  std::vector<uint32_t>& removed = edit.second.removed;
  std::vector<PathTree::Route> routes = std::move(edit.second.added);
  const HostRoutes* before = host.kind == HostKey::Kind::any ? any_host_.get() : find_host(host.kind, host.name);
  if (before != nullptr) {
    std::sort(removed.begin(), removed.end());
    for (PathTree::Route& route : before->tree.routes()) {
      if (!std::binary_search(removed.begin(), removed.end(), route.entry.slot)) routes.push_back(std::move(route));
    }
  }
  if (routes.empty()) return nullptr;
  return std::make_shared<const HostRoutes>(HostRoutes{host, PathTree(std::move(routes), slots)});
}

Matcher::Shard Matcher::make_shard(std::vector<Cell> occupied) {
  Shard out;
  out.cells.resize(std::bit_ceil(occupied.size() * 2));
  size_t mask = out.cells.size() - 1;
  for (Cell& cell : occupied) {
    // The low bits chose the shard and are the same for all in it.
    size_t at = (cell.hash >> 8) & mask;
    while (out.cells[at].routes != nullptr) at = (at + 1) & mask;
    out.cells[at] = std::move(cell);
  }
  return out;
}

uint64_t Matcher::hash_of(HostKey::Kind kind, std::string_view name) {
  // Any other seeds will do: they keep "d", "*.d" and "**.d" apart.
  if (kind == HostKey::Kind::wildcard) return fnv1a(name, 1099511628211ULL);
  return kind == HostKey::Kind::suffix ? fnv1a(name, 1469598103934665603ULL) : fnv1a(name);
}

const Matcher::HostRoutes* Matcher::find_host(HostKey::Kind kind, std::string_view name) const {
  uint64_t hash = hash_of(kind, name);
  const Shard* shard = shards_[hash % kShards].get();
  if (shard == nullptr) return nullptr;
  size_t mask = shard->cells.size() - 1;
  for (size_t at = (hash >> 8) & mask; shard->cells[at].routes != nullptr; at = (at + 1) & mask) {
    const Cell& cell = shard->cells[at];
    if (cell.hash == hash && cell.routes->host.kind == kind && cell.routes->host.name == name) return cell.routes.get();
  }
  return nullptr;
}

// Calls visit for each group of entries whose keys fit: the most particular host first, since its routes mostly win and
// then the others need no evaluation.
template <typename Visit>
void Matcher::walk(const RequestView& request, Visit&& visit) const {
  if (const HostRoutes* routes = find_host(HostKey::Kind::exact, request.host)) routes->tree.walk(request.path, visit);
  if (size_t dot = request.host.find('.'); wildcards_ > 0 && dot != 0 && dot != std::string_view::npos) {
    const HostRoutes* routes = find_host(HostKey::Kind::wildcard, request.host.substr(dot + 1));
    if (routes != nullptr) routes->tree.walk(request.path, visit);
  }
  if (suffixes_ > 0) {
    // From the longest name up the tree of labels: as many steps as the host has dots.
    for (size_t dot = request.host.find('.'); dot != std::string_view::npos; dot = request.host.find('.', dot + 1)) {
      if (dot == 0) continue;
      const HostRoutes* routes = find_host(HostKey::Kind::suffix, request.host.substr(dot + 1));
      if (routes != nullptr) routes->tree.walk(request.path, visit);
    }
  }
  if (any_host_ != nullptr) any_host_->tree.walk(request.path, visit);
}

const Router* Matcher::find(const RequestView& request, const SlotTable& slots) const {
  const Router* best = nullptr;
  walk(request, [&](const auto& group) {
    for (const RouteEntry& entry : group) {
      // A group stands in the order it ranks: what comes behind this one is no better.
      if (best != nullptr && entry.priority < best->priority) return;
      const Router* router = slots[entry.slot];
      ASSERT(router != nullptr);
      if (best != nullptr && !ranks_before(*router, *best)) return;
      if (!admits(*router, request) || (entry.residual != nullptr && !holds(*entry.residual, request))) continue;
      best = router;
      return;
    }
  });
  return best;
}

std::vector<const Router*> Matcher::find_all(const RequestView& request, const SlotTable& slots) const {
  std::vector<const Router*> out;
  walk(request, [&](const auto& group) {
    for (const RouteEntry& entry : group) {
      if (entry.residual == nullptr || holds(*entry.residual, request)) out.push_back(slots[entry.slot]);
    }
  });
  std::sort(out.begin(), out.end(), [](const Router* a, const Router* b) { return ranks_before(*a, *b); });
  out.erase(std::unique(out.begin(), out.end()), out.end());  // more than one alternative may hold
  return out;
}

const void* Matcher::tree_identity(const HostKey& host) const {
  return host.kind == HostKey::Kind::any ? any_host_.get() : find_host(host.kind, host.name);
}

bool admits(const Router& router, const RequestView& request) {
  if (request.tls ? router.plain : router.tls) return false;
  if (!router.names_entry_points) return true;
  const auto& names = router.entry_points();
  return std::find(names.begin(), names.end(), request.entry_point) != names.end();
}

}  // namespace weir::routing
