#pragma once
// What the agent's tests share: a folder of their own, and waiting for a condition with a deadline.

#include <filesystem>
#include <functional>
#include <string>

#include "catch.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

namespace weir::scheduler {

/// A new folder under the system's temporary one; removed with all its content at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / ("weir-test-" + make_uuid())) {
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Runs the loop until `condition` holds; false after `deadline_ms`. Looks again every 5 ms: what is waited for may
/// happen in another process.
inline bool run_until(event::Loop& loop, const std::function<bool()>& condition, uint64_t deadline_ms = 20'000) {
  bool held = condition();
  if (held) return true;
  event::Timer look(loop, [&] {
    held = condition();
    if (held) loop.stop();
  });
  event::Timer give_up(loop, [&] { loop.stop(); });
  look.start_every(5);
  give_up.start_once(deadline_ms);
  loop.run();
  return held;
}

}  // namespace weir::scheduler
