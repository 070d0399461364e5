#pragma once
// What a router's middlewares do to a request, and to its answer.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/forwarding.h"
#include "weir/event/loop.h"
#include "weir/http/message.h"
#include "weir/routing/table.h"

namespace weir::proxy {

class Authenticator;
class RequestLimits;

/// Whom middlewares ask about clients. A worker's.
struct Guards {
  Authenticator& authenticator;
  RequestLimits& limits;
  event::Loop& loop;
};

/// What running a router's middlewares came to.
struct MiddlewareOutcome {
  std::string_view path;                              // to forward
  std::string_view authority;                         // the Host to send, where one is set; else ""
  bool redirect = false;                              // to scratch.location, with `status`
  uint16_t status = 0;                                // not 0: this is the answer, nothing is forwarded
  const routing::Middleware* grpc_web = nullptr;      // the request is a call of gRPC-Web
  const routing::Compression* compression = nullptr;  // the answer's body is sent in `coding`, where that says so
  ContentCoding coding = ContentCoding::identity;
  // It guards the route, and nobody knows yet whether the request may pass. One that can look it up when somebody does
  // (basicAuth) is run again then; one whose answer is in (forwardAuth) is passed by who has it.
  const routing::Middleware* undecided = nullptr;
  uint64_t request_bytes_max = 0;  // of its body; 0: no limit by a middleware
  uint64_t answer_bytes_max = 0;   // likewise
};

/// Runs the request half of a router's middlewares, in order: changes scratch.headers and the path.
/// `path` is the normalised one.
MiddlewareOutcome run_request_middlewares(const routing::Router& router, const http::RequestHead& request,
                                          std::string_view path, const ForwardedBy& by, const Guards& guards,
                                          ForwardingScratch& scratch);

/// Goes on with the one that was undecided, and those behind it. Each has run once: what it counts is counted once.
void resume_request_middlewares(const routing::Router& router, const http::RequestHead& request, const ForwardedBy& by,
                                const Guards& guards, ForwardingScratch& scratch, MiddlewareOutcome& outcome);

/// The response half of the middlewares that the request in `scratch` has passed: fills `out` with the answer's fields
/// as the client gets them. An answer of our own sees those before the one that gave it.
void run_response_middlewares(const routing::Router& router, std::span<const http::Header> answer,
                              const ForwardedBy& by, ForwardingScratch& scratch, std::vector<http::Header>& out);

}  // namespace weir::proxy
