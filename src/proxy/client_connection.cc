#include "proxy/client_connection.h"

#include <algorithm>
#include <utility>

#include "proxy/access_log.h"
#include "proxy/entry_point.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

ForwardedBy describe(const IpAddress& peer, const EntryPoint& entry_point) {
  ForwardedBy by;
  by.client_ip = peer.text();
  by.port = std::to_string(entry_point.address().port);
  by.proto = "http";
  const auto& trusted = entry_point.config().forwarded_headers_trusted_cidrs;
  by.trusted = std::any_of(trusted.begin(), trusted.end(), [&](const Cidr& network) { return network.contains(peer); });
  return by;
}

}  // namespace

ClientConnection::ClientConnection(Worker& worker, EntryPoint& entry_point, event::TcpStream stream)
    : worker_(worker),
      entry_point_(entry_point),
      peer_(stream.peer_address().ip),
      forwarded_by_(describe(peer_, entry_point)),
      session_(worker.loop(), std::move(stream), *this, worker.client_limits()) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::on_request(http::ServerStream& stream, const http::RequestHead& head) {
  uint32_t requests_max = worker_.config().limits.requests_per_connection_max;
  ++requests_;
  if (requests_max > 0 && requests_ >= requests_max) stream.forbid_reuse();
  exchange_ = worker_.lend_exchange();
  exchange_->on_request_head(*this, stream, head, forwarded_by_, peer_, entry_point_.name());
}

void ClientConnection::on_exchange_done(Exchange&) { worker_.take_back(std::move(exchange_)); }

void ClientConnection::on_bad_request(uint16_t status, const Error& reason) {
  ++worker_.stats().bad_requests;
  entry_point_.stats.count(status, 0, 0, 0);
  if (!worker_.access_log().enabled()) return;
  AccessRecord record;
  record.client = peer_;
  record.method = "-";
  record.target = "-";
  record.status = status;
  record.entry_point = entry_point_.name();
  record.error = reason.message;
  worker_.access_log().write(record);
}

http::AnswerPage ClientConnection::refusal_page(uint16_t status) const { return worker_.answer_pages().page(status); }

void ClientConnection::cut() {
  if (exchange_) exchange_->cut();
}

void ClientConnection::on_session_closed() { entry_point_.remove(*this); }

}  // namespace weir::proxy
