// When things go wrong: another endpoint gets the request, the client an answer of our own, or what has begun is cut.

#include <algorithm>
#include <utility>

#include "proxy/exchange.h"
#include "proxy/worker.h"

namespace weir::proxy {

using http::Body;

namespace {
// Requests that were on their way to a connection that an upstream gives up: those behind them may meet the same again.
constexpr uint32_t kLeavesMax = 10;
}  // namespace

void Exchange::on_client_gone(const Error& error) {
  error_ = error.code == ErrorCode::invalid ? ProxyError::request_malformed : ProxyError::client_gone;
  finish();  // nobody to tell
}

void Exchange::on_upstream_failed(const Error& error) {
  ProxyError what = upstream_error(error);
  bool maybe_stale = upstream_->maybe_stale();
  release_upstream();
  if (state_ == State::waiting && retry(what, maybe_stale)) return;
  end_with(what);
}

void Exchange::on_deadline() {
  // Who sends messages owes nothing at a rate.
  bool client_owes = (state_ == State::waiting || state_ == State::collecting) && owes_body() && !streams_messages_;
  Progress::Sides sides{before_upstream() ? nullptr : client_, upstream_, request_bytes_, response_bytes_, client_owes};
  switch (progress_.look(worker_.loop().now_ms(), sides)) {
    case Progress::Verdict::going_on: return look_again();
    case Progress::Verdict::silent: return end_silence();
    case Progress::Verdict::total: return end_with(ProxyError::total_timeout);
    case Progress::Verdict::request_slow: return end_with(ProxyError::request_slow);
    case Progress::Verdict::response_slow: return end_with(ProxyError::client_stalled);
  }
}

void Exchange::end_silence() {
  ProxyError what = silent_side();
  bool repeatable = state_ == State::waiting && what == ProxyError::response_timeout;
  if (!repeatable || !retry(what)) end_with(what);
}

// Who does not read what is queued for it is the one to blame.
ProxyError Exchange::silent_side() const {
  if (state_ == State::collecting) return ProxyError::request_timeout;
  if (auth_call_ != nullptr) return ProxyError::auth_failed;
  if (state_ == State::undecided) return ProxyError::authentication_busy;
  if (state_ == State::queued) return ProxyError::endpoint_busy;
  if (in_tunnel()) return ProxyError::tunnel_idle;
  if (state_ == State::relaying) {
    return client_->queued_bytes() == 0 ? ProxyError::response_timeout : ProxyError::client_stalled;
  }
  bool client_silent = owes_body() && upstream_->queued_bytes() == 0;
  return client_silent ? ProxyError::request_timeout : ProxyError::response_timeout;
}

// Another endpoint may have the request when nothing of it can have been acted upon, or when acting twice does no harm,
// the whole of it is still here, and not too many others are sent twice.
bool Exchange::retry(ProxyError error, bool maybe_stale) {
  error_ = error;
  bool body_gone = request_bytes_ > early_body_.size() + sent_body_.size();
  bool leaves = error == ProxyError::upstream_leaves;
  bool refused = leaves || error == ProxyError::upstream_refused;
  if (!row(error).may_retry || body_gone || (!sent_body_.empty() && !refused)) return false;
  const config::RetryConfig& config = worker_.config().retry;
  uint32_t attempts_max =
      leaves && config.attempts_max > 0 ? std::max(config.attempts_max, kLeavesMax) : config.attempts_max;
  if (retries_ >= attempts_max || tried_.full()) return false;
  bool unsent = error == ProxyError::connect_failed || error == ProxyError::connect_timeout ||
                error == ProxyError::upstream_tls || error == ProxyError::transport_missing || refused;
  bool whole = request_.body == Body::none && request_.upgrade.empty();
  maybe_stale = maybe_stale && whole && http::is_idempotent(request_.method);
  if (!unsent && !maybe_stale && !(whole && worker_.retry_policy().repeats(error, request_.method))) return false;
  if (maybe_stale || refused) {
    last_resort_ = endpoint_;
    fresh_connection_ = true;
  }
  EndpointState* other = next_endpoint();
  if (other == nullptr) return false;
  // What no endpoint has seen loads none, and of stale connections there are only so many.
  if (!unsent && !maybe_stale && !service_->retry_budget.take(config, worker_.loop().now_ms())) {
    ++worker_.stats().retries_denied;
    return false;
  }
  ++retries_;
  ++worker_.stats().retries;
  ++service_->stats.retries;
  release_upstream();
  early_body_.insert(0, std::exchange(sent_body_, std::string()));
  try_endpoint(*other);
  return true;
}

void Exchange::end_with(ProxyError error) {
  error_ = error;
  if (status_ != 0) {  // the answer has begun: it is cut
    if (is_upstreams_fault(error)) client_->end_short();
    return finish();
  }
  answer(row(error).status);
}

void Exchange::cut() {
  if (state_ != State::free && state_ != State::finishing) end_with(ProxyError::draining);
}

}  // namespace weir::proxy
