#include "proxy/client_connection.h"

#include <utility>

#include "proxy/access_log.h"
#include "proxy/entry_point.h"
#include "proxy/worker.h"
#include "weir/tls/engine.h"

namespace weir::proxy {
namespace {

ForwardedBy describe(const event::TcpStream& stream, const EntryPoint& entry_point, const http::ProxyHeader* told) {
  bool addressed = told != nullptr && told->has_addresses;
  ForwardedBy by;
  by.client = addressed ? told->source : stream.peer_address();
  by.local = addressed ? told->destination : stream.local_address();
  by.tls = tls::connection_of(stream);
  const bool over_tls = (told != nullptr && told->tls) || by.tls != nullptr;
  const uint16_t port = addressed ? told->destination.port : over_tls ? 443 : 80;
  by.fields = HopFields(over_tls ? "https" : "http", port, by.client.ip.text());
  if (by.tls != nullptr) {
    by.tls_version = by.tls->version().substr(std::string_view("TLSv").size());
    by.tls_cipher = by.tls->cipher();
  }
  by.tls_options = entry_point.config().tls_options;
  by.redirect = entry_point.redirect();
  by.trusted = contains(entry_point.config().forwarded_headers_trusted_cidrs, by.client.ip);
  return by;
}

}  // namespace

ClientConnection::ClientConnection(Worker& worker, EntryPoint& entry_point, event::TcpStream stream, ClientFacts facts,
                                   CountedSocket& socket)
    : worker_(worker),
      entry_point_(entry_point),
      forwarded_by_(describe(stream, entry_point, facts.told.get())),
      facts_(std::move(facts)),
      socket_(socket) {
  if (stream.protocol() == "h2") {
    http::ServerSessionOwner& owner = *this;
    h2_ = std::make_unique<http::H2ServerSession>(worker.loop(), std::move(stream), owner, entry_point.h2_limits());
  } else {
    http::H1ServerSession::Owner& owner = *this;
    h1_.emplace(worker.loop(), std::move(stream), owner, worker.client_limits());
  }
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::start() {
  if (h2_ != nullptr) return h2_->start({});
  h1_->start();
}

bool ClientConnection::take_over(event::TcpStream& stream, std::string_view bytes) {
  if (!entry_point_.config().h2c || entry_point_.config().tls || facts_.requests > 0) return false;
  http::ServerSessionOwner& owner = *this;
  h2_ = std::make_unique<http::H2ServerSession>(worker_.loop(), std::move(stream), owner, entry_point_.h2_limits());
  h2_->start(bytes);
  return true;
}

void ClientConnection::on_request(http::ServerStream& stream, const http::RequestHead& head) {
  uint32_t requests_max = worker_.config().limits.requests_per_connection_max;
  ++facts_.requests;
  if (requests_max > 0 && facts_.requests >= requests_max) {
    stream.forbid_reuse();
    if (h2_ != nullptr) h2_->drain();
  }
  std::unique_ptr<Exchange> lent = worker_.lend_exchange();
  Exchange& exchange = *lent;
  if (exchanges_ != nullptr) exchanges_->before = lent.get();
  lent->next = std::exchange(exchanges_, nullptr);
  exchanges_ = std::move(lent);
  exchange.on_request_head(*this, stream, head, forwarded_by_, forwarded_by_.client.ip, entry_point_.name());
}

void ClientConnection::on_exchange_done(Exchange& exchange) {
  std::unique_ptr<Exchange>& holder = exchange.before != nullptr ? exchange.before->next : exchanges_;
  std::unique_ptr<Exchange> done = std::move(holder);
  holder = std::move(done->next);
  if (holder != nullptr) holder->before = done->before;
  done->before = nullptr;
  worker_.take_back(std::move(done));
}

void ClientConnection::on_bad_request(uint16_t status, const Error& reason, size_t body_bytes) {
  ++worker_.stats().bad_requests;
  RequestOutcome outcome;
  outcome.status = status;
  outcome.method = http::Method::other;
  outcome.response_bytes = body_bytes;
  entry_point_.stats.count(outcome);
  if (!worker_.access_log().wants(status, 0, 0)) return;
  AccessRecord record;
  record.texts[AccessRecord::client_host] = forwarded_by_.client_ip();
  record.client_port = forwarded_by_.client.port;
  record.texts[AccessRecord::method] = "-";
  record.texts[AccessRecord::target] = "-";
  record.texts[AccessRecord::protocol] = "-";
  record.texts[AccessRecord::scheme] = forwarded_by_.proto();
  record.texts[AccessRecord::tls_version] = forwarded_by_.tls_version;
  record.texts[AccessRecord::tls_cipher] = forwarded_by_.tls_cipher;
  record.texts[AccessRecord::entry_point] = entry_point_.name();
  record.texts[AccessRecord::error] = reason.message;
  record.started_us = worker_.loop().now_us();
  record.response_bytes = outcome.response_bytes;
  record.status = status;
  worker_.access_log().note(record);
}

http::AnswerPage ClientConnection::refusal_page(uint16_t status) const { return worker_.answer_pages().page(status); }

void ClientConnection::drain() {
  if (h2_ != nullptr) return h2_->drain();
  h1_->drain();
}

void ClientConnection::cut() {
  for (Exchange* first = exchanges_.get(); first != nullptr; first = exchanges_.get()) {
    first->cut();
    if (first == exchanges_.get()) return;  // it is finishing already
  }
}

bool ClientConnection::on_idle_long(uint64_t idle_ms) { return entry_point_.park(*this, idle_ms); }

int ClientConnection::detach() {
  facts_.ticket = std::move(socket_.ticket());
  int fd = h1_->detach();
  if (fd < 0) socket_.ticket() = std::move(facts_.ticket);
  return fd;
}

void ClientConnection::on_session_closed() { entry_point_.remove(*this); }

}  // namespace weir::proxy
