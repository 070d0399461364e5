#include "weir/http/h2_server_session.h"

#include <nghttp2/nghttp2.h>

#include <utility>

#include "http/h2_fields.h"
#include "http/h2_server_stream.h"
#include "weir/base/check.h"

namespace weir::http {

// ---- The connection ----

std::unique_ptr<H2Stream> H2ServerSession::make_stream() { return std::make_unique<H2ServerStream>(*this); }

void H2ServerSession::on_head(H2Stream& base, H2Fields& fields, bool ended) {
  auto& stream = static_cast<H2ServerStream&>(base);
  RequestHead head;
  if (auto refused = fields.take_request(head, limits(), ended)) {
    return refuse(stream, head.method, refused->status, Error{ErrorCode::invalid, refused->message});
  }
  stream.begin(head);
  lend(stream);
  owner_.on_request(stream, head);
  // A tunnel's own bytes come later, and so does the end of a body of no bytes: the request is whole.
  if (!ended && head.body == Body::none && stream.attached()) stream.deliver_end({});
}

void H2ServerSession::refuse(H2ServerStream& stream, Method method, uint16_t status, const Error& reason) {
  AnswerPage page = owner_.refusal_page(status);
  if (method == Method::head) page = {};
  owner_.on_bad_request(status, reason, page.body.size());
  spend(H2Budget::Cost::own_reset);
  stream.refuse(status, page);
}

void H2ServerSession::on_over(const Error&) { owner_.on_session_closed(); }

// ---- One stream ----

void H2ServerStream::begin(const RequestHead& head) {
  head_in_ = true;
  method_ = head.method;
  lent_ = true;
  if (!head.upgrade.empty()) tunnel_ = Tunnel::asked;
}

void H2ServerStream::refuse(uint16_t status, const AnswerPage& page) {
  head_in_ = true;
  ResponseHead head;
  head.status = status;
  Header fields[] = {{"date", http_date()}, {"content-type", page.content_type}};
  head.headers = {fields, page.body.empty() ? 1U : 2U};
  if (!page.body.empty()) head.content_length = page.body.size();
  session_.submit_head(*this, h2_response_block(head, false), page.body.empty());
  session_.send_stream_body(*this, page.body);
  session_.send_stream_end(*this, {});
}

void H2ServerStream::deliver_body(std::string_view bytes) {
  if (tunnel_ == Tunnel::refused) return;
  // Opened in this turn, with something that came before: that is handed on first, when the turn ends.
  if (tunnel_ != Tunnel::asked && early_.empty()) return observer_->on_request_body(bytes);
  early_.append(bytes);
  session_.pause_stream(*this);
}

void H2ServerStream::deliver_end(std::span<const Header> trailers) {
  if (tunnel_ == Tunnel::asked && in_ended_ && request_ended_) return;  // told when it is open
  if (tunnel_ == Tunnel::opened && !early_.empty()) return;             // told behind what came before
  if (std::exchange(request_ended_, true)) return;
  observer_->on_request_end(trailers);
}

// Also the moment for what the client said in a tunnel before it was open.
void H2ServerStream::deliver_drained() {
  if (tunnel_ == Tunnel::opened && !early_.empty()) {
    observer_->on_request_body(std::exchange(early_, std::string()));
    if (!lent_) return;
    resume_body();
  }
  if (tunnel_ == Tunnel::opened && in_ended_ && !std::exchange(request_ended_, true)) {
    observer_->on_request_end({});
    if (!lent_) return;
  }
  if (session_.queued_bytes(*this) == 0) observer_->on_client_drained();
}

void H2ServerStream::deliver_gone(uint32_t, const Error& error) { observer_->on_client_gone(error); }

void H2ServerStream::send_interim(const ResponseHead& head) {
  session_.submit_interim(*this, h2_response_block(head, false));
}

void H2ServerStream::send_head(const ResponseHead& head) {
  if (head.status == 101) {
    ASSERT(tunnel_ == Tunnel::asked);
    tunnel_ = Tunnel::opened;
    request_ended_ = false;
    session_.submit_head(*this, h2_response_block(head, true), false);
    if (!early_.empty() || in_ended_) session_.tell_soon(*this);
    return;
  }
  if (tunnel_ == Tunnel::asked) {
    tunnel_ = Tunnel::refused;
    early_ = std::string();
  }
  bool bodiless = head.body == Body::none || method_ == Method::head;
  if (!bodiless && head.body == Body::length) session_.promise_length(*this, head.content_length.value_or(0));
  session_.submit_head(*this, h2_response_block(head, false), bodiless);
}

void H2ServerStream::resume_body() {
  if (tunnel_ != Tunnel::asked) session_.resume_stream(*this);
}

void H2ServerStream::release() {
  ASSERT(lent_);
  lent_ = false;
  observer_ = nullptr;
  session_.release_stream(*this, out_ == Out::ending || out_ == Out::ended, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace weir::http
