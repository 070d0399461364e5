#pragma once
// HTTP/2 towards an upstream: many requests at once on one connection.

#include <memory>
#include <string_view>
#include <vector>

#include "weir/http/h2_session.h"
#include "weir/http/session.h"

namespace weir::http {

class H2ClientStream;

/// One upstream connection. Owned by a pool, which is its Owner and destroys it when on_session_closed() has come
/// (Loop::destroy_later: the session may be on the stack), or from outside when no stream is out.
class H2ClientSession final : public H2Session, public ClientSession {
 public:
  class Owner {
   public:
    /// A stream was released: there may be room for another, or nothing left to do.
    virtual void on_stream_released(H2ClientSession& session) = 0;
    /// What the upstream takes at once is known, or has changed.
    virtual void on_settings(H2ClientSession&) {}
    /// The last call: the connection is closed and no stream is out.
    virtual void on_session_closed(H2ClientSession& session, const Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// Speaks on a connection that is made. `scheme`: what its requests say, "http" or "https".
  H2ClientSession(event::Loop& loop, event::TcpStream stream, std::string_view scheme, Owner& owner,
                  const H2Limits& limits)
      : H2Session(loop, std::move(stream), Side::client, limits), owner_(owner), scheme_(scheme) {}

  /// Begins to speak. Not in the constructor: the owner must be ready.
  void start() { start_session({}); }
  /// How many requests more could begin now: one until the upstream's SETTINGS have come, none once it has said GOAWAY
  /// or too many were cancelled.
  [[nodiscard]] size_t room() const { return H2Session::room(); }
  /// How many at once, as things stand.
  using H2Session::settings_known;
  using H2Session::streams_most;
  /// Requests under way.
  [[nodiscard]] size_t in_flight() const { return lent(); }
  /// Only while there is room.
  ClientStream& begin(ClientStreamObserver& observer) override;

 private:
  friend class H2ClientStream;

  std::unique_ptr<H2Stream> make_stream() override { return nullptr; }
  void on_head(H2Stream& stream, H2Fields& fields, bool ended) override;
  void on_settings() override;
  void on_over(const Error& reason) override { owner_.on_session_closed(*this, reason); }

  // constant after construction
  Owner& owner_;
  const std::string_view scheme_;

  // loop thread only
  std::vector<H2ClientStream*> undecided_;  // may be sent or not, as the upstream's SETTINGS will say
  uint32_t requests_ = 0;
};

}  // namespace weir::http
