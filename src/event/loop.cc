#include "weir/event/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "event/read_batch.h"
#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/idle_watch.h"
#include "weir/event/pipe.h"
#include "weir/event/wheel.h"

namespace weir::event {

struct Loop::State {
  // loop thread only
  uv_loop_t uv;
  uv_check_t after_poll;     // what was posted is done, then what was read is worked off
  uv_prepare_t before_poll;  // ends the turn
  uv_idle_t deferred_wake;   // active while something waits for the turn's end: the poll must not sleep on it
  // Not a uv_async_t: who is woken by one spins until its sender has come back from the system call, which on a shared
  // CPU is a turn of the scheduler.
  int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  uv_poll_t wake;
  uint64_t skipped_ms = 0;  // by tests
  uint64_t turn_us = 0;     // now_us() of this turn; 0: nobody has asked yet
  ReadBatch reads{[this] { run_posted_once(); }};
  bool has_run_posted = false;  // in this turn
  WriteBatch batch;
  PipePool pipes;
  std::unique_ptr<Wheel> wheel;
  std::unique_ptr<IdleWatch> idle_watch;
  std::vector<std::function<void()>> deferred;
  std::vector<std::function<void()>> deferred_spare;  // empty; its capacity is what the next turn needs

  // shared, under the lock
  std::mutex lock;
  std::vector<std::function<void()>> posted;
  bool woken = false;                    // for what is posted
  std::atomic<bool> has_posted = false;  // seen without the lock, by each turn

  // What was written leaves first, then the rest of the turn is done, and what that has written leaves.
  void end_turn() {
    batch.flush();
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
    if (batch.begin_next_turn()) {
      keep_awake();
    } else {
      uv_idle_stop(&deferred_wake);
    }
    turn_us = 0;
    has_run_posted = false;
  }

  void keep_awake() {
    uv_idle_start(&deferred_wake, [](uv_idle_t*) {});
  }

  // What is posted in this turn, also by such a task, waits for the next one: who spreads work over turns posts it.
  void run_posted_once() {
    if (!std::exchange(has_run_posted, true)) run_posted();
  }

  void run_posted() {
    if (!has_posted.load(std::memory_order_acquire)) return;
    std::vector<std::function<void()>> tasks;
    {
      std::lock_guard held(lock);
      tasks.swap(posted);
      woken = false;
      has_posted.store(false, std::memory_order_relaxed);
    }
    // Outside the lock: a task may post.
    for (auto& task : tasks) task();
  }

  void add(std::function<void()> task, bool urgent) {
    bool wakes = false;
    {
      std::lock_guard held(lock);
      posted.push_back(std::move(task));
      has_posted.store(true, std::memory_order_release);
      wakes = urgent && !std::exchange(woken, true);
    }
    if (wakes) ::eventfd_write(wake_fd, 1);
  }
};

namespace {

// Who has just begun, and may open too few files, has nobody yet to hand an Error to.
[[noreturn]] void end_without_loop(int reason) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name,
               system_error("an event loop cannot be made", reason).message.c_str());
  std::_Exit(1);
}

}  // namespace

Loop::Loop() : state_(std::make_unique<State>()) {
  if (state_->wake_fd < 0) end_without_loop(errno);
  if (int status = uv_loop_init(&state_->uv); status != 0) end_without_loop(status);
  state_->uv.data = this;
  uv_check_init(&state_->uv, &state_->after_poll);
  state_->after_poll.data = state_.get();
  uv_check_start(&state_->after_poll, [](uv_check_t* handle) { static_cast<State*>(handle->data)->reads.deliver(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&state_->after_poll));
  uv_prepare_init(&state_->uv, &state_->before_poll);
  state_->before_poll.data = state_.get();
  uv_prepare_start(&state_->before_poll, [](uv_prepare_t* handle) { static_cast<State*>(handle->data)->end_turn(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&state_->before_poll));
  uv_idle_init(&state_->uv, &state_->deferred_wake);
  CHECK(uv_poll_init(&state_->uv, &state_->wake, state_->wake_fd) == 0);
  state_->wake.data = state_.get();
  // Before the tasks are taken: who posts later wakes again. Where they have been taken in this turn, it is the wake-up
  // for the next one.
  uv_poll_start(&state_->wake, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* state = static_cast<State*>(handle->data);
    eventfd_t times = 0;
    if (!state->has_run_posted) ::eventfd_read(state->wake_fd, &times);
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(&state_->wake));
  state_->wheel = std::make_unique<Wheel>(*this);
  state_->idle_watch = std::make_unique<IdleWatch>(*this);
}

Loop::~Loop() {
  state_->end_turn();
  state_->wheel.reset();
  state_->idle_watch.reset();
  for (uv_handle_t* handle :
       {reinterpret_cast<uv_handle_t*>(&state_->after_poll), reinterpret_cast<uv_handle_t*>(&state_->before_poll),
        reinterpret_cast<uv_handle_t*>(&state_->deferred_wake), reinterpret_cast<uv_handle_t*>(&state_->wake)}) {
    uv_close(handle, nullptr);
  }
  // Cells whose owners died still wait for their close callbacks, lingering connections are cut.
  uv_walk(
      &state_->uv,
      [](uv_handle_t* handle, void*) {
        if (!uv_is_closing(handle)) close_abandoned(handle);
      },
      nullptr);
  uv_run(&state_->uv, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&state_->uv) == 0);
  ::close(state_->wake_fd);
}

void Loop::close_lingering() {
  uv_walk(
      &state_->uv, [](uv_handle_t* handle, void*) { close_if_lingering(handle); }, nullptr);
}

void Loop::run() {
  // Tasks posted before run() must not be missed although the wake-up handle does not keep the loop alive.
  do {
    state_->run_posted();
    uv_run(&state_->uv, UV_RUN_DEFAULT);
    state_->end_turn();
  } while ([&] {
    std::lock_guard held(state_->lock);
    return !state_->posted.empty() && uv_loop_alive(&state_->uv) == 0;
  }());
}

void Loop::run_ready() {
  state_->run_posted_once();
  uv_run(&state_->uv, UV_RUN_NOWAIT);
  state_->end_turn();
}

void Loop::stop() { uv_stop(&state_->uv); }

void Loop::post(std::function<void()> task) { state_->add(std::move(task), true); }
void Loop::post_unhurried(std::function<void()> task) { state_->add(std::move(task), false); }

void Loop::defer(std::function<void()> task) {
  state_->deferred.push_back(std::move(task));
  state_->keep_awake();
}

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
ReadBatch& Loop::reads() { return state_->reads; }
Wheel& Loop::wheel() { return *state_->wheel; }
IdleWatch& Loop::idle_watch() { return *state_->idle_watch; }
PipePool& Loop::pipes() { return state_->pipes; }
WriteBatch& Loop::batch() { return state_->batch; }
uv_loop_s* Loop::raw() { return &state_->uv; }

}  // namespace weir::event
