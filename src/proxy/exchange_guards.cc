// Where a middleware has to find out whether a request may pass: its password is weighed, or a server is asked.

#include <algorithm>
#include <utility>

#include "proxy/exchange.h"
#include "proxy/worker.h"

namespace weir::proxy {

using http::Body;

// What a middleware tells the upstream of its client in a field, the client shall not say in a trailer.
bool Exchange::says_who_asks() const {
  if (router_ == nullptr) return false;
  return std::any_of(router_->middlewares.begin(), router_->middlewares.end(), [](const auto& middleware) {
    using Type = routing::Middleware::Type;
    const Type type = middleware->type;
    return type == Type::forward_auth || type == Type::basic_auth || type == Type::digest_auth ||
           type == Type::pass_tls_client_cert;
  });
}

void Exchange::ask_guard() {
  const routing::Middleware& guard = *outcome_.undecided;
  if (guard.type == routing::Middleware::Type::forward_auth) {
    const bool sends_body = guard.forward_auth.sends_body && request_.body != Body::none;
    // An earlier guard may have waited while the body came.
    if (sends_body && is_too_large_to_ask(early_body_.size())) return answer(401);
    return sends_body && !request_ended_ ? collect_body() : ask_auth_server();
  }
  enter(State::undecided);
  if (!worker_.authenticator().weigh(guard, request_, client_ip_, *this))
    return end_with(ProxyError::authentication_busy);
  wait_at_most(worker_.config().timeouts.pending_ms);
}

void Exchange::on_weighed() { pass_guard(); }

void Exchange::pass_guard() {
  resume_request_middlewares(*router_, request_, *by_, worker_.guards(), scratch_, outcome_);
  follow_middlewares();
}

// ---- forwardAuth ----

void Exchange::collect_body() {
  if (is_too_large_to_ask(request_.content_length)) return answer(401);
  enter(State::collecting);
  if (request_.expect_continue) {
    http::ResponseHead go_on;
    go_on.status = 100;
    client_->send_interim(go_on);
    outgoing_.expect_continue = false;
    end_expectation();
  }
  if (!early_body_.empty()) resume_client();
  collect({});
}

bool Exchange::is_too_large_to_ask(uint64_t body_bytes) const {
  return body_bytes > AuthClient::limit(outcome_.undecided->forward_auth.request_bytes_max);
}

// As in Traefik, a body that is larger than it may be is for nobody.
void Exchange::collect(std::string_view bytes) {
  early_body_.append(bytes);
  if (is_too_large_to_ask(early_body_.size())) return answer(401);
  wait_at_most(worker_.config().timeouts.body_idle_ms);
}

void Exchange::ask_auth_server() {
  enter(State::undecided);
  const routing::ForwardAuth& auth = outcome_.undecided->forward_auth;
  std::string target(outcome_.path.empty() ? "/" : outcome_.path);
  if (target_.has_query) (target += '?') += target_.query;
  http::ClientRequest question = auth_question(auth, request_, target, *by_, scratch_.headers);
  if (auth.sends_body) question.body = early_body_;
  wait_at_most(AuthClient::kTimeoutMs);
  auto call =
      worker_.auth_client().send(*outcome_.undecided, std::move(question),
                                 [this](Result<http::ClientResponse> answer) { on_auth_answer(std::move(answer)); });
  if (call) {
    auth_call_ = std::move(*call);
  } else if (call.error().code == ErrorCode::unavailable) {
    end_with(ProxyError::authentication_busy);
  } else {
    on_auth_answer(fail(call.error()));
  }
}

void Exchange::on_auth_answer(Result<http::ClientResponse> answer) {
  auto ended = std::move(auth_call_);
  const routing::Middleware& guard = *outcome_.undecided;
  if (!answer && answer.error().code == ErrorCode::too_large) return this->answer(401);
  if (!answer) {
    worker_.auth_client().tell_failure(guard, answer.error());
    return end_with(ProxyError::auth_failed);
  }
  if (answer->status / 100 == 2) {
    take_auth_answer(guard, std::move(answer->headers), scratch_);
    ++scratch_.passed;
    return pass_guard();
  }
  if (answer->status == 401 && !guard.forward_auth.sign_in_url.empty()) {
    return this->answer(302, guard.forward_auth.sign_in_url);
  }
  write_auth_refusal(guard.forward_auth, *answer, scratch_.location, scratch_.answer_headers);
  scratch_.answer_headers.push_back({"Date", http::http_date()});
  send_answer(static_cast<uint16_t>(answer->status), answer->body);
}

}  // namespace weir::proxy
