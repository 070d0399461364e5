#pragma once
// A sorted list whose versions share what they have in common: what changes with the catalog is kept in these, so that
// a change costs what has changed.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// Objects sorted by their key, none twice: std::string_view key_of(const T&), found by its namespace. Immutable but
/// for assignment; a copy is one pointer. Any thread once const.
/// Inside: chunks of some 64 objects. An edit makes the chunks it touches anew and copies the pointers to the others.
template <typename T>
class SharedList {
 public:
  using Item = std::shared_ptr<const T>;
  using Chunk = std::vector<Item>;
  using Root = std::vector<std::shared_ptr<const Chunk>>;
  static constexpr size_t kChunkItems = 64;

  struct Edit {
    std::string key;
    Item item;  // null: what has that key goes
  };

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const Item*;
    using reference = const Item&;

    Iterator() = default;
    Iterator(const Root* root, size_t chunk, size_t item) : root_(root), chunk_(chunk), item_(item) {}
    reference operator*() const { return (*(*root_)[chunk_])[item_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      if (++item_ == (*root_)[chunk_]->size()) {
        ++chunk_;
        item_ = 0;
      }
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return chunk_ == other.chunk_ && item_ == other.item_; }
    [[nodiscard]] bool at_chunk() const { return item_ == 0; }
    [[nodiscard]] const Chunk* chunk() const { return (*root_)[chunk_].get(); }
    void skip_chunk() { ++chunk_; }

   private:
    const Root* root_ = nullptr;
    size_t chunk_ = 0;
    size_t item_ = 0;
  };

  SharedList() = default;
  /// Takes items in any order; of several with one key the first.
  explicit SharedList(std::vector<Item> items) {
    auto before = [](const Item& a, const Item& b) { return key_of(*a) < key_of(*b); };
    if (!std::is_sorted(items.begin(), items.end(), before)) std::stable_sort(items.begin(), items.end(), before);
    auto same = [](const Item& a, const Item& b) { return key_of(*a) == key_of(*b); };
    items.erase(std::unique(items.begin(), items.end(), same), items.end());
    Root root;
    size_ = items.size();
    for (size_t at = 0; at < items.size(); at += kChunkItems) {
      auto end = items.begin() + static_cast<std::ptrdiff_t>(std::min(at + kChunkItems, items.size()));
      root.push_back(std::make_shared<const Chunk>(std::make_move_iterator(items.begin() + static_cast<long>(at)),
                                                   std::make_move_iterator(end)));
    }
    if (!root.empty()) root_ = std::make_shared<const Root>(std::move(root));
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] Iterator begin() const { return Iterator(&root(), 0, 0); }
  [[nodiscard]] Iterator end() const { return Iterator(&root(), root().size(), 0); }
  [[nodiscard]] const Item& front() const { return *begin(); }

  /// Null when nothing has that key. The pointer lives as long as this version or a copy of it.
  [[nodiscard]] const Item* find(std::string_view key) const {
    Iterator at = lower_bound(key);
    return at != end() && key_of(**at) == key ? &*at : nullptr;
  }

  /// The first whose key is not less.
  [[nodiscard]] Iterator lower_bound(std::string_view key) const {
    const Root& all = root();
    auto past = std::upper_bound(all.begin(), all.end(), key,
                                 [](std::string_view k, const auto& chunk) { return k < key_of(*chunk->front()); });
    if (past == all.begin()) return begin();
    const Chunk& chunk = **std::prev(past);
    auto found = std::lower_bound(chunk.begin(), chunk.end(), key,
                                  [](const Item& item, std::string_view k) { return key_of(*item) < k; });
    auto chunk_at = static_cast<size_t>(past - all.begin());
    if (found == chunk.end()) return Iterator(&all, chunk_at, 0);
    return Iterator(&all, chunk_at - 1, static_cast<size_t>(found - chunk.begin()));
  }

  /// This with the edits done. Of several for one key the last counts.
  [[nodiscard]] SharedList edited(std::vector<Edit> edits) const {
    if (edits.empty()) return *this;
    auto by_key = [](const Edit& a, const Edit& b) { return a.key < b.key; };
    if (!std::is_sorted(edits.begin(), edits.end(), by_key)) std::stable_sort(edits.begin(), edits.end(), by_key);
    SharedList out;
    out.size_ = size_;
    for (size_t i = 0; i < edits.size(); ++i) {
      if (i + 1 < edits.size() && edits[i + 1].key == edits[i].key) continue;
      bool was = find(edits[i].key) != nullptr;
      out.size_ += edits[i].item != nullptr && !was ? 1 : 0;
      out.size_ -= edits[i].item == nullptr && was ? 1 : 0;
    }
    Root next;
    const Root& all = root();
    next.reserve(all.size() + 1);
    size_t edit = 0;
    if (all.empty()) append_merged({}, edits, edit, edits.size(), next);
    for (size_t i = 0; i < all.size(); ++i) {
      // What sorts before the next chunk's first belongs to this one.
      size_t last = edit;
      while (last < edits.size() && (i + 1 == all.size() || edits[last].key < key_of(*all[i + 1]->front()))) ++last;
      if (last == edit) {
        next.push_back(all[i]);
      } else {
        append_merged(*all[i], edits, edit, last, next);
      }
      edit = last;
    }
    if (next.empty()) return out;
    out.root_ = std::make_shared<const Root>(std::move(next));
    return out;
  }

  /// The same objects, not only equal ones.
  bool operator==(const SharedList& other) const {
    if (root_ == other.root_) return true;
    return size_ == other.size_ && std::equal(begin(), end(), other.begin());
  }

 private:
  static void append_merged(const Chunk& chunk, std::vector<Edit>& edits, size_t edit, size_t last, Root& to) {
    Chunk merged;
    merged.reserve(chunk.size() + last - edit);
    auto at = chunk.begin();
    for (; edit < last; ++edit) {
      while (at != chunk.end() && key_of(**at) < edits[edit].key) merged.push_back(*at++);
      if (at != chunk.end() && key_of(**at) == edits[edit].key) ++at;
      bool again = edit + 1 < last && edits[edit + 1].key == edits[edit].key;
      if (!again && edits[edit].item != nullptr) merged.push_back(std::move(edits[edit].item));
    }
    merged.insert(merged.end(), at, chunk.end());
    // A chunk that has become small joins the one before, so that removals leave no trail of tiny chunks.
    if (!to.empty() && !merged.empty() && merged.size() + to.back()->size() <= kChunkItems / 2) {
      Chunk joined = *to.back();
      joined.insert(joined.end(), merged.begin(), merged.end());
      to.back() = std::make_shared<const Chunk>(std::move(joined));
      return;
    }
    size_t pieces = merged.size() > 2 * kChunkItems ? (merged.size() + kChunkItems - 1) / kChunkItems : 1;
    for (size_t i = 0; i < pieces && !merged.empty(); ++i) {
      auto from = merged.begin() + static_cast<std::ptrdiff_t>(merged.size() * i / pieces);
      auto until = merged.begin() + static_cast<std::ptrdiff_t>(merged.size() * (i + 1) / pieces);
      to.push_back(std::make_shared<const Chunk>(from, until));
    }
  }

  [[nodiscard]] const Root& root() const {
    static const Root kEmpty;
    return root_ != nullptr ? *root_ : kEmpty;
  }

  std::shared_ptr<const Root> root_;  // null: empty
  size_t size_ = 0;
};

/// Calls visit(const Item* before, const Item* after) for each key whose object is not the same one in both, in the
/// order of keys; null: it is in one of them only. Chunks both share are not looked into.
template <typename T, typename Visit>
void for_each_difference(const SharedList<T>& before, const SharedList<T>& after, Visit&& visit) {
  using Pointer = const typename SharedList<T>::Item*;
  auto a = before.begin();
  auto b = after.begin();
  auto only_before = [&] { visit(Pointer(&*a++), Pointer(nullptr)); };
  auto only_after = [&] { visit(Pointer(nullptr), Pointer(&*b++)); };
  while (a != before.end() || b != after.end()) {
    if (a == before.end()) {
      only_after();
    } else if (b == after.end()) {
      only_before();
    } else if (a.at_chunk() && b.at_chunk() && a.chunk() == b.chunk()) {
      a.skip_chunk();
      b.skip_chunk();
    } else if (int order = key_of(**a).compare(key_of(**b)); order != 0) {
      order < 0 ? only_before() : only_after();
    } else {
      if (*a != *b) visit(Pointer(&*a), Pointer(&*b));
      ++a;
      ++b;
    }
  }
}

}  // namespace weir
