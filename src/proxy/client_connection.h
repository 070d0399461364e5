#pragma once
// One client's connection: its session below, its exchange above.

#include <list>
#include <memory>
#include <optional>

#include "proxy/counted_socket.h"
#include "proxy/exchange.h"
#include "proxy/forwarding.h"
#include "proxy/parked_client.h"
#include "weir/http/h1_server_session.h"
#include "weir/http/h2_server_session.h"

namespace weir::proxy {

class EntryPoint;
class Worker;

/// Turns a session's requests into exchanges. Owned by its EntryPoint, from accept to on_session_closed().
/// Worker thread only.
class ClientConnection final : private http::H1ServerSession::Owner, private Exchange::Owner {
 public:
  /// `socket`: kept by the stream. `facts` come without the ticket, which it has.
  ClientConnection(Worker& worker, EntryPoint& entry_point, event::TcpStream stream, ClientFacts facts,
                   CountedSocket& socket);
  ~ClientConnection();

  void start();
  /// Ends keep-alive: a busy connection closes after its answer, an idle one in a moment.
  void drain();
  /// Ends at once.
  void cut();
  /// To be parked: the socket, and with facts() whom it is of, ticket and all. -1: it stays.
  [[nodiscard]] int detach();
  [[nodiscard]] ClientFacts& facts() { return facts_; }
  std::list<std::unique_ptr<ClientConnection>>::iterator place;  // in the entry point's list

 private:
  void on_request(http::ServerStream& stream, const http::RequestHead& head) override;
  void on_bad_request(uint16_t status, const Error& reason, size_t body_bytes) override;
  [[nodiscard]] http::AnswerPage refusal_page(uint16_t status) const override;
  [[nodiscard]] bool on_idle_long(uint64_t idle_ms) override;
  [[nodiscard]] bool take_over(event::TcpStream& stream, std::string_view bytes) override;
  void on_session_closed() override;
  void on_exchange_done(Exchange& exchange) override;

  // constant after construction
  Worker& worker_;
  EntryPoint& entry_point_;
  const ForwardedBy forwarded_by_;

  // worker thread only
  std::optional<http::H1ServerSession> h1_;    // has the stream unless it speaks HTTP/2
  std::unique_ptr<http::H2ServerSession> h2_;  // from the start (ALPN), or by prior knowledge
  std::unique_ptr<Exchange> exchanges_;        // of the requests under way: a list; the others are in the worker's pool
  ClientFacts facts_;                          // without the ticket
  CountedSocket& socket_;                      // as long as the session has the stream
};

}  // namespace weir::proxy
