#pragma once
// forwardAuth: what its server is asked, and what follows from the answer.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/forwarding.h"
#include "weir/event/loop.h"
#include "weir/http/client.h"
#include "weir/http/message.h"
#include "weir/routing/middleware.h"
#include "weir/tls/client.h"

namespace weir::proxy {

/// What a middleware's own TLS is called among the transports.
[[nodiscard]] std::string auth_transport(const routing::Middleware& middleware);

/// Keep-alive connections of a worker to the servers that say who may pass. Owned by its Worker; worker thread only.
class AuthClient {
 public:
  /// Of a body that is sent along, or of an answer, where the middleware says no limit of its own.
  static constexpr uint64_t kBodyBytesMax = 4 << 20;
  static constexpr uint32_t kTimeoutMs = 30'000;  // from the question to the answer's last byte; Traefik's
  /// Each has a connection: a server that hangs must not take the descriptors of what needs no such server.
  static constexpr size_t kCallsMax = 1024;

  /// Of what a middleware says: it may ask for less.
  [[nodiscard]] static uint64_t limit(int64_t own_max) {
    return own_max < 0 ? kBodyBytesMax : std::min(static_cast<uint64_t>(own_max), kBodyBytesMax);
  }

  explicit AuthClient(event::Loop& loop) : loop_(loop) {}

  /// What the files of middlewares' own TLS hold, by auth_transport(): for connections made from now on.
  void use(std::map<std::string, tls::ClientMaterial> transports);
  /// Of a forward_auth middleware. An error: io where its TLS could not be made, unavailable where as many calls as
  /// may be are under way. AuthClient outlives its calls.
  [[nodiscard]] Result<std::unique_ptr<http::Call>> send(const routing::Middleware& middleware,
                                                         http::ClientRequest request,
                                                         http::Client::OnResponse on_response);
  /// Says in the log why nobody passes: each reason of a middleware once a minute.
  void tell_failure(const routing::Middleware& middleware, const Error& error);

 private:
  class CountedCall;
  static constexpr uint64_t kTellEveryMs = 60'000;
  static constexpr size_t kReasonsMax = 64;

  event::Loop& loop_;
  size_t calls_ = 0;  // under way
  struct Asking {
    explicit Asking(event::Loop& loop) : client(loop) {}
    void use(const tls::ClientMaterial& now) {
      material = now;
      client.use_tls(material);
    }
    http::Client client;
    tls::ClientMaterial material = {};  // its own; a transport may go and come back as another
  };
  std::map<std::string, Asking> clients_;  // by auth_transport(); "": of those without TLS of their own
  std::map<std::string, tls::ClientMaterial> transports_;
  std::map<std::string, uint64_t> told_ms_;  // by reason
};

/// The question, without its body. `target`: the request's, as middlewares before have made it.
[[nodiscard]] http::ClientRequest auth_question(const routing::ForwardAuth& auth, const http::RequestHead& request,
                                                std::string_view target, const ForwardedBy& by,
                                                std::span<const http::Header> headers);

/// A yes: what it says of the client goes into scratch.headers, as views into `answer`, which scratch keeps.
void take_auth_answer(const routing::Middleware& middleware, http::HeaderFields answer, ForwardingScratch& scratch);

/// A no: its fields as the client gets them, views into it and into `location`.
void write_auth_refusal(const routing::ForwardAuth& auth, const http::ClientResponse& answer, std::string& location,
                        std::vector<http::Header>& out);

/// The cookies of its yes that the client is to have, in place of the upstream's of those names.
void add_auth_cookies(const routing::Middleware& middleware, const ForwardingScratch& scratch,
                      std::vector<http::Header>& out);

}  // namespace weir::proxy
