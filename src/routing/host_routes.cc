#include "routing/host_routes.h"

#include <algorithm>
#include <new>

#include "routing/table_memory.h"

namespace weir::routing {
namespace {
constexpr size_t kChildrenOneByOne = 8;  // halving costs more for so few
}

// Entries [begin, end) share `depth` bytes; `node` is to hold what follows.
struct HostRoutes::Range {
  uint32_t node = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  size_t depth = 0;
};

// Puts the parts together before their sizes are known. Used once.
class HostRoutes::Builder {
 public:
  /// `routes` are sorted.
  explicit Builder(const std::vector<HostRoute>& routes) {
    add(routes);
    std::vector<Range> rest = {{0, 0, static_cast<uint32_t>(entries_.size()), 0}};
    nodes_.emplace_back();
    for (size_t i = 0; i < rest.size(); ++i) {
      Range range = rest[i];  // a copy: fill appends to `rest`
      fill(range, rest);
    }
  }
  [[nodiscard]] std::shared_ptr<const HostRoutes> make(const HostKey& host) const;

 private:
  struct Piece {  // of text_
    uint32_t at = 0;
    uint32_t size = 0;
  };
  void add(const std::vector<HostRoute>& routes);
  void fill(const Range& range, std::vector<Range>& rest);
  [[nodiscard]] std::string_view path(uint32_t entry) const {
    return {text_.data() + paths_[entry].at, paths_[entry].size};
  }

  std::vector<RouteEntry> entries_;
  std::vector<Piece> paths_;  // of each entry
  std::vector<Owner> owners_;
  std::vector<Node> nodes_;
  std::vector<char> text_;
};

std::shared_ptr<const HostRoutes> HostRoutes::make(const HostKey& host, std::vector<HostRoute> routes,
                                                   const SlotTable& slots) {
  if (routes.empty()) return nullptr;
  std::sort(routes.begin(), routes.end(), [&](const HostRoute& a, const HostRoute& b) {
    if (a.path != b.path) return a.path < b.path;
    if (a.exact != b.exact) return b.exact;
    return ranks_before(*slots[a.slot], *slots[b.slot]);
  });
  return Builder(routes).make(host);
}

// Entries and the text of their paths, which equal paths share.
void HostRoutes::Builder::add(const std::vector<HostRoute>& routes) {
  auto is_new = [&](size_t i) { return i == 0 || routes[i].path != routes[i - 1].path; };
  size_t bytes = 0;
  for (size_t i = 0; i < routes.size(); ++i) bytes += is_new(i) ? routes[i].path.size() : 0;
  text_.reserve(bytes);
  entries_.reserve(routes.size());
  paths_.reserve(routes.size());
  Piece path;
  for (size_t i = 0; i < routes.size(); ++i) {
    const HostRoute& route = routes[i];
    if (is_new(i)) {
      path = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(route.path.size())};
      text_.insert(text_.end(), route.path.begin(), route.path.end());
    }
    entries_.push_back(
        {route.priority, route.residual.get(), route.slot, static_cast<uint16_t>(path.size), route.exact, is_new(i)});
    paths_.push_back(path);
    if (route.residual != nullptr) owners_.push_back(route.residual);
  }
}

void HostRoutes::Builder::fill(const Range& range, std::vector<Range>& rest) {
  // The entries are sorted, so what the first and the last have in common all of them have.
  std::string_view first = path(range.begin);
  std::string_view last = path(range.end - 1);
  auto common =
      static_cast<size_t>(std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first - first.begin());
  Node node;
  node.label_at = static_cast<uint32_t>(paths_[range.begin].at + range.depth);
  node.label_size = static_cast<uint16_t>(common - range.depth);
  node.first_entry = range.begin;
  uint32_t at = range.begin;
  while (at < range.end && paths_[at].size == common) {
    ++(entries_[at].exact ? node.exact_count : node.prefix_count);
    ++at;
  }
  node.first_child = static_cast<uint32_t>(nodes_.size());
  while (at < range.end) {
    uint32_t end = at;
    while (end < range.end && path(end)[common] == path(at)[common]) ++end;
    rest.push_back({static_cast<uint32_t>(nodes_.size()), at, end, common});
    nodes_.emplace_back();
    ++node.child_count;
    at = end;
  }
  nodes_[range.node] = node;
}

std::shared_ptr<const HostRoutes> HostRoutes::Builder::make(const HostKey& host) const {
  HostRoutes sizes;
  sizes.name_size_ = static_cast<uint32_t>(host.name.size());
  sizes.node_count_ = static_cast<uint32_t>(nodes_.size());
  sizes.entry_count_ = static_cast<uint32_t>(entries_.size());
  sizes.owner_count_ = static_cast<uint32_t>(owners_.size());
  sizes.text_size_ = static_cast<uint32_t>(text_.size());
  void* memory = TableMemory::allocate(sizes.size());
  auto* made = new (memory) HostRoutes;
  made->kind_ = host.kind;
  made->name_size_ = sizes.name_size_;
  made->node_count_ = sizes.node_count_;
  made->entry_count_ = sizes.entry_count_;
  made->owner_count_ = sizes.owner_count_;
  made->text_size_ = sizes.text_size_;
  char* bytes = reinterpret_cast<char*>(made + 1);
  std::copy(host.name.begin(), host.name.end(), bytes);
  std::uninitialized_copy(nodes_.begin(), nodes_.end(), reinterpret_cast<Node*>(bytes + made->nodes_at()));
  std::uninitialized_copy(entries_.begin(), entries_.end(), reinterpret_cast<RouteEntry*>(bytes + made->entries_at()));
  std::uninitialized_copy(owners_.begin(), owners_.end(), reinterpret_cast<Owner*>(bytes + made->owners_at()));
  std::copy(text_.begin(), text_.end(), bytes + made->text_at());
  return {made, Destroy()};
}

void HostRoutes::Destroy::operator()(const HostRoutes* routes) const {
  std::destroy_n(routes->owners(), routes->owner_count_);
  const size_t bytes = routes->size();
  routes->~HostRoutes();
  TableMemory::release(const_cast<HostRoutes*>(routes), bytes);
}

std::vector<HostRoute> HostRoutes::routes() const {
  std::vector<HostRoute> out;
  out.reserve(entry_count_);
  const Owner* owner = owners();
  const char* next_path = text();
  std::string_view path;
  for (const RouteEntry& entry : group(0, entry_count_)) {
    if (entry.begins_path) {
      path = {next_path, entry.path_size};
      next_path += entry.path_size;
    }
    out.push_back({entry.priority, entry.residual != nullptr ? *owner++ : nullptr, entry.slot, entry.exact, path});
  }
  return out;
}

const HostRoutes::Node* HostRoutes::child(const Node& node, char first) const {
  const auto children = std::span(nodes() + node.first_child, node.child_count);
  if (children.size() <= kChildrenOneByOne) {
    for (const Node& one : children) {
      if (text()[one.label_at] == first) return &one;
    }
    return nullptr;
  }
  // string_view orders bytes as unsigned.
  auto found = std::lower_bound(children.begin(), children.end(), first, [this](const Node& one, char byte) {
    return static_cast<unsigned char>(label(one).front()) < static_cast<unsigned char>(byte);
  });
  return found != children.end() && label(*found).front() == first ? &*found : nullptr;
}

}  // namespace weir::routing
