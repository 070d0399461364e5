#pragma once
// User events: the newest few, in memory only.

#include <cstdint>
#include <deque>
#include <string>

#include "registry/watchers.h"

namespace weir::registry {

struct UserEvent {
  std::string id;
  std::string name;
  std::string payload;
  std::string node_filter;
  std::string service_filter;
  std::string tag_filter;
  uint64_t logical_time = 0;
};

/// Loop's thread.
class EventLog {
 public:
  explicit EventLog(Watchers& watchers) : watchers_(watchers) {}

  void add(UserEvent event) {
    event.logical_time = ++logical_time_;
    events_.push_back(std::move(event));
    if (events_.size() > kEventsMax) events_.pop_front();
    watchers_.notify({{Resource::Kind::events}});
  }
  [[nodiscard]] const std::deque<UserEvent>& events() const { return events_; }

  static constexpr size_t kEventsMax = 256;
  static constexpr size_t kPayloadBytesMax = 64 * 1024;

 private:
  Watchers& watchers_;
  std::deque<UserEvent> events_;
  uint64_t logical_time_ = 1;
};

}  // namespace weir::registry
