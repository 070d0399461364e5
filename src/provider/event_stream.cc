#include "provider/event_stream.h"

#include <utility>

#include "weir/base/log.h"

namespace weir::provider {

EventStream::EventStream(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing,
                         std::string path, std::string query, Decode decode, Callbacks callbacks)
    : loop_(loop),
      link_(link),
      random_(random),
      path_(std::move(path)),
      query_(std::move(query)),
      decode_(decode),
      callbacks_(std::move(callbacks)),
      backoff_(timing.backoff_first_ms, timing.backoff_max_ms),
      timer_(loop, [this] { on_timer(); }) {}

void EventStream::restart() { lost(0); }

void EventStream::wake() {
  if (state_ != State::waiting) return;
  retry_ms_ = 0;
  timer_.start_once(1);
}

void EventStream::open() {
  state_ = State::asked;
  line_.clear();
  timer_.start_once(kSilenceMsMax);
  call_ = link_.get(
      path_, query_, 0, [this](Result<http::ClientResponse> response) { on_over(response); },
      [this](std::string_view bytes) { on_bytes(bytes); });
}

void EventStream::on_bytes(std::string_view bytes) {
  if (state_ == State::waiting) return;  // given up within these
  timer_.start_once(kSilenceMsMax);
  for (size_t end; (end = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(end + 1)) {
    line_.append(bytes.substr(0, end));
    Status taken = on_line(line_);
    line_.clear();
    if (state_ == State::waiting) return;
    if (taken) continue;
    log::warn("event stream not understood, it is left for a while", {{"path", path_}, {"error", taken.error()}});
    return lost(kRefusedRetryMs);
  }
  line_.append(bytes);
  if (line_.size() > kLineBytesMax) lost(kRefusedRetryMs);
}

Status EventStream::on_line(std::string_view line) {
  auto events = decode_(line);
  if (!events) return fail(events.error());
  if (std::exchange(state_, State::heard) == State::asked) {
    backoff_.reset();
    callbacks_.on_open();
  }
  if (events->index != 0) callbacks_.on_events(*events);
  return {};
}

void EventStream::on_over(const Result<http::ClientResponse>& response) {
  finished_ = std::move(call_);
  if (state_ == State::waiting) return;
  const bool refused = response.has_value() && response->status / 100 != 2;
  lost(refused ? kRefusedRetryMs : backoff_.next_ms(random_));
}

void EventStream::on_timer() {
  if (state_ != State::waiting) return lost(backoff_.next_ms(random_));
  call_.reset();
  finished_.reset();
  if (uint64_t retry_ms = std::exchange(retry_ms_, 0); retry_ms > 0) return timer_.start_once(retry_ms);
  open();
}

/// The call goes when the timer comes: this may be one of its callbacks.
void EventStream::lost(uint64_t retry_ms) {
  retry_ms_ = retry_ms;
  timer_.start_once(1);
  if (std::exchange(state_, State::waiting) == State::heard) callbacks_.on_lost();
}

}  // namespace weir::provider
