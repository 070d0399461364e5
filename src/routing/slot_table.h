#pragma once
// The matcher's numbers of routers. Versions share what they have in common.

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "routing/table_memory.h"
#include "weir/base/prefetch.h"

namespace weir::routing {

struct Router;

/// Slot -> router, null where free. The routers are the table's. Immutable but for SlotEditor; any thread once const.
class SlotTable {
 public:
  static constexpr size_t kPageSlots = 512;  // an edit copies one page, 4 KiB, and the pointers to the others

  const Router* operator[](uint32_t slot) const { return (*pages_[slot / kPageSlots])[slot % kPageSlots]; }
  /// Asks the memory for that slot.
  void prefetch(uint32_t slot) const { weir::prefetch(&(*pages_[slot / kPageSlots])[slot % kPageSlots]); }
  [[nodiscard]] uint32_t size() const { return size_; }

 private:
  friend class SlotEditor;
  using Page = std::array<const Router*, kPageSlots>;
  std::vector<std::shared_ptr<const Page>> pages_;
  uint32_t size_ = 0;
};

/// Makes the next version of a table. Used once.
class SlotEditor {
 public:
  explicit SlotEditor(SlotTable table) : table_(std::move(table)), own_(table_.pages_.size()) {}

  uint32_t append() {
    if (table_.size_ % SlotTable::kPageSlots == 0) {
      own_.push_back(make_page());
      table_.pages_.push_back(own_.back());
    }
    return table_.size_++;
  }
  void set(uint32_t slot, const Router* router) {
    auto& page = own_[slot / SlotTable::kPageSlots];
    if (page == nullptr) {
      auto& shared = table_.pages_[slot / SlotTable::kPageSlots];
      page = make_page(*shared);
      shared = page;
    }
    (*page)[slot % SlotTable::kPageSlots] = router;
  }
  [[nodiscard]] const SlotTable& table() const { return table_; }

 private:
  template <typename... From>
  static std::shared_ptr<SlotTable::Page> make_page(const From&... from) {
    return make_shared_in_table<SlotTable::Page>(from...);
  }
  SlotTable table_;
  std::vector<std::shared_ptr<SlotTable::Page>> own_;  // null: shared with the version before
};

}  // namespace weir::routing
