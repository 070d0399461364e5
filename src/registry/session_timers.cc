#include "registry/session_timers.h"

#include "registry/session_writes.h"
#include "weir/base/log.h"

namespace weir::registry {

void SessionTimers::reconcile() {
  store_.watchers().wait(*this, {{Resource::Kind::sessions}});
  const auto& sessions = store_.tables().sessions();
  std::erase_if(timers_, [&](const auto& timer) { return !sessions.contains(timer.first); });
  for (const auto& [id, session] : sessions) {
    if (session->ttl_ns <= 0 || timers_.contains(id)) continue;
    timers_[id] = std::make_unique<event::Timer>(loop_, [this, id = id] { expire(id); });
    renew(id);
  }
}

void SessionTimers::renew(std::string_view id) {
  Ref<Session> session = store_.tables().session(id);
  auto timer = timers_.find(id);
  if (!session || timer == timers_.end()) return;
  timer->second->start_once(static_cast<uint64_t>(session->ttl_ns) / 1'000'000 * 2);
}

// By value: the timer that calls may be gone before the end.
void SessionTimers::expire(std::string id) {
  log::info("session expired", {{"session", id}});
  store_.write(
      [id](Transaction& tx) -> Status {
        end_session(tx, id);
        return {};
      },
      [this, id](const Status& status) {
        if (!status) renew(id);
      });
}

}  // namespace weir::registry
