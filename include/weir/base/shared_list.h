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
/// Inside: a tree of three levels, chunks of some 32 objects in branches of some 32 chunks. An edit makes anew the
/// chunks that it touches, their branches and the root; of 10,000 objects it copies some 75 pointers.
template <typename T>
class SharedList {
 public:
  using Item = std::shared_ptr<const T>;
  using Chunk = std::vector<Item>;
  using Branch = std::vector<std::shared_ptr<const Chunk>>;
  using Root = std::vector<std::shared_ptr<const Branch>>;
  static constexpr size_t kChunkItems = 32;
  static constexpr size_t kBranchChunks = 32;

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
    Iterator(const Root* root, size_t branch, size_t chunk, size_t item)
        : root_(root), branch_(branch), chunk_(chunk), item_(item) {}
    reference operator*() const { return (*chunk())[item_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      if (++item_ == chunk()->size()) skip_chunk();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const {
      return branch_ == other.branch_ && chunk_ == other.chunk_ && item_ == other.item_;
    }
    [[nodiscard]] bool at_chunk() const { return item_ == 0; }
    [[nodiscard]] bool at_branch() const { return chunk_ == 0 && item_ == 0; }
    [[nodiscard]] const Chunk* chunk() const { return (*branch())[chunk_].get(); }
    [[nodiscard]] const Branch* branch() const { return (*root_)[branch_].get(); }
    void skip_chunk() {
      item_ = 0;
      if (++chunk_ == branch()->size()) skip_branch();
    }
    void skip_branch() {
      item_ = chunk_ = 0;
      ++branch_;
    }

   private:
    const Root* root_ = nullptr;
    size_t branch_ = 0;
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
    size_ = items.size();
    Branch chunks;
    append_parts(std::move(items), kChunkItems, chunks);
    Root root;
    append_parts(std::move(chunks), kBranchChunks, root);
    if (!root.empty()) root_ = std::make_shared<const Root>(std::move(root));
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] Iterator begin() const { return Iterator(&root(), 0, 0, 0); }
  [[nodiscard]] Iterator end() const { return Iterator(&root(), root().size(), 0, 0); }
  [[nodiscard]] const Item& front() const { return *begin(); }

  /// Null when nothing has that key. The pointer lives as long as this version or a copy of it.
  [[nodiscard]] const Item* find(std::string_view key) const {
    Iterator at = lower_bound(key);
    return at != end() && key_of(**at) == key ? &*at : nullptr;
  }

  /// The first whose key is not less.
  [[nodiscard]] Iterator lower_bound(std::string_view key) const {
    const Root& all = root();
    auto branch = std::upper_bound(all.begin(), all.end(), key,
                                   [](std::string_view k, const auto& one) { return k < first_key(*one); });
    if (branch == all.begin()) return begin();
    --branch;
    auto chunk = std::upper_bound((*branch)->begin(), (*branch)->end(), key,
                                  [](std::string_view k, const auto& one) { return k < key_of(*one->front()); });
    --chunk;  // the branch's first key is not above
    auto found = std::lower_bound((*chunk)->begin(), (*chunk)->end(), key,
                                  [](const Item& item, std::string_view k) { return key_of(*item) < k; });
    Iterator out(&all, static_cast<size_t>(branch - all.begin()), static_cast<size_t>(chunk - (*branch)->begin()),
                 static_cast<size_t>(found - (*chunk)->begin()));
    if (found == (*chunk)->end()) out.skip_chunk();
    return out;
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
    if (all.empty()) append_parts(edited_branch({}, edits, edit, edits.size()), kBranchChunks, next);
    for (size_t i = 0; i < all.size(); ++i) {
      // What sorts before the next branch's first belongs to this one.
      size_t last = edit;
      while (last < edits.size() && (i + 1 == all.size() || edits[last].key < first_key(*all[i + 1]))) ++last;
      if (last == edit) {
        next.push_back(all[i]);
      } else {
        append_parts(edited_branch(*all[i], edits, edit, last), kBranchChunks, next);
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
  static std::string_view first_key(const Branch& branch) { return key_of(*branch.front()->front()); }

  /// The branch with edits [edit, last) done.
  static Branch edited_branch(const Branch& branch, std::vector<Edit>& edits, size_t edit, size_t last) {
    Branch out;
    if (branch.empty()) append_parts(merged({}, edits, edit, last), kChunkItems, out);
    for (size_t i = 0; i < branch.size(); ++i) {
      size_t until = edit;
      while (until < last && (i + 1 == branch.size() || edits[until].key < key_of(*branch[i + 1]->front()))) ++until;
      if (until == edit) {
        out.push_back(branch[i]);
      } else {
        append_parts(merged(*branch[i], edits, edit, until), kChunkItems, out);
      }
      edit = until;
    }
    return out;
  }

  static Chunk merged(const Chunk& chunk, std::vector<Edit>& edits, size_t edit, size_t last) {
    Chunk out;
    out.reserve(chunk.size() + last - edit);
    auto at = chunk.begin();
    for (; edit < last; ++edit) {
      while (at != chunk.end() && key_of(**at) < edits[edit].key) out.push_back(*at++);
      if (at != chunk.end() && key_of(**at) == edits[edit].key) ++at;
      bool again = edit + 1 < last && edits[edit + 1].key == edits[edit].key;
      if (!again && edits[edit].item != nullptr) out.push_back(std::move(edits[edit].item));
    }
    out.insert(out.end(), at, chunk.end());
    return out;
  }

  /// Puts items behind the chunks that are there, or chunks behind the branches: of some `usual` parts each. Few join
  /// the one before, so that removals leave no trail of tiny ones.
  template <typename Part>
  static void append_parts(std::vector<Part> parts, size_t usual,
                           std::vector<std::shared_ptr<const std::vector<Part>>>& to) {
    if (parts.empty()) return;
    if (!to.empty() && parts.size() + to.back()->size() <= usual / 2) {
      std::vector<Part> joined = *to.back();
      joined.insert(joined.end(), parts.begin(), parts.end());
      to.back() = std::make_shared<const std::vector<Part>>(std::move(joined));
      return;
    }
    const size_t pieces = parts.size() > 2 * usual ? (parts.size() + usual - 1) / usual : 1;
    auto place = [&](size_t i) {
      return std::make_move_iterator(parts.begin() + static_cast<std::ptrdiff_t>(parts.size() * i / pieces));
    };
    for (size_t i = 0; i < pieces; ++i) {
      to.push_back(std::make_shared<const std::vector<Part>>(place(i), place(i + 1)));
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
/// order of keys; null: it is in one of them only. Branches and chunks that both share are not looked into.
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
    } else if (a.at_branch() && b.at_branch() && a.branch() == b.branch()) {
      a.skip_branch();
      b.skip_branch();
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
