#include "routing/matcher.h"

#include <algorithm>
#include <bit>

#include "routing/table_memory.h"
#include "weir/base/check.h"
#include "weir/base/prefetch.h"
#include "weir/base/text.h"

namespace weir::routing {

// What changes under one host.
struct Matcher::Edit {
  std::vector<uint32_t> removed;  // slots; sorted before use
  std::vector<HostRoute> added;   // paths point into the rules of the changes
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
      edits[one.host].added.push_back({change.priority, one.residual, change.slot, one.path.exact, one.path.text});
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
    if (routes == nullptr) continue;
    const uint32_t first_slot = routes->first_slot();
    occupied.push_back({hash_of(host.kind, host.name), std::move(routes), first_slot});
  }
  std::sort(replaced.begin(), replaced.end());
  if (shards_[shard].cells != nullptr) {
    for (const Cell& cell : std::span(shards_[shard].cells.get(), shards_[shard].mask + 1)) {
      bool stays = !std::binary_search(replaced.begin(), replaced.end(), cell.routes.get());
      if (cell.routes != nullptr && stays) occupied.push_back(cell);
    }
  }
  shards_[shard] = make_shard(std::move(occupied));
}

std::shared_ptr<const HostRoutes> Matcher::edited(HostEdit& edit, const SlotTable& slots) const {
  const HostKey& host = edit.first;
  std::vector<uint32_t>& removed = edit.second.removed;
  std::vector<HostRoute> routes = std::move(edit.second.added);
  const HostRoutes* before = host.kind == HostKey::Kind::any ? any_host_.get() : find_host(host.kind, host.name);
  if (before != nullptr) {
    std::sort(removed.begin(), removed.end());
    for (HostRoute& route : before->routes()) {
      if (!std::binary_search(removed.begin(), removed.end(), route.slot)) routes.push_back(std::move(route));
    }
  }
  return HostRoutes::make(host, std::move(routes), slots);
}

Matcher::Shard Matcher::make_shard(std::vector<Cell> occupied) {
  if (occupied.empty()) return {};
  const size_t count = std::bit_ceil(occupied.size() * 2);
  auto cells = make_shared_in_table<Cell[]>(count);
  for (Cell& cell : occupied) {
    size_t at = place_of(cell.hash, count - 1);
    while (cells[at].routes != nullptr) at = (at + 1) & (count - 1);
    cells[at] = std::move(cell);
  }
  return {std::move(cells), count - 1};
}

// The low bits chose the shard and are the same for all in it.
size_t Matcher::place_of(uint64_t hash, size_t mask) { return (hash >> 8) & mask; }

uint64_t Matcher::hash_of(HostKey::Kind kind, std::string_view name) {
  return content_hash(name) + static_cast<uint64_t>(kind) * 0x9e3779b97f4a7c15ULL;  // "d", "*.d" and "**.d" differ
}

/// The first cell of that hash that fits, whose routes are on their way then.
template <typename Fits>
const Matcher::Cell* Matcher::find_cell(uint64_t hash, Fits fits) const {
  const Shard& shard = shards_[hash % kShards];
  if (shard.cells == nullptr) return nullptr;
  for (size_t at = place_of(hash, shard.mask); shard.cells[at].routes != nullptr; at = (at + 1) & shard.mask) {
    const Cell& cell = shard.cells[at];
    if (cell.hash != hash) continue;
    cell.routes->prefetch();
    if (fits(cell)) return &cell;
  }
  return nullptr;
}

const HostRoutes* Matcher::find_host(HostKey::Kind kind, std::string_view name) const {
  const Cell* cell = find_cell(hash_of(kind, name), [&](const Cell& one) { return one.routes->is_of(kind, name); });
  return cell == nullptr ? nullptr : cell->routes.get();
}

uint64_t Matcher::prefetch_host(std::string_view name) const {
  const uint64_t hash = hash_of(HostKey::Kind::exact, name);
  const Shard& shard = shards_[hash % kShards];
  if (shard.cells != nullptr) prefetch(&shard.cells[place_of(hash, shard.mask)]);
  return hash;
}

const HostRoutes* Matcher::prefetch_routes(uint64_t hash, const SlotTable& slots) const {
  const Cell* cell = find_cell(hash, [](const Cell&) { return true; });
  if (cell == nullptr) return nullptr;
  slots.prefetch(cell->first_slot);
  return cell->routes.get();
}

// Calls visit for each group of entries whose keys fit: the most particular host first, since its routes mostly win and
// then the others need no evaluation.
template <typename Visit>
void Matcher::walk(const RequestView& request, Visit&& visit) const {
  if (const HostRoutes* routes = find_host(HostKey::Kind::exact, request.host)) routes->walk(request.path, visit);
  if (size_t dot = request.host.find('.'); wildcards_ > 0 && dot != 0 && dot != std::string_view::npos) {
    const HostRoutes* routes = find_host(HostKey::Kind::wildcard, request.host.substr(dot + 1));
    if (routes != nullptr) routes->walk(request.path, visit);
  }
  if (suffixes_ > 0) {
    // From the longest name up the tree of labels: as many steps as the host has dots.
    for (size_t dot = request.host.find('.'); dot != std::string_view::npos; dot = request.host.find('.', dot + 1)) {
      if (dot == 0) continue;
      const HostRoutes* routes = find_host(HostKey::Kind::suffix, request.host.substr(dot + 1));
      if (routes != nullptr) routes->walk(request.path, visit);
    }
  }
  if (any_host_ != nullptr) any_host_->walk(request.path, visit);
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
