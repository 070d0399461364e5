#pragma once
// Who waits for which resource.

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "registry/resource.h"

namespace weir::registry {

class Watchers;

/// Somebody who waits. Destroying it ends the waiting; nothing is called after that.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() { stop_waiting(); }
  void stop_waiting();
  [[nodiscard]] bool waiting() const { return !links_.empty(); }

 private:
  friend class Watchers;
  struct Link {
    Resource resource;
    std::list<Waiter*>* list = nullptr;
    std::list<Waiter*>::iterator at;
  };
  /// A resource it waited for has changed. It waits for nothing any more, and may wait again or be destroyed in here.
  virtual void on_changed() = 0;

  Watchers* watchers_ = nullptr;
  std::vector<Link> links_;
};

/// The lists of waiters, one a resource. Waiting, waking and leaving cost the number of resources a waiter names,
/// whatever the number of waiters. Loop's thread; outlives every waiter.
class Watchers {
 public:
  /// Waits for any of these, in place of what it waited for before.
  void wait(Waiter& waiter, std::vector<Resource> resources);
  /// Wakes whoever waits for one of these, each once. A changed key also wakes those who wait for a prefix of it.
  void notify(const std::vector<Resource>& changed);
  [[nodiscard]] size_t count() const { return waiter_count_; }

 private:
  friend class Waiter;

  void gather(const Resource& resource);
  void gather_prefixes_of(const std::string& key);
  void forget_prefix(size_t length);
  void call_woken();
  void unlink(Waiter& waiter);

  std::unordered_map<Resource, std::list<Waiter*>, ResourceHash> lists_;
  std::list<Waiter*> woken_;  // gathered, not yet called
  size_t waiter_count_ = 0;
  std::map<size_t, size_t> prefix_lengths_;  // of the prefixes in lists_: how many have each
};

}  // namespace weir::registry
