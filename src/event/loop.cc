#include "weir/event/loop.h"

#include <sys/epoll.h>
#include <uv.h>

#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/poller.h"
#include "weir/event/wheel.h"

namespace weir::event {

namespace {
// One maximal TLS record is 16 KiB and four fit one read; a read shorter than the buffer has emptied the socket, so a
// keep-alive request costs one recv and no EAGAIN probe.
constexpr size_t kReadBufferBytes = 64 * 1024;
}  // namespace

struct Loop::State final : Poller::Watcher {
  // loop thread only
  uv_loop_t uv;
  uv_async_t wake;
  std::unique_ptr<std::array<char, kReadBufferBytes>> read_buffer =
      std::make_unique<std::array<char, kReadBufferBytes>>();
  uint64_t skipped_ms = 0;  // by tests
  uint64_t turn_us = 0;     // now_us() of this turn; 0: nobody has asked yet
  bool uv_ready = false;    // a descriptor of libuv's can be read
  bool stopping = false;
  WriteBatch batch;
  Poller poller{batch};
  std::unique_ptr<Wheel> wheel;
  std::vector<std::function<void()>> deferred;
  std::vector<std::function<void()>> deferred_spare;  // empty; its capacity is what the next turn needs

  // shared, under the lock
  std::mutex lock;
  std::vector<std::function<void()>> posted;

  void on_ready(uint32_t) override { uv_ready = true; }

  void turn(bool may_sleep) {
    poller.turn(may_sleep ? uv_backend_timeout(&uv) : 0);
    uv_update_time(&uv);
    // Its timeout is 0 when a timer is due, and when libuv has something to put into its epoll instance or to close.
    if (std::exchange(uv_ready, false) || uv_backend_timeout(&uv) == 0) uv_run(&uv, UV_RUN_NOWAIT);
  }

  /// Whether there is anything to wait for. The wake-up handle is none, but libuv runs only while it has one.
  bool alive() {
    if (poller.keeps_running() || !deferred.empty()) return true;
    uv_unref(reinterpret_cast<uv_handle_t*>(&wake));
    bool has_handles = uv_loop_alive(&uv) != 0;
    uv_ref(reinterpret_cast<uv_handle_t*>(&wake));
    if (has_handles) return true;
    std::lock_guard held(lock);
    return !posted.empty();
  }

  void run_deferred() {
    do {
      while (!deferred.empty()) {
        std::vector<std::function<void()>> tasks = std::move(deferred_spare);
        tasks.swap(deferred);  // a task may defer again
        for (auto& task : tasks) task();
        tasks.clear();
        deferred_spare = std::move(tasks);
      }
      batch.run_turn_ends();
    } while (!deferred.empty());  // a write that fails is told by a deferred task
    turn_us = 0;
  }

  void run_posted() {
    std::vector<std::function<void()>> tasks;
    {
      std::lock_guard held(lock);
      tasks.swap(posted);
    }
    // Outside the lock: a task may post.
    for (auto& task : tasks) task();
    batch.flush();
  }
};

Loop::Loop() : state_(std::make_unique<State>()) {
  CHECK(uv_loop_init(&state_->uv) == 0);
  state_->uv.data = this;
  uv_async_init(&state_->uv, &state_->wake,
                [](uv_async_t* handle) { static_cast<State*>(handle->data)->run_posted(); });
  state_->wake.data = state_.get();
  CHECK(state_->poller.add(uv_backend_fd(&state_->uv), *state_, EPOLLIN, Poller::Keeps::nothing));
  state_->wheel = std::make_unique<Wheel>(*this);
}

Loop::~Loop() {
  state_->run_deferred();
  state_->poller.forget(uv_backend_fd(&state_->uv));
  // Lingering connections are cut.
  state_->poller.abandon_all();
  state_->run_deferred();
  state_->wheel.reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->wake), nullptr);
  // What had an owner is closed by now and waits for its close callback.
  uv_walk(
      &state_->uv, [](uv_handle_t* handle, void*) { CHECK(uv_is_closing(handle)); }, nullptr);
  uv_run(&state_->uv, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&state_->uv) == 0);
}

void Loop::run() {
  state_->run_posted();  // before the first turn might sleep on something else
  for (;;) {
    state_->run_deferred();
    if (state_->stopping || !state_->alive()) break;
    state_->turn(true);
  }
  state_->stopping = false;
}

void Loop::run_ready() {
  state_->run_posted();
  state_->run_deferred();
  state_->turn(false);
  state_->run_deferred();
  state_->stopping = false;
}

void Loop::stop() { state_->stopping = true; }

void Loop::post(std::function<void()> task) {
  {
    std::lock_guard held(state_->lock);
    state_->posted.push_back(std::move(task));
  }
  uv_async_send(&state_->wake);
}

void Loop::defer(std::function<void()> task) { state_->deferred.push_back(std::move(task)); }

uint64_t Loop::now_ms() const { return uv_now(&state_->uv) + state_->skipped_ms; }

uint64_t Loop::now_us() {
  if (state_->turn_us == 0) state_->turn_us = uv_hrtime() / 1000;
  return state_->turn_us + state_->skipped_ms * 1000;
}

void Loop::skip_ms(uint64_t ms) {
  state_->skipped_ms += ms;
  state_->wheel->sweep();
  state_->batch.flush();
}
void Loop::update_time() { uv_update_time(&state_->uv); }
std::span<char> Loop::read_buffer() { return *state_->read_buffer; }
Wheel& Loop::wheel() { return *state_->wheel; }
Poller& Loop::poller() { return state_->poller; }
WriteBatch& Loop::batch() { return state_->batch; }
uv_loop_s* Loop::raw() { return &state_->uv; }

}  // namespace weir::event
