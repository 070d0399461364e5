#pragma once
// HTTP/2 towards a client: a connection's streams in, as requests.

#include <memory>
#include <string_view>

#include "weir/http/h2_session.h"
#include "weir/http/session.h"

namespace weir::http {

class H2ServerStream;

/// One client connection with any number of requests at once. Owned by its Owner, who destroys it when
/// on_session_closed() has come (Loop::destroy_later: the session may be on the stack) or at any time from outside.
/// A head that is no valid request is answered here or its stream reset.
class H2ServerSession final : public H2Session {
 public:
  H2ServerSession(event::Loop& loop, event::TcpStream stream, ServerSessionOwner& owner, const H2Limits& limits)
      : H2Session(loop, std::move(stream), Side::server, limits), owner_(owner) {}

  /// Begins to read. `early`: what was read of the connection before it was known to be HTTP/2, from its first byte on.
  void start(std::string_view early) { start_session(early); }
  /// GOAWAY: what is asked, or on its way, is still served.
  void drain() { drain_session(); }

 private:
  friend class H2ServerStream;

  std::unique_ptr<H2Stream> make_stream() override;
  void on_head(H2Stream& stream, H2Fields& fields, bool ended) override;
  void on_over(const Error& reason) override;
  void refuse(H2ServerStream& stream, Method method, uint16_t status, const Error& reason);

  // constant after construction
  ServerSessionOwner& owner_;
};

}  // namespace weir::http
