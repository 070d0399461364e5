#pragma once
// Consul's HTTP API: from a request to its endpoint, and what all endpoints have in common.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/blocking_queries.h"
#include "registry/identity.h"
#include "registry/json_value.h"
#include "registry/store.h"
#include "weir/base/random.h"
#include "weir/base/result.h"
#include "weir/http/server.h"

namespace weir::registry {

class EventLog;
class HealthChecker;
class SessionTimers;

/// One answer. An empty content type on a text means text/plain.
struct Reply {
  int status = 200;
  std::string body = {};
  std::string content_type = {};
  http::HeaderFields headers = {};

  static Reply json(std::string body, int status = 200) { return {status, std::move(body), "application/json"}; }
  /// Consul's errors are bare texts.
  static Reply text(int status, std::string body);
  static Reply empty() { return {}; }
};

/// One request with its route taken apart. Moves into whatever answers it later.
struct Call {
  http::Request request;
  std::string argument;  // the decoded path after the route's; may hold any character
  bool pretty = false;
  std::shared_ptr<http::Responder> responder;

  /// The first value, or "".
  [[nodiscard]] std::string parameter(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return request.parameter(name) != nullptr; }
  [[nodiscard]] std::vector<std::string> parameters(std::string_view name) const;
};

/// How a read that may block is answered again and again. The functions are called on a consistent store.
struct Read {
  std::function<uint64_t()> index;
  std::function<std::vector<Resource>()> resources;
  std::function<Reply()> answer;
  std::function<bool()> found = {};  // if given: what was absent and is still absent keeps waiting
  bool index_is_hash = false;        // blocks while equal, not while lower
  bool names_consistency = false;    // catalog and health say which consistency they had
};

/// What a request is answered from. Owned by Registry; loop's thread; outlives every call.
class Api {
 public:
  struct Parts {
    event::Loop& loop;
    CatalogStore& store;
    HealthChecker& checker;
    SessionTimers& sessions;
    EventLog& events;
    const Identity& self;
    bool legacy_get_writes = false;
  };

  explicit Api(Parts parts);
  /// Until then every endpoint answers 500 "No cluster leader".
  void start_serving() { serving_ = true; }
  void serve(http::Request request, std::shared_ptr<http::Responder> responder);

  [[nodiscard]] CatalogStore& store() { return parts_.store; }
  [[nodiscard]] const Tables& tables() const { return parts_.store.tables(); }
  [[nodiscard]] HealthChecker& checker() { return parts_.checker; }
  [[nodiscard]] SessionTimers& sessions() { return parts_.sessions; }
  [[nodiscard]] EventLog& events() { return parts_.events; }
  [[nodiscard]] const Identity& self() const { return parts_.self; }
  [[nodiscard]] BlockingQueries& blocking() { return blocking_; }

  /// Answers at once.
  static void reply(Call& call, Reply reply);
  /// Answers with what the store holds now, once that is durable.
  void look(Call call, std::function<Reply()> answer);
  /// Answers a read, blocking if the request says so.
  void read(Call call, Read read);
  /// Answers a write once it is durable: with `done` when it succeeded, with the failure's text otherwise.
  void write(Call call, const std::function<Status(Transaction&)>& change, std::function<Reply()> done,
             int failure_status = 500);

 private:
  void answer_look(std::shared_ptr<Call> call, std::shared_ptr<std::function<Reply()>> answer);
  void answer_read(std::shared_ptr<Call> call, std::shared_ptr<Read> read, const std::string& consistency);

  Parts parts_;
  BlockingQueries blocking_;
  bool serving_ = false;
};

/// The body as JSON, or the answer that refuses it.
Result<JsonValue> parse_body(const Call& call);
/// "Request decode failed: …"
Reply decode_failure(const Error& error);

}  // namespace weir::registry
