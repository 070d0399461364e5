#include <optional>

#include "provider/routes_folder.h"
#include "provider/status_parts.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/event/signal.h"
#include "weir/event/timer.h"
#include "weir/provider/providers.h"

namespace weir::provider {
namespace {

/// Follows a folder of routes files. Owned by the application; control loop's thread.
class FileProvider final : public Provider {
 public:
  FileProvider(event::Loop& loop, const Clock& clock, FileOptions options)
      : loop_(loop),
        clock_(clock),
        options_(std::move(options)),
        folder_(options_.name, options_.file.directory, clock_),
        settle_(loop, [this] { look(); }),
        poll_(loop, [this] { look(); }) {}

  Status start(Observer& observer) override {
    observer_ = &observer;
    look();
    if (options_.file.watch) poll_.start_every(options_.poll_ms);
    return {};
  }

  void stop() override {
    observer_ = nullptr;
    watch_.reset();
    settle_.stop();
    poll_.stop();
  }

  [[nodiscard]] ProviderStatus status() const override {
    ProviderStatus out;
    out.name = options_.name;
    out.source = handed_out_ ? Source::live : Source::none;
    out.synced_once = handed_out_ != nullptr;
    out.last_good_wall_ns = good_wall_ns_;
    out.age_ms = handed_out_ ? clock_.monotonic_ms() - good_at_ms_ : 0;
    out.address = options_.file.directory;
    out.error = error_.empty() ? folder_.fault() : error_;
    count_services(out, *folder_.definitions());
    return out;
  }

  void want_services(std::set<std::string, std::less<>>) override {}  // files have no services but those they define

 private:
  void on_change() {
    // Each event starts the silence anew, up to ten times its length since the first.
    if (!settle_.active()) first_event_ms_ = loop_.now_ms();
    if (loop_.now_ms() - first_event_ms_ < 10 * options_.settle_ms) settle_.start_once(options_.settle_ms);
  }

  void look() {
    watch_folder();
    const uint64_t seen_us = steady_us();
    const Status scanned = folder_.scan();
    std::string error = scanned ? "" : scanned.error().text();
    if (!scanned && error != error_) {
      log::warn("routes folder not read", {{"provider", options_.name}, {"error", error}});
    }
    error_ = std::move(error);
    if (scanned) {
      good_at_ms_ = clock_.monotonic_ms();
      good_wall_ns_ = clock_.wall_ns();
    }
    // A folder that is not there yet defines nothing: that too is handed out, once.
    if (handed_out_ == folder_.definitions()) return;
    handed_out_ = folder_.definitions();
    observer_->on_definitions(handed_out_, seen_us);
  }

  /// Also tried again at each poll: the folder may not be there yet.
  void watch_folder() {
    if (!options_.file.watch || watch_) return;
    auto watch = event::FolderWatch::watch(loop_, options_.file.directory, [this] { on_change(); });
    if (watch) watch_.emplace(std::move(*watch));
  }

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  const FileOptions options_;
  // loop's thread
  Observer* observer_ = nullptr;  // null: stopped
  RoutesFolder folder_;
  std::shared_ptr<const routing::Definitions> handed_out_;
  std::string error_;  // of the folder itself
  uint64_t good_at_ms_ = 0;
  int64_t good_wall_ns_ = 0;
  uint64_t first_event_ms_ = 0;
  std::optional<event::FolderWatch> watch_;
  event::Timer settle_;
  event::Timer poll_;
};

}  // namespace

std::unique_ptr<Provider> make_file_provider(event::Loop& loop, const Clock& clock, FileOptions options) {
  return std::make_unique<FileProvider>(loop, clock, std::move(options));
}

}  // namespace weir::provider
