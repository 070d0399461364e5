#include "scheduler/agent/check_poll.h"

#include <algorithm>
#include <vector>

namespace weir::scheduler {

CheckPoll::CheckPoll(event::Loop& loop, http::Client& client, Options options)
    : client_(client), options_(std::move(options)), timer_(loop, [this] { ask(); }) {}

void CheckPoll::add(Reader& reader) {
  readers_.push_back(&reader);
  if (!timer_.active()) timer_.start_every(options_.period_ms);
}

void CheckPoll::remove(Reader& reader) {
  readers_.remove(&reader);
  if (!readers_.empty()) return;
  timer_.stop();
  call_.reset();
}

void CheckPoll::ask() {
  if (call_) return;  // slower than the period
  http::ClientRequest request{.url = options_.registry, .timeout_ms = options_.call_timeout_ms};
  request.url.target = "/v1/agent/checks";
  if (!options_.token.empty()) request.headers.emplace_back("X-Consul-Token", options_.token);
  call_ = client_.send(std::move(request), [this](Result<http::ClientResponse> response) {
    auto done = std::move(call_);
    if (!response || response->status != 200) return tell(nullptr);
    auto statuses = decode_check_statuses(response->body);
    tell(statuses ? &*statuses : nullptr);
  });
}

void CheckPoll::tell(const CheckStatuses* statuses) {
  std::vector<Reader*> now(readers_.begin(), readers_.end());
  for (Reader* reader : now) {
    bool still_there = std::find(readers_.begin(), readers_.end(), reader) != readers_.end();
    if (still_there) reader->on_check_statuses(statuses);
  }
}

}  // namespace weir::scheduler
