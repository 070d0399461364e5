#include "weir/http/h2_client_session.h"

#include <nghttp2/nghttp2.h>

#include <utility>

#include "http/h2_client_stream.h"
#include "http/h2_fields.h"
#include "http/websocket_key.h"
#include "weir/base/check.h"

namespace weir::http {

ClientStream& H2ClientSession::begin(ClientStreamObserver& observer) {
  auto made = std::make_unique<H2ClientStream>(*this, observer, requests_++ == 0);
  H2ClientStream& stream = *made;
  keep(std::move(made));
  lend(stream);
  return stream;
}

void H2ClientSession::on_head(H2Stream& stream, H2Fields& fields, bool ended) {
  if (stream_attached(stream)) static_cast<H2ClientStream&>(stream).take_head(fields, ended);
}

void H2ClientSession::on_settings() {
  for (H2ClientStream* stream : std::exchange(undecided_, {})) stream->send_held_head();
  owner_.on_settings(*this);
}

// ---- The request out ----

void H2ClientStream::send_head(const RequestHead& head) {
  method_ = head.method;
  began_ms_ = session_.now_ms();
  tunnel_ = !head.upgrade.empty();
  if (tunnel_ && !session_.settings_known()) {
    held_ = std::make_unique<HeldHead>();
    held_->head = held_->storage.keep(head);
    session_.undecided_.push_back(this);
    return;
  }
  if (tunnel_ && !session_.peer_tunnels()) {
    // The answer a server gives that does not know the protocol asked for, for the client to try without.
    return session_.fail_soon(*this, NGHTTP2_HTTP_1_1_REQUIRED);
  }
  if (tunnel_) {
    const Header* key = find(head.headers, "sec-websocket-key");
    accept_ = websocket_accept(key != nullptr ? key->value : std::string_view());
  }
  bool ended = head.body == Body::none && !tunnel_;
  session_.submit_head(*this, h2_request_block(head, session_.scheme_), ended);
}

void H2ClientStream::send_held_head() {
  std::unique_ptr<HeldHead> held = std::move(held_);
  send_head(held->head);
}

// What ended before the tunnel was open is the request; the tunnel has an end of its own.
void H2ClientStream::send_end(std::span<const Header> trailers) {
  if (!tunnel_ || tunnel_open_) session_.send_stream_end(*this, trailers);
}

// ---- The answer in ----

void H2ClientStream::take_head(H2Fields& fields, bool ended) {
  ResponseHead head;
  if (auto refused = fields.take_response(head, method_, ended)) {
    return session_.fail_stream(*this, Error{ErrorCode::invalid, refused->message});
  }
  if (head.status < 200) {
    if (++interims_ > session_.limits().interims_max) {
      return session_.fail_stream(*this, Error{ErrorCode::too_large, "too many interim answers"});
    }
    return observer_->on_interim(head);
  }
  head_in_ = true;
  bodiless_ = head.body == Body::none;
  if (!tunnel_ || head.status / 100 != 2) return observer_->on_response_head(head);
  // To those above, the upgrade they asked for.
  tunnel_open_ = true;
  std::vector<Header> headers(head.headers.begin(), head.headers.end());
  headers.push_back({"Sec-WebSocket-Accept", accept_});
  head.status = 101;
  head.headers = headers;
  head.upgrade = "websocket";
  head.body = Body::none;
  head.content_length.reset();
  observer_->on_response_head(head);
}

void H2ClientStream::deliver_drained() {
  if (session_.queued_bytes(*this) == 0) observer_->on_upstream_drained();
}

void H2ClientStream::deliver_gone(uint32_t code, const Error& error) {
  if (bodiless_ && !tunnel_)
    return observer_->on_response_end({});  // a body behind it breaks the stream, not the answer
  refused_ = code == NGHTTP2_REFUSED_STREAM;
  observer_->on_upstream_failed(error);
}

// A request that nobody waits for any more is cancelled, and so is the rest of one that was answered before its end.
void H2ClientStream::release() {
  ASSERT(observer_ != nullptr);
  observer_ = nullptr;
  bool complete = in_ended_ && (out_ == Out::ending || out_ == Out::ended);
  H2ClientSession& session = session_;
  if (held_ != nullptr) std::erase(session.undecided_, this);
  if (!head_in_) session.probe_if_silent(began_ms_);
  session.release_stream(*this, complete, in_ended_ ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
  if (session.open()) session.owner_.on_stream_released(session);
}

}  // namespace weir::http
