#pragma once
// Ends sessions that were not renewed.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "registry/store.h"
#include "registry/watchers.h"
#include "weir/event/timer.h"

namespace weir::registry {

/// One timer for each session with a TTL. A session lives for twice its TTL after it was made, renewed or loaded:
/// never shorter than promised, and a holder that renews at half of it survives a lost message. Loop's thread.
class SessionTimers final : private Waiter {
 public:
  SessionTimers(event::Loop& loop, CatalogStore& store) : loop_(loop), store_(store) {}

  /// After the store has loaded.
  void start() { reconcile(); }
  void renew(std::string_view id);

 private:
  void on_changed() override { reconcile(); }
  void reconcile();
  void expire(std::string id);

  event::Loop& loop_;
  CatalogStore& store_;
  std::map<std::string, std::unique_ptr<event::Timer>, std::less<>> timers_;
};

}  // namespace weir::registry
