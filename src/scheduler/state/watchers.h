#pragma once
// Who waits for which part of the state to change. Loop's thread.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weir::scheduler {

/// Fires its callback at most once, at the first change of any of its keys. Destroying it cancels; so may its callback.
class Watch {
 public:
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  friend class Watchers;
  struct Entry;
  explicit Watch(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
  std::shared_ptr<Entry> entry_;
};

/// Owned by StateStore; watches may outlive it.
class Watchers {
 public:
  Watchers();
  ~Watchers();
  /// Register first, read then: a change between the two is not missed. The callback runs within notify(): it should
  /// only note that there is work.
  [[nodiscard]] std::unique_ptr<Watch> watch(std::vector<std::string> keys, std::function<void()> on_change);
  void notify(const std::set<std::string>& keys);
  /// Watches that have not fired.
  [[nodiscard]] size_t waiting() const;

 private:
  friend class Watch;
  struct Table;
  std::shared_ptr<Table> table_;
};

}  // namespace weir::scheduler
