#include "proxy/proxy_preamble.h"

#include <string_view>
#include <utility>

namespace weir::proxy {

using Outcome = http::ProxyHeaderTaken::Outcome;

ProxyPreamble::ProxyPreamble(event::Loop& loop, event::TcpStream stream, Admission::Ticket ticket, Owner& owner)
    : loop_(loop), owner_(owner), stream_(std::move(stream)), ticket_(std::move(ticket)) {}

void ProxyPreamble::start(uint32_t timeout_ms) {
  stream_.set_observer(*this);
  stream_.start_reading();
  set_deadline(loop_, timeout_ms);
}

void ProxyPreamble::on_read(std::span<char> bytes) {
  held_.append(bytes.data(), bytes.size());  // at most a header's limit and one read
  http::ProxyHeader header;
  http::ProxyHeaderTaken taken = http::take_proxy_header(held_, header);
  switch (taken.outcome) {
    case Outcome::incomplete: return;
    case Outcome::invalid:
      return owner_.on_preamble_failed(*this, Error{ErrorCode::invalid, "no PROXY header where one must be"});
    case Outcome::complete: break;
  }
  clear_deadline();
  stream_.stop_reading();
  stream_.unread(std::string_view(held_).substr(taken.consumed));
  owner_.on_preamble(*this, header);
}

void ProxyPreamble::on_read_end() {
  owner_.on_preamble_failed(*this, Error{ErrorCode::closed, "closed within the PROXY header"});
}

void ProxyPreamble::on_deadline() {
  owner_.on_preamble_failed(*this, Error{ErrorCode::timeout, "no PROXY header in time"});
}

}  // namespace weir::proxy
