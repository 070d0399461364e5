#pragma once
// How client subcommands talk to a server: one call at a time, waiting for its answer.

#include <functional>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/http/client.h"

namespace weir::app {

/// Owned by one subcommand. Runs a loop of its own for each call.
class ApiClient {
 public:
  /// `token_header` carries options.token, where one is given.
  ApiClient(const ApiOptions& options, std::string token_header);

  /// The body of a 200; any other status is an Error that holds the status and the server's text. `path` begins with
  /// '/' and is encoded already.
  Result<std::string> get(const std::string& path);
  /// An answer of any status.
  Result<http::ClientResponse> ask(const std::string& path);
  Result<std::string> put(const std::string& path, std::string body);
  Result<std::string> remove(const std::string& path);
  /// The same for a body that comes in pieces and may never end.
  Status stream(const std::string& path, const std::function<void(std::string_view)>& on_piece);
  /// Turns while a call is under way.
  [[nodiscard]] event::Loop& loop() { return loop_; }

 private:
  Result<http::ClientResponse> send(const std::string& method, const std::string& path, std::string body,
                                    const std::function<void(std::string_view)>& on_piece = {});
  Result<std::string> call(const std::string& method, const std::string& path, std::string body,
                           const std::function<void(std::string_view)>& on_piece = {});

  const ApiOptions options_;
  const std::string token_header_;
  event::Loop loop_;
  http::Client client_{loop_};
};

/// Lets that much time pass.
void pause_ms(uint64_t ms);

}  // namespace weir::app
