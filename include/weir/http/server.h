#pragma once
// An HTTP/1.1 server for APIs: whole requests in, an answer now or later, streams where needed. Not on the proxy's
// path, but built on the same sessions.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"

namespace weir::tls {
class Engine;
}

namespace weir::http {

/// Name and value, in the order they arrived; names as sent.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// The first value of a header, its name compared without case; "" when absent.
[[nodiscard]] std::string_view find_header(const HeaderFields& headers, std::string_view name);

struct QueryParameter {
  std::string name;   // decoded, '+' is a space
  std::string value;  // "" for a bare name
};

/// A request with its whole body. A value; the handler may keep it.
struct Request {
  std::string method;
  std::string path;                   // raw: not decoded, begins with '/', without query
  std::string query_text;             // raw, without '?'
  std::vector<QueryParameter> query;  // decoded, in order
  bool query_malformed = false;       // a bad percent escape in it
  HeaderFields headers;
  std::string body;
  SocketAddress peer;

  [[nodiscard]] std::string_view header(std::string_view name) const { return find_header(headers, name); }
  /// The first parameter of that name, or nullptr.
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  HeaderFields headers;  // without Content-Length, Transfer-Encoding and Connection: the server sets those
  std::string body;
};

/// Where one answer goes. Shared: a handler keeps it to answer later. All calls on the loop's thread. When the client
/// is gone every call does nothing. Dropping the last reference without an answer sends 500.
class Responder {
 public:
  virtual ~Responder() = default;
  /// The whole answer. Once.
  virtual void respond(Response response) = 0;
  /// A streamed answer: start once, then write (each call leaves at once), then end.
  virtual void start(int status, HeaderFields headers) = 0;
  virtual void write(std::string_view chunk) = 0;
  virtual void end() = 0;
  /// Bytes written that the client has not taken yet: a streamer pauses or drops above its limit.
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  /// Called each time the client has taken all that write() had queued, until the answer ends. Replaces an earlier one.
  virtual void on_drained(std::function<void()> callback) = 0;
  /// Called once if the client goes away before the answer is complete. Replaces an earlier one.
  virtual void on_disconnect(std::function<void()> callback) = 0;
  [[nodiscard]] virtual bool connected() const = 0;
};

struct ServerLimits {
  size_t body_bytes_max = 8 * 1024 * 1024;  // 413 above
  size_t connections_max = 8192;            // closed at once above
  uint64_t idle_timeout_ms = 660'000;       // longer than Consul's longest blocking wait, 600 s + 1/16
  uint64_t head_timeout_ms = 30'000;
};

/// How a server speaks TLS: with `options` of what the engine uses. No engine: it speaks plain.
struct ServerTls {
  tls::Engine* engine = nullptr;  // of the same loop; outlives the server
  std::string options = {};
};

/// Owned by unique_ptr; destroying it closes the listener and every connection. Loop's thread.
class Server {
 public:
  using Handler = std::function<void(Request request, std::shared_ptr<Responder> responder)>;
  static Result<std::unique_ptr<Server>> listen(event::Loop& loop, const SocketAddress& address, Handler handler,
                                                ServerLimits limits = {}, ServerTls tls = {});
  ~Server();
  [[nodiscard]] SocketAddress address() const;
  /// Stops accepting; answers under way are finished with Connection: close, idle connections closed a moment later.
  void drain();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads "a=1&b" into parameters; false when an escape is malformed (what could be read is kept).
bool parse_query(std::string_view text, std::vector<QueryParameter>& out);

}  // namespace weir::http
