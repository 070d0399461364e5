#pragma once
// One answer without an end, whose lines tell of changes as they happen: Nomad's event stream.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "provider/pacing.h"
#include "provider/source_link.h"
#include "weir/event/timer.h"
#include "weir/provider/providers.h"

namespace weir::provider {

/// What one line tells.
struct ServiceEvents {
  uint64_t index = 0;              // of the change; 0: the line is a sign of life
  std::vector<std::string> names;  // of the services it has touched
};

/// Follows it for as long as it lives, and says whether it is heard: only from on_open to on_lost is every change told.
/// A source that has no such stream, or lets us not read it, is asked again each minute and never complained about: who
/// uses one has another way to learn what it tells. One that is silent for longer than its signs of life are apart is
/// lost. Owned by the Crowd; loop's thread. Not to be destroyed from within its callbacks.
class EventStream {
 public:
  using Decode = Result<ServiceEvents> (*)(std::string_view line);
  struct Callbacks {
    std::function<void()> on_open;
    std::function<void()> on_lost;  // only after on_open
    std::function<void(const ServiceEvents& events)> on_events;
  };

  EventStream(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing, std::string path,
              std::string query, Decode decode, Callbacks callbacks);

  void start() { open(); }
  /// The address is another one, or its connections may be dead.
  void restart();
  /// The address answers again: asks at once where it waits.
  void wake();

 private:
  static constexpr uint64_t kSilenceMsMax = 75'000;  // signs of life come each 30 s
  static constexpr uint64_t kRefusedRetryMs = 60'000;
  static constexpr size_t kLineBytesMax = 8 * 1024 * 1024;

  void open();
  void on_bytes(std::string_view bytes);
  [[nodiscard]] Status on_line(std::string_view line);
  void on_over(const Result<http::ClientResponse>& response);
  void on_timer();
  void lost(uint64_t retry_ms);

  // constant after construction
  event::Loop& loop_;
  SourceLink& link_;
  Random& random_;
  const std::string path_;
  const std::string query_;
  const Decode decode_;
  const Callbacks callbacks_;
  // loop's thread
  enum class State : uint8_t {
    asked,    // nothing has come
    heard,    // on_open() was told
    waiting,  // to ask again
  };
  State state_ = State::waiting;
  std::string line_;       // what has come of one
  uint64_t retry_ms_ = 0;  // from when the lost one is closed to when it is asked for again
  Backoff backoff_;
  event::Timer timer_;                    // to ask again, or for its silence
  std::unique_ptr<http::Call> call_;      // under way
  std::unique_ptr<http::Call> finished_;  // the one before: its callback may be what is running
};

}  // namespace weir::provider
