#pragma once
// The PROXY header in front of a client's bytes.

#include <list>
#include <memory>
#include <string>

#include "proxy/admission.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"
#include "weir/http/proxy_header.h"

namespace weir::proxy {

/// Reads the header that a trusted proxy must send before anything else, and nothing more: what follows is read again
/// by whoever gets the stream. Owned by its EntryPoint from accept until one of the Owner's calls, after which it is
/// destroyed (Loop::destroy_later: it is on the stack). Worker thread only.
class ProxyPreamble final : private event::TcpStream::Observer, private event::Deadline {
 public:
  class Owner {
   public:
    virtual void on_preamble(ProxyPreamble& preamble, const http::ProxyHeader& header) = 0;
    /// No header, a malformed one, none in time, or the peer has gone.
    virtual void on_preamble_failed(ProxyPreamble& preamble, const Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  ProxyPreamble(event::Loop& loop, event::TcpStream stream, Admission::Ticket ticket, Owner& owner);
  void start(uint32_t timeout_ms);
  /// The connection, after on_preamble().
  [[nodiscard]] event::TcpStream& stream() { return stream_; }
  [[nodiscard]] Admission::Ticket& ticket() { return ticket_; }
  std::list<std::unique_ptr<ProxyPreamble>>::iterator place;  // in the entry point's list

 private:
  void on_read(std::span<char> bytes) override;
  void on_read_end() override;
  void on_drained() override {}
  void on_failed(const Error& error) override { owner_.on_preamble_failed(*this, error); }
  void on_deadline() override;

  // constant after construction
  event::Loop& loop_;
  Owner& owner_;

  // worker thread only
  event::TcpStream stream_;
  Admission::Ticket ticket_;
  std::string held_;  // of the header, so far
};

}  // namespace weir::proxy
