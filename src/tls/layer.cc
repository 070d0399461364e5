#include "tls/layer.h"

#include <algorithm>
#include <utility>

#include "tls/peer_certificates.h"
#include "tls/pem.h"
#include "weir/base/check.h"

namespace weir::tls {
namespace {

// Answers that the peer provokes without reading them (KeyUpdate, alerts): more than this queued is an attack.
constexpr size_t kProvokedBytesMax = 1024 * 1024;
// Messages about the connection itself (KeyUpdate, tickets, alerts) that an open one may have in a second, ours among
// them. Each costs the work of many records, and nobody needs more than a few.
constexpr uint32_t kMessagesPerSecondMax = 64;
// For whoever speaks HTTP where TLS is spoken: an alert would say nothing to them.
constexpr const char* kPlainAnswer =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    "Client sent an HTTP request to an HTTPS server.\n";

}  // namespace

Layer::Layer(std::shared_ptr<Engine::State> engine, std::string options)
    : engine_(std::move(engine)), options_name_(std::move(options)) {}

Layer::Layer(std::shared_ptr<Engine::State> engine, std::shared_ptr<ClientContext> context, const ClientTarget& target)
    : engine_(std::move(engine)), client_(std::move(context)), session_key_(target.session_key) {
  ssl_.reset(SSL_new(client_->raw()));
  if (ssl_ == nullptr) return;
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_connect_state(ssl_.get());
  if (!client_->prepare(ssl_.get(), target)) ssl_.reset();  // said when the connection is made
}

Layer::~Layer() {
  if (state_ == State::waiting) engine_->forget(*this);
}

// ---- Shaking hands ----

void Layer::on_open(event::StreamPort port) {
  port_ = port;
  port_.start_reading();
  if (client_ == nullptr) return;
  if (!begin()) return;
  shake_hands();
}

/// Once. An accepted connection gets its SSL object with its first bytes: until then it costs a socket.
bool Layer::begin() {
  if (client_ == nullptr) {
    server_ = engine_->server;
    if (server_ != nullptr) {
      profile_ = &server_->profile(options_name_);
      ssl_.reset(SSL_new(profile_->context.get()));
    }
    if (ssl_ != nullptr) {
      SSL_set_app_data(ssl_.get(), this);
      SSL_set_accept_state(ssl_.get());
    }
  }
  if (ssl_ == nullptr) {
    fail_with(take_error("TLS"));
    return false;
  }
  BIO_up_ref(engine_->bio.get());
  SSL_set_bio(ssl_.get(), engine_->bio.get(), engine_->bio.get());
  state_ = State::handshake;
  port_.send_gathered();
  return true;
}

void Layer::on_read(std::span<char> bytes) {
  if (state_ == State::idle) {
    if (!engine_->admit(*this)) {
      state_ = State::waiting;
      held_.assign(bytes.data(), bytes.size());  // one read of the loop
      port_.stop_reading();
      return;
    }
    if (!begin()) return;
  }
  take(bytes);
}

void Layer::resume() {
  ASSERT(state_ == State::waiting);
  state_ = State::idle;
  if (!port_.open()) return;
  std::string bytes = std::exchange(held_, std::string());
  port_.start_reading();
  if (begin()) take(bytes);
}

void Layer::take(std::span<char> bytes) {
  engine_->sealed_in = bytes;
  if (state_ == State::handshake) shake_hands();
  if (state_ == State::open && port_.open()) read_records();
  engine_->sealed_in = {};
}

void Layer::shake_hands() {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    flush();
    return established();
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return flush();
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) engine_->sealed_out = kPlainAnswer;
  Error error = handshake_error(result);
  flush();  // the alert
  fail_with(std::move(error));
}

void Layer::established() {
  state_ = State::open;
  Counters& counters = engine_->counters;
  ++(client_ == nullptr ? counters.handshakes : counters.upstream_handshakes);
  if (resumed()) ++(client_ == nullptr ? counters.resumed : counters.upstream_resumed);
  if (profile_ != nullptr) options_name_ = profile_->options.name;
  pairs_ = nullptr;
  profile_ = nullptr;
  server_.reset();  // an old one must not live as long as the longest connection
  // It is told of each step that a message takes OpenSSL; the last one, or an alert, is a message.
  SSL_set_info_callback(ssl_.get(), [](const SSL* ssl, int where, int) {
    if ((where & (SSL_CB_EXIT | SSL_CB_ALERT)) != 0) Layer::of(ssl).note_message();
  });
  if (port_.open()) port_.ready();
}

// OpenSSL would go through all that has come within one call: the rest of it is taken away.
void Layer::note_message() {
  uint64_t now_ms = engine_->loop.now_ms();
  if (now_ms - messages_since_ms_ >= 1000) {
    messages_since_ms_ = now_ms;
    messages_ = 0;
  }
  if (++messages_ > kMessagesPerSecondMax) engine_->sealed_in = {};
}

Error Layer::handshake_error(int result) const {
  unsigned long first = ERR_peek_error();
  long verified = SSL_get_verify_result(ssl_.get());
  std::string what = "TLS handshake";
  if (ERR_GET_REASON(first) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    ERR_clear_error();
    return Error{ErrorCode::refused, what + ": certificate: " + X509_verify_cert_error_string(verified)};
  }
  if (first == 0) return Error{ErrorCode::closed, what + ": broken off (" + std::to_string(result) + ")"};
  return take_error(what, ErrorCode::refused);
}

// ---- Records in ----

void Layer::read_records() {
  for (;;) {
    State after = state_;
    size_t size = open_records(after);
    flush();
    if (messages_ > kMessagesPerSecondMax) {
      return fail_with(Error{ErrorCode::too_large, "TLS: a flood of KeyUpdates, tickets or alerts"});
    }
    if (size > 0) {
      port_.deliver({engine_->plain.data(), size});
      if (!port_.open()) return;
    }
    if (after == State::ended) {
      state_ = State::ended;
      return port_.deliver_end();
    }
    if (after == State::failed) return fail_with(take_error("TLS", ErrorCode::closed));
    if (port_.queued_bytes() > kProvokedBytesMax && size == 0) {
      return fail_with(Error{ErrorCode::too_large, "TLS: the peer asks for answers that it does not read"});
    }
    if (engine_->sealed_in.empty() && SSL_pending(ssl_.get()) == 0) return;
  }
}

/// As many records as there are, or as fit: one call upward for all of them.
size_t Layer::open_records(State& after) {
  auto& plain = engine_->plain;
  size_t size = 0;
  while (size < plain.size() && (!engine_->sealed_in.empty() || SSL_pending(ssl_.get()) > 0)) {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), plain.data() + size, plain.size() - size, &got) == 1) {
      size += got;
      continue;
    }
    switch (SSL_get_error(ssl_.get(), 0)) {
      case SSL_ERROR_WANT_READ: break;  // the rest of a record is still to come
      case SSL_ERROR_ZERO_RETURN: after = State::ended; return size;
      default: after = State::failed; return size;
    }
  }
  return size;
}

void Layer::on_read_end() {
  switch (state_) {
    case State::idle:
    case State::waiting:
    case State::handshake: return fail_with(Error{ErrorCode::closed, "TLS handshake: the peer closed the connection"});
    case State::open:
      // Without close_notify an answer that lasts until the close may have been cut. A client's requests say themselves
      // where they end.
      if (client_ != nullptr) return fail_with(Error{ErrorCode::closed, "TLS: cut off without close_notify"});
      state_ = State::ended;
      if (port_.open()) port_.deliver_end();
      return;
    case State::ended:
    case State::failed: return;
  }
}

// ---- Bytes out ----

void Layer::send(const std::array<std::string_view, 3>& pieces) {
  if (end_sent_ || (state_ != State::open && state_ != State::ended)) return;
  // Full records straight from where the bytes are; what is smaller is gathered, so that a head, a body and the end of
  // a chunk are one record.
  std::string& record = engine_->record;
  record.clear();
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      if (record.empty() && piece.size() >= SSL3_RT_MAX_PLAIN_LENGTH) {
        seal(piece.substr(0, SSL3_RT_MAX_PLAIN_LENGTH));
        piece.remove_prefix(SSL3_RT_MAX_PLAIN_LENGTH);
        continue;
      }
      size_t part = std::min(piece.size(), SSL3_RT_MAX_PLAIN_LENGTH - record.size());
      record.append(piece.substr(0, part));
      piece.remove_prefix(part);
      if (record.size() < SSL3_RT_MAX_PLAIN_LENGTH) continue;
      seal(record);
      record.clear();
    }
  }
  seal(record);
  flush();
}

void Layer::seal(std::string_view bytes) {
  if (bytes.empty() || state_ == State::failed) return;
  size_t written = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) return fail_with(take_error("TLS"));
  if (engine_->sealed_out.size() >= Engine::State::kSealedFlushBytes) flush();
}

void Layer::flush() {
  std::string& out = engine_->sealed_out;
  if (out.empty()) return;
  port_.send(out);
  out.clear();
}

void Layer::end() {
  if (end_sent_ || (state_ != State::open && state_ != State::ended)) return;
  end_sent_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // sends close_notify; the peer's is not waited for
  ERR_clear_error();
  flush();
}

void Layer::fail_with(Error error) {
  bool shaking = state_ != State::open && state_ != State::ended;
  if (state_ == State::waiting) engine_->forget(*this);
  state_ = State::failed;
  if (shaking) ++(client_ == nullptr ? engine_->counters.failed : engine_->counters.upstream_failed);
  port_.fail(error);
}

// ---- What was agreed on ----

std::string_view Layer::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (ssl_ != nullptr) SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view Layer::server_name() const {
  const char* name = ssl_ == nullptr ? nullptr : SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

CertificateFacts Layer::peer_certificate() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? CertificateFacts() : describe(certificate);
}

const std::vector<PeerCertificate>& Layer::client_certificates() const {
  if (client_certificates_ == nullptr) {
    client_certificates_ = std::make_unique<const std::vector<PeerCertificate>>(read_peer_certificates(ssl_.get()));
  }
  return *client_certificates_;
}

std::string_view Layer::client_subject() const {
  if (client_subject_ != nullptr) return *client_subject_;
  const X509* leaf = SSL_get0_peer_certificate(ssl_.get());
  if (leaf == nullptr) return {};
  client_subject_ = std::make_unique<const std::string>(subject_text(leaf));
  return *client_subject_;
}

}  // namespace weir::tls
