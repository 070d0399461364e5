#pragma once
// Reads single services, without blocking queries, a few at a time.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "provider/blocking_query.h"

namespace weir::provider {

/// A queue of names to read; each name is in it once. Owned by Crowd; loop's thread.
/// At most kFetchesMax under way, 64 at once and then 1,000 a second: the first reading of 10,000 services takes 10 s;
/// a failure puts the name back and pauses the queue with a growing delay: all of it where nobody answered, else what
/// is not urgent, as is the name.
class ServiceFetcher {
 public:
  using OnAnswer = std::function<Status(const std::string& name, const QueryAnswer& answer)>;
  using OnFailure = std::function<void(const std::string& name, const Error& error)>;
  static constexpr size_t kFetchesMax = 4;

  enum class Urgency : uint8_t { now, later };

  /// `service_path` is what the escaped name of a service follows.
  ServiceFetcher(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing,
                 std::string_view service_path, OnAnswer on_answer, OnFailure on_failure);

  void fetch(const std::string& name, Urgency urgency);
  /// It is of no interest any more. Not from within a callback for the same name.
  void forget(const std::string& name);
  /// Nothing is under way or waits, but for what could not be read the last time: it may never be.
  [[nodiscard]] bool idle() const { return calls_.size() + queued_.size() <= failing_.size(); }
  /// Reads again what is under way: the address has changed.
  void restart();

 private:
  void pump();
  [[nodiscard]] bool take_next(std::string& name);
  void send(const std::string& name);
  void on_response(const std::string& name, Result<http::ClientResponse> response);

  // constant after construction
  event::Loop& loop_;
  SourceLink& link_;
  Random& random_;
  const QueryTiming timing_;
  const std::string service_path_;
  const OnAnswer on_answer_;
  const OnFailure on_failure_;
  // loop's thread
  std::deque<std::string> now_;
  std::deque<std::string> later_;
  std::map<std::string, Urgency, std::less<>> queued_;  // a name in a deque that is not here (so) is skipped
  std::map<std::string, std::unique_ptr<http::Call>, std::less<>> calls_;
  std::set<std::string, std::less<>> again_;    // asked for while it was being read
  std::set<std::string, std::less<>> failing_;  // each of them waits or is under way
  TokenBucket bucket_{64, 1'000};
  Backoff backoff_;
  event::Timer pause_;      // while active nothing is read
  event::Timer rest_;       // while active only what is urgent is read
  bool permitted_ = false;  // a permission of the bucket is taken and not used yet
};

}  // namespace weir::provider
