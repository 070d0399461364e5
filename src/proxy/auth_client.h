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

namespace weir::proxy {

/// Keep-alive connections of a worker to the servers that say who may pass. Owned by its Worker; worker thread only.
/// Files of a middleware's own TLS are read when it is asked for the first time.
class AuthClient {
 public:
  /// Of a body that is sent along, or of an answer, where the middleware says no limit of its own.
  static constexpr uint64_t kBodyBytesMax = 4 << 20;
  static constexpr uint32_t kTimeoutMs = 30'000;  // from the question to the answer's last byte; Traefik's

  /// Of what a middleware says: it may ask for less.
  [[nodiscard]] static uint64_t limit(int64_t own_max) {
    return own_max < 0 ? kBodyBytesMax : std::min(static_cast<uint64_t>(own_max), kBodyBytesMax);
  }

  explicit AuthClient(event::Loop& loop) : loop_(loop) {}

  [[nodiscard]] std::unique_ptr<http::Call> send(const routing::ForwardAuth& auth, http::ClientRequest request,
                                                 http::Client::OnResponse on_response);

 private:
  event::Loop& loop_;
  std::map<std::string, http::Client> clients_;  // by what their TLS is made of
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
