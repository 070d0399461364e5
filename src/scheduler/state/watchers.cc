#include "scheduler/state/watchers.h"

#include <utility>

namespace weir::scheduler {

struct Watchers::Table {
  std::multimap<std::string, Watch::Entry*> by_key;
  size_t waiting = 0;
};

struct Watch::Entry {
  std::weak_ptr<Watchers::Table> table;
  std::vector<std::string> keys;
  std::function<void()> on_change;
  bool armed = true;

  void disarm() {
    if (!std::exchange(armed, false)) return;
    auto owner = table.lock();
    if (owner == nullptr) return;
    --owner->waiting;
    for (const std::string& key : keys) {
      auto [first, last] = owner->by_key.equal_range(key);
      for (auto it = first; it != last; ++it) {
        if (it->second != this) continue;
        owner->by_key.erase(it);
        break;
      }
    }
  }
};

Watch::~Watch() {
  entry_->disarm();
  entry_->on_change = nullptr;
}

Watchers::Watchers() : table_(std::make_shared<Table>()) {}
Watchers::~Watchers() = default;

std::unique_ptr<Watch> Watchers::watch(std::vector<std::string> keys, std::function<void()> on_change) {
  auto entry = std::make_shared<Watch::Entry>();
  entry->table = table_;
  entry->keys = std::move(keys);
  entry->on_change = std::move(on_change);
  for (const std::string& key : entry->keys) table_->by_key.emplace(key, entry.get());
  ++table_->waiting;
  return std::unique_ptr<Watch>(new Watch(std::move(entry)));
}

void Watchers::notify(const std::set<std::string>& keys) {
  // Disarmed first and called then: a callback may destroy watches, its own included, and make new ones.
  std::vector<std::function<void()>> calls;
  for (const std::string& key : keys) {
    for (;;) {
      auto it = table_->by_key.find(key);
      if (it == table_->by_key.end()) break;
      Watch::Entry* entry = it->second;
      entry->disarm();
      calls.push_back(std::move(entry->on_change));
    }
  }
  for (auto& call : calls) {
    if (call) call();
  }
}

size_t Watchers::waiting() const { return table_->waiting; }

}  // namespace weir::scheduler
