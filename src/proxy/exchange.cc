#include "proxy/exchange.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/access_log.h"
#include "proxy/compressor.h"
#include "proxy/entry_redirect.h"
#include "proxy/grpc_web.h"
#include "proxy/worker.h"
#include "weir/base/check.h"
#include "weir/base/host_port.h"
#include "weir/event/pipe.h"
#include "weir/proxy/path.h"

namespace weir::proxy {

using http::Body;
using http::Header;

namespace {
constexpr uint16_t kResetContent = 205;
// Of a request's body that is kept until its HTTP/2 upstream answers: with a GOAWAY it may refuse what was on its way.
constexpr size_t kSentBodyBytesMax = 16 * 1024;
}  // namespace

Exchange::Exchange(Worker& worker) : worker_(worker), progress_(worker.config().limits, worker.config().timeouts) {}

Exchange::~Exchange() {
  if (pinned_ != nullptr) worker_.unpin(*pinned_);  // the worker dies with requests under way
}

// ---- Head: which router ----

void Exchange::on_request_head(Owner& owner, http::ServerStream& client, const http::RequestHead& head,
                               const ForwardedBy& by, const IpAddress& client_ip, std::string_view entry_point) {
  enter(State::routing);
  owner_ = &owner;
  client_ = &client;
  client.attach(*this);
  by_ = &by;
  client_ip_ = client_ip;
  entry_point_ = entry_point;
  pin_table();
  host_ = normalise_host(head.authority, host_storage_);
  routing::MatchAhead ahead(pinned_->table.get(), host_);
  request_ = storage_.keep(head);
  if (host_.data() != host_storage_.data()) host_ = request_.authority.substr(0, host_.size());
  started_us_ = worker_.loop().now_us();
  progress_.begin(worker_.loop().now_ms());
  ahead.advance();
  if (is_too_large(request_.content_length)) return end_with(ProxyError::body_too_large);
  if (uint16_t status = final_recipient_status(request_); status != 0) return answer(status);
  if (by_->redirect != nullptr) {
    uint16_t status = by_->redirect->answer(request_, scratch_.location);
    return answer(status, status == 400 ? std::string_view() : scratch_.location);
  }
  match(ahead);
}

void Exchange::pin_table() { pinned_ = worker_.pin(); }

// What does not ask for the router comes first: what the router lies in is on its way meanwhile.
void Exchange::match(routing::MatchAhead& ahead) {
  if (!pinned_->table) return end_with(ProxyError::not_ready);
  prepare_head();
  ahead.advance();
  target_ = normalise_target(request_.target, path_storage_);
  routing::RequestView view;
  view.method = request_.method_text;
  view.host = host_;
  if (view.host.size() != request_.authority.size()) view.port = split_host_port(request_.authority).port;
  view.path = target_.path;
  view.query = target_.query;
  view.headers = scratch_.headers;  // without what nobody is trusted with
  view.upgrade = request_.upgrade;
  if (request_.has_content_length) view.content_length = request_.content_length;
  view.expect_continue = request_.expect_continue;
  view.te_trailers = request_.te_trailers;
  view.client_ip = client_ip_;
  view.entry_point = entry_point_;
  view.tls = by_->tls != nullptr;
  router_ = pinned_->table->match(view);
  if (router_ == nullptr) {
    ++worker_.stats().no_route;
    return end_with(ProxyError::no_route);
  }
  if (view.tls && worker_.is_misdirected(*by_->tls, view.host, *router_, by_->tls_options)) {
    return end_with(ProxyError::misdirected);
  }
  worker_.router_counters().prefetch_place(*router_);
  run_middlewares();
}

void Exchange::prepare_head() {
  outgoing_ = request_;
  write_forwarded_headers(request_, *by_, worker_.config().forwarding, scratch_);
}

void Exchange::run_middlewares() {
  append_hop(request_, *by_, worker_.config().forwarding, scratch_);
  outcome_ = run_request_middlewares(*router_, request_, target_.path, *by_, worker_.guards(), scratch_);
  follow_middlewares();
}

void Exchange::follow_middlewares() {
  if (outcome_.undecided != nullptr) return ask_guard();
  if (outcome_.status != 0) return answer(outcome_.status, outcome_.redirect ? scratch_.location : std::string_view());
  if (is_too_large(std::max(request_.content_length, request_bytes_))) return end_with(ProxyError::body_too_large);
  append_via(worker_.config().requests.via, request_.version, scratch_.headers, scratch_.via);
  if (outcome_.grpc_web != nullptr) {
    if (!begin_grpc_web(*outcome_.grpc_web)) return answer(400);
  } else if (outcome_.compression != nullptr) {
    put_before_client(
        std::make_unique<Compressor>(*client_, *outcome_.compression, outcome_.coding, worker_.encoders()));
  }
  outgoing_.headers = scratch_.headers;
  if (outcome_.path != target_.path || target_.rewritten) {
    if (outcome_.path.data() != scratch_.target.data()) scratch_.target = outcome_.path;
    if (target_.has_query) (scratch_.target += '?') += target_.query;
    outgoing_.target = scratch_.target;
  }
  // What such a router has instead of a service bears the name of one that others use.
  if (!router_->problem().empty()) return end_with(ProxyError::no_endpoint);
  service_ = &worker_.service_state(router_->service, *pinned_);
  ++service_->users;
  if (!outcome_.authority.empty()) outgoing_.authority = outcome_.authority;
  own_authority_ = !router_->service->pass_host_header || outgoing_.authority.empty();
  choose_endpoint();
}

/// False: what has come of its body meanwhile is none.
bool Exchange::begin_grpc_web(const routing::Middleware& middleware) {
  std::string_view origin = GrpcWeb::allowed_origin(request_, middleware.values);
  http::ServerStreamObserver& self = *this;
  auto grpc_web = std::make_unique<GrpcWeb>(*client_, self, request_, origin);
  if (!grpc_web->take_early(early_body_, request_ended_)) return false;
  request_bytes_ = early_body_.size();
  early_trailers_ = {};
  grpc_web->change_request(outgoing_, scratch_.headers);
  put_before_client(std::move(grpc_web));
  return true;
}

void Exchange::put_before_client(std::unique_ptr<AnswerFilter> filter) {
  filter_ = std::move(filter);
  client_ = filter_.get();
}

// ---- Upstream: which endpoint, and a connection to it ----

void Exchange::choose_endpoint() {
  service_->retry_budget.note_request(worker_.config().retry);
  kept_ = service_->find_kept(outgoing_.headers);
  EndpointState* chosen = kept_ != nullptr ? kept_ : next_endpoint();
  if (chosen == nullptr) return end_with(ProxyError::no_endpoint);
  try_endpoint(*chosen);
}

// One that was not tried yet; rather one with room than one that is busy.
EndpointState* Exchange::next_endpoint() {
  EndpointState* chosen = service_->pick(tried_);
  if (chosen == nullptr && last_resort_ != nullptr) {
    tried_.remove(std::exchange(last_resort_, nullptr));
    chosen = service_->pick(tried_);
  }
  if (chosen == nullptr || worker_.pool().has_room(*chosen, upstream_kind(*chosen))) return chosen;
  TriedEndpoints passed_over = tried_;
  for (EndpointState* other = chosen; other != nullptr; other = service_->pick(passed_over)) {
    if (worker_.pool().has_room(*other, upstream_kind(*other))) return other;
    passed_over.add(*other);
    if (passed_over.full()) break;
  }
  return chosen;
}

void Exchange::try_endpoint(EndpointState& endpoint) {
  if (endpoint_ != nullptr) service_->end(*endpoint_);
  endpoint_ = &endpoint;
  tried_.add(endpoint);
  service_->begin(endpoint);
  acquire_upstream();
}

void Exchange::acquire_upstream() {
  attempt_us_ = worker_.loop().now_us();
  if (!worker_.pool().speaks_to(*endpoint_)) {
    if (!retry(ProxyError::transport_missing)) end_with(ProxyError::transport_missing);
    return;
  }
  UpstreamKind kind = upstream_kind(*endpoint_);
  UpstreamPool& pool = worker_.pool();
  http::ClientSession* idle = pool.take_idle(*endpoint_, kind, fresh_connection_);
  if (idle != nullptr) return on_upstream_ready(*idle);
  if (pool.has_room(*endpoint_, kind)) {
    enter(State::connecting);
    wait_at_most(0);  // the connection has a deadline of its own
    return pool.connect(*endpoint_, *this, kind);
  }
  enter(State::queued);
  if (!pool.wait_for_turn(*endpoint_, *this)) return end_with(ProxyError::endpoint_busy);
  wait_at_most(worker_.config().timeouts.pending_ms);
}

UpstreamKind Exchange::upstream_kind(const EndpointState& endpoint) const {
  UpstreamKind kind;
  kind.http1_only = !request_.upgrade.empty() && endpoint.scheme == "https";
  if (uint8_t version = router_->service->proxy_protocol; version > 0) {
    kind.version = version == 1 ? http::ProxyVersion::v1 : http::ProxyVersion::v2;
    kind.client = by_->client;
    kind.local = by_->local;
  }
  return kind;
}

void Exchange::on_turn() { acquire_upstream(); }

void Exchange::on_upstream_unavailable(const Error& error) {
  ProxyError what = connect_error(error);
  if (!retry(what)) end_with(what);
}

void Exchange::on_upstream_ready(http::ClientSession& session) {
  upstream_ = &session.begin(*this);
  forward_head();
}

// ---- The request goes up ----

void Exchange::forward_head() {
  enter(State::waiting);
  if (own_authority_) outgoing_.authority = endpoint_->authority;
  upstream_->send_head(outgoing_);
  if (may_pipe(request_.content_length) && upstream_->takes_piped()) client_->pipe_body();
  if (!early_body_.empty()) {
    upstream_->send_body(early_body_);
    keep_sent_body(early_body_);
    early_body_.clear();
  }
  if (request_ended_) {
    upstream_->send_end(early_trailers_);
  } else {
    resume_client();
  }
  // Where it would have a connection to itself it is none: gRPC streams over HTTP/2 alone.
  streams_messages_ = !request_ended_ && request_.multiplexed && GrpcWeb::is_plain_call(outgoing_);
  wait_at_most(owes_body() ? request_idle_ms() : worker_.config().timeouts.response_head_ms);
}

// Who asked to be told before it sends its body owes nothing until then.
bool Exchange::owes_body() const { return !request_ended_ && !request_.expect_continue; }

// It is told, or does not wait for that; the time until now was not its own.
void Exchange::end_expectation() {
  request_.expect_continue = false;
  progress_.note_told();
}

// A gRPC client may stream as seldom as a server may answer.
uint32_t Exchange::request_idle_ms() const {
  const config::TimeoutsConfig& timeouts = worker_.config().timeouts;
  return streams_messages_ ? timeouts.response_idle_ms : timeouts.body_idle_ms;
}

void Exchange::on_request_body(std::string_view bytes) {
  if (request_ended_ && !in_tunnel()) return;  // nobody says more than it has announced
  if (is_too_large(request_bytes_ + bytes.size()) && !in_tunnel()) {
    return end_with(ProxyError::body_too_large);
  }
  request_bytes_ += bytes.size();
  if (request_.expect_continue) end_expectation();
  if (state_ == State::collecting) return collect(bytes);
  if (before_upstream()) {
    // At most what one read brought, for reading stops here until an upstream is there.
    early_body_.append(bytes);
    return pause_client();
  }
  if (upstream_ == nullptr) return;
  upstream_->send_body(bytes);
  keep_sent_body(bytes);
  on_request_sent(worker_.config().limits.relay_buffer_bytes_max);
}

bool Exchange::may_pipe(uint64_t body_bytes) const {
  return body_bytes >= http::kPipedBytesMin && worker_.config().limits.relay_buffer_bytes_max >= event::Pipe::kBytes;
}

void Exchange::on_request_piped(event::Pipe& pipe) {
  bool too_large = is_too_large(request_bytes_ + pipe.size());
  if (too_large || upstream_ == nullptr || !upstream_->takes_piped()) return on_request_body(pipe.text());
  request_bytes_ += pipe.size();
  if (request_.expect_continue) end_expectation();
  upstream_->send_piped(pipe);
  on_request_sent(0);
}

/// `queued_max`: what may wait there before the client has to. In a pipe all of it does, so the next one waits.
void Exchange::on_request_sent(size_t queued_max) {
  if (state_ == State::waiting) wait_at_most(request_idle_ms());
  if (state_ == State::relaying) wait_at_most(worker_.config().timeouts.response_idle_ms);
  if (in_tunnel()) wait_at_most(worker_.config().timeouts.upgrade_idle_ms);
  if (upstream_->queued_bytes() > queued_max) pause_client();
}

// All of what was sent, or nothing.
void Exchange::keep_sent_body(std::string_view bytes) {
  if (state_ != State::waiting || !endpoint_->may_share) return;
  bool whole = sent_body_.size() + bytes.size() == request_bytes_ && request_bytes_ <= kSentBodyBytesMax;
  if (!whole) sent_body_ = std::string();
  if (whole) sent_body_.append(bytes);
}

bool Exchange::before_upstream() const {
  return state_ == State::routing || state_ == State::collecting || state_ == State::undecided ||
         state_ == State::queued || state_ == State::connecting;
}

bool Exchange::in_tunnel() const { return state_ == State::tunnel || state_ == State::half_tunnel; }

void Exchange::pause_client() {
  progress_.note_paused();
  client_->pause_body();
}

void Exchange::resume_client() {
  progress_.note_resumed();
  client_->resume_body();
}

bool Exchange::is_too_large(uint64_t body_bytes) const {
  uint32_t bytes_max = worker_.config().limits.body_bytes_max;
  if (outcome_.request_bytes_max > 0 && body_bytes > outcome_.request_bytes_max) return true;
  return bytes_max > 0 && body_bytes > bytes_max;
}

bool Exchange::is_answer_too_large(uint64_t body_bytes) const {
  return outcome_.answer_bytes_max > 0 && body_bytes > outcome_.answer_bytes_max;
}

void Exchange::on_upstream_drained() { resume_client(); }

void Exchange::on_request_end(std::span<const Header> trailers) {
  if (in_tunnel()) {
    upstream_->send_end(trailers);
    return end_half();
  }
  request_ended_ = true;
  if (!trailers.empty() && says_who_asks()) trailers = {};
  if (!trailers.empty()) {
    http::RequestHead late;
    late.headers = trailers;
    early_trailers_ = trailer_storage_.keep(late).headers;
  }
  if (state_ == State::collecting) return ask_auth_server();
  if (upstream_ == nullptr) return;
  upstream_->send_end(trailers);
  if (state_ == State::waiting) wait_at_most(worker_.config().timeouts.response_head_ms);
}

// ---- The answer comes down ----

void Exchange::on_interim(const http::ResponseHead& head) {
  client_->send_interim(head);
  if (head.status != 100 || !request_.expect_continue) return;
  end_expectation();
  if (owes_body()) wait_at_most(request_idle_ms());
}

void Exchange::on_response_head(const http::ResponseHead& head) {
  bool upgraded = head.status == 101;
  if (upgraded && !http::is_upgrade_asked(request_.upgrade, head.upgrade)) {
    return on_upstream_failed(Error{ErrorCode::invalid, "an upgrade that was not asked for"});
  }
  if (request_.success_is_upgrade && head.status / 100 == 2) {
    return on_upstream_failed(Error{ErrorCode::invalid, "an upgrade that was not taken"});
  }
  if (head.body != Body::none && is_answer_too_large(head.content_length.value_or(0))) {
    return end_with(ProxyError::answer_too_large);
  }
  if (worker_.retry_policy().refuses(head.status) && retry(ProxyError::upstream_status)) return;
  enter(upgraded ? State::tunnel : State::relaying);
  if (!sent_body_.empty()) sent_body_ = std::string();
  answered_us_ = worker_.loop().now_us();
  worker_.router_counters().prefetch_series(*router_);
  error_ = ProxyError::none;  // what an earlier attempt came to
  status_ = head.status;
  if (upgraded) {
    progress_.lift_total();
    ++worker_.stats().tunnels;
    ++worker_.stats().open_tunnels;
  }
  if (!request_ended_ || upgraded)
    client_->forbid_reuse();  // an early answer: nobody will read the rest of the request
  http::ResponseHead passed = head;
  run_response_middlewares(*router_, head.headers, *by_, scratch_, response_headers_);
  append_via(worker_.config().requests.via, head.version, response_headers_, scratch_.via);
  if (endpoint_ != kept_) keep_endpoint();
  // Who forwards an answer without a Date says when it came (RFC 9110 section 6.6.1).
  if (!upgraded && http::find(response_headers_, "Date") == nullptr) {
    response_headers_.push_back({"Date", http::http_date()});
  }
  passed.headers = response_headers_;
  if (head.status == kResetContent) {
    passed.body = Body::none;
    passed.content_length = 0;
  }
  client_->send_head(passed);
  if (worker_.access_log().has_headers()) note_answer(head.headers, passed.headers);
  if (may_pipe(passed.content_length.value_or(0)) && client_->takes_piped()) upstream_->pipe_body();
  wait_at_most(upgraded ? worker_.config().timeouts.upgrade_idle_ms : worker_.config().timeouts.response_idle_ms);
}

// The client's next requests come to the endpoint that has answered, where its service wants that.
void Exchange::keep_endpoint() {
  const std::string_view cookie = service_->set_cookie(*endpoint_);
  if (!cookie.empty()) response_headers_.push_back({"Set-Cookie", cookie});
}

void Exchange::on_response_body(std::string_view bytes) {
  if (status_ == kResetContent) return;  // has no content, whatever the upstream says
  response_bytes_ += bytes.size();
  if (is_answer_too_large(response_bytes_) && !in_tunnel()) return end_with(ProxyError::answer_too_large);
  client_->send_body(bytes);
  on_response_sent(worker_.config().limits.relay_buffer_bytes_max);
}

void Exchange::on_response_piped(event::Pipe& pipe) {
  response_bytes_ += pipe.size();
  client_->send_piped(pipe);
  on_response_sent(0);
}

void Exchange::on_response_sent(size_t queued_max) {
  wait_at_most(in_tunnel() ? worker_.config().timeouts.upgrade_idle_ms : worker_.config().timeouts.response_idle_ms);
  if (client_->queued_bytes() > queued_max) upstream_->pause_body();
}

void Exchange::on_client_drained() {
  if (upstream_ != nullptr) upstream_->resume_body();
}

void Exchange::on_response_end(std::span<const Header> trailers) {
  client_->send_end(trailers);
  if (in_tunnel()) return end_half();
  finish();
}

// The other half may go on.
void Exchange::end_half() {
  if (state_ == State::half_tunnel) return finish();
  enter(State::half_tunnel);
}

// ---- An answer of our own ----

void Exchange::answer(uint16_t status, std::string_view location) {
  // What went well (a preflight) says all in its fields.
  http::AnswerPage page = status < 300 ? http::AnswerPage() : worker_.answer_pages().page(status);
  char seconds[16];
  auto& fields = scratch_.answer_headers;  // what the middleware that answers wants said, and:
  fields.push_back({"Date", http::http_date()});
  if (!page.content_type.empty()) fields.push_back({"Content-Type", page.content_type});
  if (!location.empty()) fields.push_back({"Location", location});
  if (uint32_t retry_after_s = worker_.config().answers.retry_after_s; status == 503 && retry_after_s > 0) {
    char* end = std::to_chars(seconds, seconds + sizeof seconds, retry_after_s).ptr;
    fields.push_back({"Retry-After", {seconds, static_cast<size_t>(end - seconds)}});
  }
  send_answer(status, page.body);
}

/// With the fields in scratch_.answer_headers.
void Exchange::send_answer(uint16_t status, std::string_view body) {
  release_upstream();
  status_ = status;
  const auto& own = scratch_.answer_headers;
  http::ResponseHead head;
  head.status = status;
  head.headers = own;
  if (scratch_.passed > 0) {
    run_response_middlewares(*router_, own, *by_, scratch_, response_headers_);
    head.headers = response_headers_;
  }
  head.body = Body::length;
  head.content_length = body.size();
  if (request_.body != Body::none && !request_ended_) client_->forbid_reuse();
  client_->send_head(head);
  if (worker_.access_log().has_headers()) note_answer({}, head.headers);
  client_->send_body(body);
  client_->send_end({});
  response_bytes_ = body.size();
  finish();
}

// ---- The end: the only exit ----

void Exchange::finish() {
  if (in_tunnel()) --worker_.stats().open_tunnels;
  enter(State::finishing);
  clear_deadline();
  stop_weighing();
  auth_call_.reset();
  stop_waiting();
  release_upstream();
  uint16_t status = status_ != 0 ? status_ : row(error_).status;  // of what the client, being gone, cannot be told
  uint64_t duration_us = worker_.loop().now_us() - started_us_;
  worker_.count({status, request_.method, protocol(), duration_us, request_bytes_, sent_bytes()}, entry_point_, router_,
                service_, endpoint_);
  if (!by_->tls_version.empty()) worker_.count_tls(*by_, entry_point_, router_, service_);
  if (worker_.access_log().wants(status, duration_us, retries_)) note_access(status, duration_us);
  if (endpoint_ != nullptr) service_->end(*endpoint_);
  if (service_ != nullptr) --service_->users;
  worker_.unpin(*std::exchange(pinned_, nullptr));
  http::ServerStream* client = std::exchange(client_, nullptr);
  forget();
  enter(State::free);
  owner_->on_exchange_done(*this);
  client->release();  // last: the session may begin the next request in here
}

// What the next request must not find; the others are set by it before they are read.
void Exchange::forget() {
  router_ = nullptr;
  service_ = nullptr;
  endpoint_ = nullptr;
  last_resort_ = kept_ = nullptr;
  tried_ = {};
  outcome_ = {};
  scratch_.answer_headers.clear();
  scratch_.seats.clear();
  scratch_.auth_answers.clear();
  scratch_.user.clear();
  answer_log_fields_.clear();
  early_body_ = std::string();
  sent_body_ = std::string();
  early_trailers_ = {};
  started_us_ = attempt_us_ = answered_us_ = request_bytes_ = response_bytes_ = 0;
  retries_ = scratch_.passed = 0;
  status_ = 0;
  error_ = ProxyError::none;
  fresh_connection_ = request_ended_ = streams_messages_ = scratch_.wants_events = false;
}

void Exchange::release_upstream() {
  if (auto* upstream = std::exchange(upstream_, nullptr)) upstream->release();
}

RequestProtocol Exchange::protocol() const {
  if (!request_.upgrade.empty()) return RequestProtocol::websocket;
  return scratch_.wants_events ? RequestProtocol::sse : RequestProtocol::http;
}

void Exchange::enter(State wanted) {
  ASSERT(wanted == State::free      ? state_ == State::finishing
         : wanted == State::routing ? state_ == State::free
                                    : state_ != State::free && state_ != State::finishing);
  state_ = wanted;
}

void Exchange::wait_at_most(uint32_t timeout_ms) {
  if (progress_.expect_within(timeout_ms, worker_.loop().now_ms())) look_again();
}

void Exchange::look_again() {
  uint64_t delay_ms = progress_.plan_look(worker_.loop().now_ms());
  if (delay_ms == Progress::kNever) return clear_deadline();
  set_deadline(worker_.loop(), delay_ms);
}

}  // namespace weir::proxy
