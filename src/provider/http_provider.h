#pragma once
// Follows a JSON document of Traefik's dynamic configuration behind a URL, by asking for it again and again.

#include <memory>
#include <optional>
#include <string>

#include "provider/definition_gate.h"
#include "provider/last_good_file.h"
#include "provider/pacing.h"
#include "weir/base/random.h"
#include "weir/base/url.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/provider/providers.h"

namespace weir::provider {

/// Asks every interval_ms (give or take an eighth, so that a fleet does not ask in step), with If-None-Match once the
/// server has given an ETag; 304 confirms what is there. Only a 200 whose whole body is such a document is believed;
/// everything else keeps what was known and is tried again, soon at first, then at the usual pace. Redirects are not
/// followed. Owned by the application; control loop's thread.
class HttpProvider final : public Provider {
 public:
  HttpProvider(event::Loop& loop, const Clock& clock, HttpOptions options);
  ~HttpProvider() override { stop(); }

  Status start(Observer& observer) override;
  void stop() override;
  [[nodiscard]] ProviderStatus status() const override;
  void want_services(std::set<std::string, std::less<>>) override {}  // it has none but those it defines

 private:
  void ask();
  void on_response(Result<http::ClientResponse> response);
  Status take(const http::ClientResponse& response);
  Status take_body(std::string_view body, uint64_t seen_us);
  void note_good();
  void failed(const Error& error, uint64_t delay_min_ms = 0);
  void save_what_serves();

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  const HttpOptions options_;
  Url url_;
  http::HeaderFields headers_;
  // loop's thread; what uses something else stands below it
  Observer* observer_ = nullptr;  // null: stopped
  Random random_;
  std::unique_ptr<LastGoodFile> file_;
  std::unique_ptr<DefinitionGate> gate_;
  http::Client client_;
  Backoff backoff_;
  std::string etag_;                    // of what was taken last; "": none
  std::optional<std::string> unsaved_;  // the body that is not on disk yet
  uint64_t body_hash_ = 0;              // of what was taken last from the source; 0: nothing
  std::string error_;
  int64_t disk_wall_ns_ = 0;
  int64_t good_wall_ns_ = 0;
  uint64_t good_at_ms_ = 0;
  std::unique_ptr<http::Call> call_;      // under way
  std::unique_ptr<http::Call> finished_;  // the one before: its callback may be what is running
  event::Timer timer_;
};

}  // namespace weir::provider
