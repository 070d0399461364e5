#pragma once
// The TLS handshake of a client, before its connection speaks HTTP.

#include <list>
#include <memory>

#include "proxy/client_facts.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"

namespace weir::proxy {

/// Waits for the layer in a stream to be ready. Owned by its EntryPoint from accept until one of the Owner's calls,
/// after which it is destroyed (Loop::destroy_later: it is on the stack). Worker thread only.
class TlsHandshake final : private event::TcpStream::Observer, private event::Deadline {
 public:
  class Owner {
   public:
    /// The stream must be taken, and have another observer, within this call: the client's first bytes may follow at
    /// once.
    virtual void on_handshake(TlsHandshake& handshake) = 0;
    /// Broken off by either side, or not done in time. The alert, if there is one, is on its way.
    virtual void on_handshake_failed(TlsHandshake& handshake, const Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  TlsHandshake(event::Loop& loop, event::TcpStream stream, ClientFacts facts, Owner& owner);
  void start(std::unique_ptr<event::StreamLayer> layer, uint32_t timeout_ms);
  [[nodiscard]] event::TcpStream& stream() { return stream_; }
  [[nodiscard]] ClientFacts& facts() { return facts_; }
  std::list<std::unique_ptr<TlsHandshake>>::iterator place;  // in the entry point's list

 private:
  void on_connected() override;
  void on_read(std::span<char>) override {}
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error& error) override { owner_.on_handshake_failed(*this, error); }
  void on_deadline() override;

  // constant after construction
  event::Loop& loop_;
  Owner& owner_;

  // worker thread only
  event::TcpStream stream_;
  ClientFacts facts_;
};

}  // namespace weir::proxy
