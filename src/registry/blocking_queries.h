#pragma once
// Reads that wait until something they depend on has changed.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "registry/resource.h"
#include "registry/watchers.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/http/server.h"

namespace weir::registry {

/// The reads that are waiting now. Each costs one list entry, one timer and its request; it leaves when it is
/// answered or its client goes. Owned by Api; loop's thread.
class BlockingQueries {
 public:
  struct Query {
    std::function<bool(bool woken)> ready;  // true: answer now; `woken` is false for the look before waiting
    std::function<std::vector<Resource>()> resources;
    std::function<void()> answer;
    uint64_t wait_ms = 0;
    std::shared_ptr<http::Responder> responder;
  };

  BlockingQueries(event::Loop& loop, Watchers& watchers);
  ~BlockingQueries();

  /// Answers at once if ready, else when ready or when the time is up (plus up to a 16th of it, so that clients which
  /// began together do not come back together).
  void run(Query query);
  /// Answers everybody with what there is now, and at once whoever comes later: before the server goes away.
  void finish_all();
  [[nodiscard]] size_t count() const { return waiting_.size(); }

  static constexpr uint64_t kWaitDefaultMs = 300'000;
  static constexpr uint64_t kWaitMaxMs = 600'000;

 private:
  class Waiting;
  void remove(std::list<std::unique_ptr<Waiting>>::iterator at);

  event::Loop& loop_;
  Watchers& watchers_;
  Random random_;
  std::list<std::unique_ptr<Waiting>> waiting_;
  bool finishing_ = false;
};

}  // namespace weir::registry
