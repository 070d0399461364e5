#include "provider/service_fetcher.h"

#include "weir/base/clock.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {
constexpr int kTooManyRequests = 429;
}  // namespace

ServiceFetcher::ServiceFetcher(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing,
                               std::string_view service_path, OnAnswer on_answer, OnFailure on_failure)
    : loop_(loop),
      link_(link),
      random_(random),
      timing_(timing),
      service_path_(service_path),
      on_answer_(std::move(on_answer)),
      on_failure_(std::move(on_failure)),
      backoff_(timing.backoff_first_ms, timing.backoff_max_ms),
      pause_(loop, [this] { pump(); }),
      rest_(loop, [this] { pump(); }) {}

void ServiceFetcher::fetch(const std::string& name, Urgency urgency) {
  if (calls_.contains(name)) {
    again_.insert(name);
    return;
  }
  auto found = queued_.find(name);
  const bool waits_already = found != queued_.end() && (found->second == Urgency::now || urgency == Urgency::later);
  if (waits_already) return;
  queued_.insert_or_assign(name, urgency);
  (urgency == Urgency::now ? now_ : later_).push_back(name);
  pump();
}

void ServiceFetcher::forget(const std::string& name) {
  queued_.erase(name);
  again_.erase(name);
  failing_.erase(name);
  if (calls_.erase(name) > 0) pump();
}

void ServiceFetcher::restart() {
  std::vector<std::string> names;
  for (const auto& [name, call] : calls_) names.push_back(name);
  calls_.clear();
  for (const std::string& name : names) fetch(name, Urgency::now);
}

void ServiceFetcher::pump() {
  std::string name;
  while (!pause_.active() && calls_.size() < kFetchesMax && take_next(name)) {
    const uint64_t delay_ms = std::exchange(permitted_, false) ? 0 : bucket_.take(loop_.now_ms());
    if (delay_ms == 0) {
      send(name);
      continue;
    }
    // The permission is taken, for when the pause ends; whoever is first then uses it.
    permitted_ = true;
    queued_.insert_or_assign(name, Urgency::now);
    now_.push_front(name);
    pause_.start_once(delay_ms);
  }
}

bool ServiceFetcher::take_next(std::string& name) {
  for (auto* queue : {&now_, &later_}) {
    const Urgency urgency = queue == &now_ ? Urgency::now : Urgency::later;
    if (rest_.active() && urgency == Urgency::later) break;
    while (!queue->empty()) {
      name = std::move(queue->front());
      queue->pop_front();
      auto found = queued_.find(name);
      if (found == queued_.end() || found->second != urgency) continue;
      queued_.erase(found);
      return true;
    }
  }
  return false;
}

void ServiceFetcher::send(const std::string& name) {
  calls_[name] =
      link_.get(service_path_ + percent_encode(name), "", timing_.immediate_ms,
                [this, name](Result<http::ClientResponse> response) { on_response(name, std::move(response)); });
}

void ServiceFetcher::on_response(const std::string& name, Result<http::ClientResponse> response) {
  const auto finished = calls_.extract(name);  // lives to the end: `name` is part of it
  const bool again = again_.erase(name) > 0;
  Status taken = {};
  if (!response) {
    taken = fail(response.error());
  } else if (response->status != 200) {
    taken = fail(ErrorCode::unavailable, "status " + std::to_string(response->status));
  } else {
    const uint64_t seen_us = steady_us();
    const uint64_t index = parse_u64(response->header(link_.index_header())).value_or(0);
    taken = on_answer_(
        name, {.body = response->body, .index = index, .body_hash = content_hash(response->body), .seen_us = seen_us});
  }
  if (taken) {
    backoff_.reset();
    failing_.erase(name);
    if (again) fetch(name, Urgency::now);
    return pump();
  }
  on_failure_(name, taken.error());
  failing_.insert(name);
  const bool nobody_there = !response && taken.error().code == ErrorCode::refused;
  const uint64_t delay_ms =
      backoff_.next_ms(random_, nobody_there ? timing_.backoff_refused_ms : timing_.backoff_max_ms);
  const bool answered = response && response->status != kTooManyRequests;
  (answered ? rest_ : pause_).start_once(delay_ms);
  fetch(name, Urgency::later);
  pump();
}

}  // namespace weir::provider
