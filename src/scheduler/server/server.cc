#include "weir/scheduler/server.h"

#include <utility>

#include "scheduler/api/api.h"
#include "scheduler/server/core.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/server.h"

namespace weir::scheduler {
namespace {
// How late a deadline, a missed heartbeat or a delayed evaluation may be seen.
constexpr uint64_t kTurnMs = 100;
}  // namespace

/// The core with its HTTP face and the timer that moves it on.
class Server::Impl {
 public:
  explicit Impl(event::Loop& loop) : loop_(loop), turn_timer_(loop, [this] { turn(); }) {}

  Status start(const Options& options) {
    if (Status made = make_writable_directory(options.data_dir, 0700); !made) return made;
    auto core = Core::open({.state_path = options.data_dir + "/scheduler.sqlite"}, clock_);
    if (!core) return fail(core.error());
    core_ = std::move(*core);
    auto http = http::Server::listen(loop_, options.http,
                                     [this](http::Request request, std::shared_ptr<http::Responder> responder) {
                                       api_->serve(std::move(request), std::move(responder));
                                     });
    if (!http) return fail(http.error());
    Api::Identity identity{options.datacenter, options.version, (*http)->address().text()};
    api_ = std::make_unique<Api>(loop_, *core_, std::move(identity), [this] { schedule_turn(); });
    http_ = std::move(*http);
    turn_timer_.start_every(kTurnMs);
    schedule_turn();  // what was left undone when the last server ended
    return {};
  }

  [[nodiscard]] SocketAddress http_address() const { return http_->address(); }

 private:
  /// Soon, but after the write has been answered.
  void schedule_turn() { soon_.start_once(0); }

  void turn() {
    // Requests come in between: what is due at once would run before the loop looks at its sockets.
    if (core_->turn()) soon_.start_once(1);
  }

  event::Loop& loop_;
  SystemClock clock_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<http::Server> http_;
  event::Timer turn_timer_;
  event::Timer soon_{loop_, [this] { turn(); }};
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(event::Loop& loop, Options options) {
  auto impl = std::make_unique<Impl>(loop);
  if (Status started = impl->start(options); !started) return fail(started.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

SocketAddress Server::http_address() const { return impl_->http_address(); }

}  // namespace weir::scheduler
