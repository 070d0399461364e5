#include "routing/matcher.h"

#include <algorithm>
#include <bit>

#include "weir/base/check.h"
#include "weir/base/text.h"

namespace weir::routing {

// What changes under one host.
struct Matcher::Edit {
  std::vector<uint32_t> removed;  // slots; sorted before use
  std::vector<RouteEntry> added;
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
      edits[one.host].added.push_back(
          {change.priority, change.slot, one.path.exact, one.path.text, one.residual.get(), change.after});
    }
  }
  std::array<std::vector<HostKey>, kShards> touched;
  for (auto& [host, edit] : edits) {
    if (host.kind == HostKey::Kind::any) {
      out->any_host_ = out->edited(host, edit, slots);
    } else {
      touched[hash_of(host.kind, host.name) % kShards].push_back(host);
    }
  }
  for (size_t shard = 0; shard < kShards; ++shard) {
    if (!touched[shard].empty()) out->edit_shard(shard, edits, touched[shard], slots);
  }
  return out;
}

void Matcher::edit_shard(size_t shard, Edits& edits, const std::vector<HostKey>& hosts, const SlotTable& slots) {
  std::vector<Cell> occupied;
  for (const HostKey& host : hosts) {
    bool existed = find_host(host.kind, host.name) != nullptr;
    auto routes = edited(host, edits[host], slots);
    if (host.kind != HostKey::Kind::exact) {
      size_t& count = host.kind == HostKey::Kind::wildcard ? wildcards_ : suffixes_;
      count += (routes != nullptr ? 1U : 0U);
      count -= (existed ? 1U : 0U);
    }
    if (routes != nullptr) occupied.push_back({hash_of(host.kind, host.name), std::move(routes)});
  }
  if (shards_[shard] != nullptr) {
    for (const Cell& cell : shards_[shard]->cells) {
      if (cell.routes != nullptr && !edits.contains(cell.routes->host)) occupied.push_back(cell);
    }
  }
  shards_[shard] = occupied.empty() ? nullptr : std::make_shared<const Shard>(make_shard(std::move(occupied)));
}

std::shared_ptr<const Matcher::HostRoutes> Matcher::edited(const HostKey& host, Edit& edit,
                                                           const SlotTable& slots) const {
  const HostRoutes* before = host.kind == HostKey::Kind::any ? any_host_.get() : find_host(host.kind, host.name);
  std::vector<RouteEntry> entries = std::move(edit.added);
  if (before != nullptr) {
    std::sort(edit.removed.begin(), edit.removed.end());
    for (const RouteEntry& entry : before->tree.entries()) {
      if (!std::binary_search(edit.removed.begin(), edit.removed.end(), entry.slot)) entries.push_back(entry);
    }
  }
  if (entries.empty()) return nullptr;
  return std::make_shared<const HostRoutes>(HostRoutes{host, PathTree(std::move(entries), slots)});
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
  walk(request, [&](std::span<const RouteEntry> group) {
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
  walk(request, [&](std::span<const RouteEntry> group) {
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
  const auto& entry_points = router.entry_points;
  return entry_points.empty() ||
         std::find(entry_points.begin(), entry_points.end(), request.entry_point) != entry_points.end();
}

}  // namespace weir::routing
