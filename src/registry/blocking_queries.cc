#include "registry/blocking_queries.h"

#include "weir/event/timer.h"

namespace weir::registry {

/// One of them. Owned by the list; dies when it is answered or its client is gone.
class BlockingQueries::Waiting final : public Waiter {
 public:
  Waiting(BlockingQueries& owner, Query query)
      : owner_(owner), query_(std::move(query)), timer_(owner.loop_, [this] { finish(true); }) {}

  void start(std::list<std::unique_ptr<Waiting>>::iterator at, uint64_t wait_ms) {
    at_ = at;
    query_.responder->on_disconnect([this] { finish(false); });
    timer_.start_once(wait_ms);
    owner_.watchers_.wait(*this, query_.resources());
  }

  // Destroys this.
  void finish(bool answer) {
    std::function<void()> then = answer ? std::move(query_.answer) : nullptr;
    query_.responder->on_disconnect({});
    owner_.remove(at_);
    if (then) then();
  }

 private:
  void on_changed() override {
    if (query_.ready(true)) return finish(true);
    owner_.watchers_.wait(*this, query_.resources());
  }

  BlockingQueries& owner_;
  Query query_;
  event::Timer timer_;
  std::list<std::unique_ptr<Waiting>>::iterator at_;
};

BlockingQueries::BlockingQueries(event::Loop& loop, Watchers& watchers) : loop_(loop), watchers_(watchers) {}
BlockingQueries::~BlockingQueries() = default;

void BlockingQueries::run(Query query) {
  if (finishing_ || query.ready(false)) return query.answer();
  uint64_t wait_ms = query.wait_ms + random_.below(query.wait_ms / 16 + 1);
  waiting_.push_back(std::make_unique<Waiting>(*this, std::move(query)));
  waiting_.back()->start(std::prev(waiting_.end()), wait_ms);
}

void BlockingQueries::finish_all() {
  finishing_ = true;
  while (!waiting_.empty()) waiting_.front()->finish(true);
}

void BlockingQueries::remove(std::list<std::unique_ptr<Waiting>>::iterator at) { waiting_.erase(at); }

}  // namespace weir::registry
