#include "provider/blocking_query.h"

#include <algorithm>
#include <utility>

#include "weir/base/clock.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr size_t kErrorBodyBytesMax = 200;  // of an error's text shown to people
constexpr uint32_t kIdleTurnsMax = 3;       // answers at once without news before we poll instead

Error status_error(const http::ClientResponse& response) {
  std::string_view body = trim(response.body);
  body = body.substr(0, kErrorBodyBytesMax);
  const ErrorCode code = response.status == 403 ? ErrorCode::refused : ErrorCode::unavailable;
  return {code, "status " + std::to_string(response.status) + (body.empty() ? "" : ": " + std::string(body))};
}

bool filtered_by_acls(const http::ClientResponse& response) {
  return equals_ignore_case(response.header("X-Consul-Results-Filtered-By-Acls"), "true");
}

}  // namespace

BlockingQuery::BlockingQuery(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing,
                             QuerySubject subject, OnAnswer on_answer, OnFailure on_failure)
    : loop_(loop),
      link_(link),
      random_(random),
      timing_(timing),
      subject_(std::move(subject)),
      on_answer_(std::move(on_answer)),
      on_failure_(std::move(on_failure)),
      backoff_(timing.backoff_first_ms, timing.backoff_max_ms),
      timer_(loop, [this] { send(); }) {}

void BlockingQuery::start() { schedule(0); }

void BlockingQuery::ask_afresh() {
  index_ = 0;
  ask_again();
}

void BlockingQuery::ask_again() {
  if (!call_) return;
  call_.reset();
  schedule(0);
}

void BlockingQuery::wake() {
  if (std::exchange(address_failed_, false)) timer_.start_once(1 + random_.below(kWakeMs));
}

void BlockingQuery::schedule(uint64_t delay_ms) {
  const uint64_t paced_ms = std::max(delay_ms, bucket_.take(loop_.now_ms()));
  if (paced_ms == 0) {
    timer_.stop();
    send();
  } else {
    timer_.start_once(paced_ms);
  }
}

void BlockingQuery::send() {
  std::string query = "wait=" + std::to_string(timing_.wait_ms) + "ms";
  uint64_t timeout_ms = timing_.immediate_ms;
  if (index_ != 0) {
    query = "index=" + std::to_string(index_) + "&" + query;
    timeout_ms = timing_.wait_ms + timing_.wait_ms / 16 + timing_.slack_ms;
  }
  if (!subject_.query.empty()) query = subject_.query + "&" + query;
  address_failed_ = false;
  generation_ = link_.generation();
  sent_at_ms_ = loop_.now_ms();
  auto done = [this](Result<http::ClientResponse> response) { on_response(std::move(response)); };
  if (subject_.text == nullptr) {
    call_ = link_.get(subject_.path, query, timeout_ms, std::move(done));
    return;
  }
  subject_.text->begin();
  call_ = link_.get(subject_.path, query, timeout_ms, std::move(done),
                    [this](std::string_view piece) { subject_.text->take(piece); });
}

void BlockingQuery::on_response(Result<http::ClientResponse> response) {
  finished_ = std::move(call_);
  if (!response) return failed(response.error(), Whose::address);
  const bool absent =
      subject_.may_be_absent && response->status == 404 && !response->header(link_.index_header()).empty();
  if (absent) response->body.clear();
  if (response->status != 200 && !absent) return refuse(*response);
  take(*response);
}

void BlockingQuery::take(const http::ClientResponse& response) {
  const uint64_t index = parse_u64(response.header(link_.index_header())).value_or(0);
  const RepeatedText* text = subject_.text;
  if (text != nullptr && text->overflowed()) {
    return failed({ErrorCode::too_large, "the answer is longer than " + std::to_string(RepeatedText::kBytesMax)},
                  Whose::resource);
  }
  // What keeps the text compares it itself; the hash then only says that there has been an answer.
  const uint64_t hash = text != nullptr ? 1 : content_hash(response.body);
  const QueryAnswer answer{.body = response.body,
                           .index = index,
                           .same_body = hash == body_hash_ && (text == nullptr || text->same()),
                           .body_bytes = text != nullptr ? text->size() : response.body.size(),
                           .body_hash = hash,
                           .index_before = accepted_index_,
                           .seen_us = steady_us()};
  // Consul also says so when something has come that the token may not read: then nothing is missing, as far as the
  // length tells.
  const bool filtered = filtered_by_acls(response);
  const bool shorter = body_hash_ != 0 && answer.body_bytes < body_bytes_;
  lost_rights_ = filtered && !filtered_ && (lost_rights_ || shorter);
  if (lost_rights_) {
    return failed({ErrorCode::refused, "the answer is now filtered by ACLs: the token has lost rights"},
                  Whose::resource);
  }
  if (Status accepted = on_answer_(answer); !accepted) return failed(accepted.error(), Whose::resource);

  link_.note_success(generation_);
  backoff_.reset();
  body_hash_ = hash;
  body_bytes_ = answer.body_bytes;
  filtered_ = filtered;
  const uint64_t delay_ms = pace_after_answer(answer, steady_us() - answer.seen_us);
  index_ = index < index_ ? 0 : index;
  accepted_index_ = index;
  schedule(delay_ms);
}

uint64_t BlockingQuery::pace_after_answer(const QueryAnswer& answer, uint64_t work_us) {
  if (answer.index == 0) return timing_.poll_ms;
  const bool at_once = loop_.now_ms() - sent_at_ms_ < timing_.wait_ms / 2;
  const bool idle = answer.index == accepted_index_ && answer.same_body && at_once;
  idle_turns_ = idle ? idle_turns_ + 1 : 0;
  if (idle_turns_ >= kIdleTurnsMax) return timing_.poll_ms;
  const uint64_t rest_ms = work_us * kRestPerWork / 1'000;
  if (!answer.same_body) return rest_ms;
  const uint64_t paced_ms = idle_bucket_.take(loop_.now_ms());
  const bool first_ones = paced_ms == 0;
  return first_ones ? rest_ms : std::max({rest_ms, paced_ms, answer.body_bytes / kSameBytesPerMs});
}

void BlockingQuery::refuse(const http::ClientResponse& response) {
  if (response.status == 403 && link_.renew_token()) return schedule(0);
  uint64_t delay_min_ms = asked_pause_ms(response.status, response.header("Retry-After"));
  if (response.status == 429) delay_min_ms = std::max<uint64_t>(delay_min_ms, timing_.backoff_first_ms * 10);
  const bool server_in_trouble = response.status >= 500 && subject_.speaks_for_server;
  failed(status_error(response), server_in_trouble ? Whose::address : Whose::resource, delay_min_ms);
}

void BlockingQuery::failed(const Error& error, Whose whose, uint64_t delay_min_ms) {
  const uint64_t generation = generation_;
  const bool hang = error.code == ErrorCode::timeout;
  const uint64_t jitter_ms = random_.below(delay_min_ms / 8 + 1);
  const bool nobody_there = whose == Whose::address && error.code == ErrorCode::refused;
  const uint64_t limit_ms = nobody_there ? timing_.backoff_refused_ms : timing_.backoff_max_ms;
  schedule(std::max(backoff_.next_ms(random_, limit_ms), delay_min_ms + jitter_ms));
  address_failed_ = whose == Whose::address && delay_min_ms == 0;
  on_failure_(error);
  // Last: a move to another address calls ask_afresh() of every query, of this one too.
  if (whose == Whose::address) link_.note_failure(generation, hang);
}

}  // namespace weir::provider
