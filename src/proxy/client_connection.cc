#include "proxy/client_connection.h"

#include <utility>

#include "proxy/access_log.h"
#include "proxy/entry_point.h"
#include "proxy/worker.h"
#include "weir/tls/engine.h"

namespace weir::proxy {
namespace {

ForwardedBy describe(const event::TcpStream& stream, const EntryPoint& entry_point, const http::ProxyHeader& told) {
  ForwardedBy by;
  by.client = told.has_addresses ? told.source : stream.peer_address();
  by.local = told.has_addresses ? told.destination : stream.local_address();
  by.client_ip = by.client.ip.text();
  by.port = std::to_string(told.has_addresses ? told.destination.port : entry_point.address().port);
  by.tls = tls::connection_of(stream);
  by.proto = told.tls || by.tls != nullptr ? "https" : "http";
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

ClientConnection::ClientConnection(Worker& worker, EntryPoint& entry_point, event::TcpStream stream, ClientFacts facts)
    : worker_(worker),
      entry_point_(entry_point),
      forwarded_by_(describe(stream, entry_point, facts.told)),
      session_(worker.loop(), std::move(stream), *this, worker.client_limits()),
      facts_(std::move(facts)) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::on_request(http::ServerStream& stream, const http::RequestHead& head) {
  uint32_t requests_max = worker_.config().limits.requests_per_connection_max;
  ++facts_.requests;
  if (requests_max > 0 && facts_.requests >= requests_max) stream.forbid_reuse();
  exchange_ = worker_.lend_exchange();
  exchange_->on_request_head(*this, stream, head, forwarded_by_, forwarded_by_.client.ip, entry_point_.name());
}

void ClientConnection::on_exchange_done(Exchange&) { worker_.take_back(std::move(exchange_)); }

void ClientConnection::on_bad_request(uint16_t status, const Error& reason) {
  ++worker_.stats().bad_requests;
  RequestOutcome outcome;
  outcome.status = status;
  outcome.method = http::Method::other;
  entry_point_.stats.count(outcome);
  if (!worker_.access_log().wants(status, 0, 0)) return;
  AccessRecord record;
  record.texts[AccessRecord::client_host] = forwarded_by_.client_ip;
  record.client_port = forwarded_by_.client.port;
  record.texts[AccessRecord::method] = "-";
  record.texts[AccessRecord::target] = "-";
  record.texts[AccessRecord::protocol] = "-";
  record.texts[AccessRecord::scheme] = forwarded_by_.proto;
  record.texts[AccessRecord::tls_version] = forwarded_by_.tls_version;
  record.texts[AccessRecord::tls_cipher] = forwarded_by_.tls_cipher;
  record.texts[AccessRecord::entry_point] = entry_point_.name();
  record.texts[AccessRecord::error] = reason.message;
  record.started_us = worker_.loop().now_us();
  record.status = status;
  worker_.access_log().note(record);
}

http::AnswerPage ClientConnection::refusal_page(uint16_t status) const { return worker_.answer_pages().page(status); }

void ClientConnection::cut() {
  if (exchange_) exchange_->cut();
}

bool ClientConnection::on_idle_long(uint64_t idle_ms) { return entry_point_.park(*this, idle_ms); }

int ClientConnection::detach() { return session_.detach(); }

void ClientConnection::on_session_closed() { entry_point_.remove(*this); }

}  // namespace weir::proxy
