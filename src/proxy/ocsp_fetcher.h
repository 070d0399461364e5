#pragma once
// OCSP responses to staple, fetched from the responders that certificates name.

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/tls/ocsp.h"

namespace weir::proxy {

struct OcspTiming {
  uint64_t backoff_first_ms = 5'000;
  uint64_t backoff_max_ms = 3'600'000;
  uint64_t refresh_min_ms = 60'000;     // between answers that were good
  uint64_t without_end_ms = 3'600'000;  // that an answer without nextUpdate is shown
  uint64_t timeout_ms = 15'000;
};

/// Nobody waits for it: a certificate is shown without a staple until a good answer is there, and again when the last
/// one has ended. An answer is asked for anew when half of its time is over; a failure backs off, doubling, and leaves
/// what is there. Kept in memory. Control loop's thread.
class OcspFetcher {
 public:
  /// `on_news`: a staple is another, or its problem. May come from within the loop only.
  OcspFetcher(event::Loop& loop, std::function<void()> on_news, OcspTiming timing = {});
  ~OcspFetcher();
  OcspFetcher(const OcspFetcher&) = delete;
  OcspFetcher& operator=(const OcspFetcher&) = delete;

  /// From now on these chains (PEM, the leaf first), and no others. Those that name no responder, or do not hold their
  /// issuer, are left alone.
  void follow(const std::vector<std::string>& chains);

  struct Staple {
    std::string der;            // "": none
    int64_t next_update_s = 0;  // since 1970
    std::string problem;        // of the newest attempt; "": it was good
  };
  /// Of a chain that is followed; else an empty one.
  [[nodiscard]] const Staple& staple(const std::string& chain) const;

 private:
  struct Followed;

  void ask(Followed& one);
  void on_response(Followed& one, Result<http::ClientResponse> response);
  void take(Followed& one, std::string der, const tls::OcspValidity& validity);
  void failed(Followed& one, const std::string& problem);

  // constant after construction
  event::Loop& loop_;
  const std::function<void()> on_news_;
  const OcspTiming timing_;
  // loop's thread
  Random random_;
  http::Client client_;
  std::map<std::string, std::unique_ptr<Followed>> followed_;  // by chain
};

}  // namespace weir::proxy
