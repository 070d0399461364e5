#pragma once
// An HTTP client for control paths: catalog watches, API calls, health checks. Keep-alive, bounded, cancellable.
// https too: checked against the system's CAs and the URL's host unless use_tls() says otherwise.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/base/url.h"
#include "weir/event/loop.h"
#include "weir/http/server.h"
#include "weir/tls/client.h"
#include "weir/tls/options.h"

namespace weir::http {

struct ClientRequest {
  std::string method = "GET";
  Url url;               // url.target is sent as it is
  std::string host;      // of the Host field, or :authority; "": the URL's
  HeaderFields headers;  // Host, Content-Length and Connection are set by the client
  std::string body;
  uint64_t connect_timeout_ms = 5'000;
  uint64_t timeout_ms = 30'000;  // from the call to the last byte of the answer; 0: no limit
  size_t body_bytes_max = 256 * 1024 * 1024;
  bool keep_alive = true;  // false: a connection of its own, closed afterwards (health checks)
  /// HTTP/2, by prior knowledge or ALPN, on a connection of its own: for what speaks nothing else (gRPC).
  bool http2 = false;
  /// https: HTTP/2 where the other side chooses it, also on a connection of its own.
  bool http2_offered = false;
  /// The answer's head is all that is wanted: the callback comes with it, and the connection is closed.
  bool head_only = false;
};

struct ClientResponse {
  int status = 0;
  std::string reason;
  HeaderFields headers;
  std::string body;
  HeaderFields trailers;
  [[nodiscard]] std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

/// One call under way. Destroying it cancels: no callback comes any more. Keep it until the callback has run.
class Call {
 public:
  virtual ~Call() = default;
  /// For whoever takes an answer in pieces: no more of it is read, but for what is here already, until it resumes.
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;
};

/// Keep-alive connections to any number of hosts. Owned by value; destroying it fails nothing: its calls just end
/// without a callback. Loop's thread. A request whose pooled connection turns out closed before any byte of an answer
/// is sent once more on a new one.
class Client {
 public:
  using OnResponse = std::function<void(Result<ClientResponse>)>;
  /// Gets pieces of a 2xx body as they come; the final OnResponse then has an empty body.
  using OnChunk = std::function<void(std::string_view)>;

  struct Limits {
    size_t idle_connections_max = 64;  // per client; the oldest is closed above
    uint64_t idle_timeout_ms = 30'000;
  };

  explicit Client(event::Loop& loop);
  Client(event::Loop& loop, Limits limits);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// How https is spoken on connections from now on. The files that it names are read when the first is made; if they
  /// cannot be, each call fails and says why.
  void use_tls(tls::ClientOptions options);
  /// The same with what the files held.
  void use_tls(tls::ClientMaterial material);

  /// The callback comes exactly once, never from within this call, unless the Call is destroyed first.
  [[nodiscard]] std::unique_ptr<Call> send(ClientRequest request, OnResponse on_response, OnChunk on_chunk = {});

  class Impl;  // private to http/: src/http/client.cc

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace weir::http
