#pragma once
// One resource of a Consul or a Nomad, followed by blocking queries: the rules a client must keep, in one place.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "provider/source_link.h"
#include "provider/pacing.h"
#include "provider/repeated_text.h"
#include "weir/event/timer.h"
#include "weir/provider/providers.h"

namespace weir::provider {

struct QuerySubject {
  std::string path;                // "/v1/catalog/services"
  bool speaks_for_server = false;  // its 5xx mean that the server is in trouble, not only this resource
  std::string query = {};          // of its own, besides index and wait: "recurse="
  bool may_be_absent = false;      // a 404 that has an index is an answer, whose body is ""
  RepeatedText* text = nullptr;    // takes the bodies, which then are no part of the answers; outlives the query
};

struct QueryAnswer {
  std::string_view body;
  uint64_t index = 0;      // 0: the server gave none
  bool same_body = false;  // byte for byte what the last accepted answer was
  size_t body_bytes = 0;
  uint64_t body_hash = 0;     // content_hash of the body
  uint64_t index_before = 0;  // of the last accepted answer; 0: there is none
  uint64_t seen_us = 0;       // steady clock
};

/// Asks, waits, asks again, for ever. Owned by value or unique_ptr by whoever wants the answers; loop's thread.
/// Destroying it ends it, but not from within its own callbacks.
///
/// - The first query has no index. An index that goes back is forgotten, and the answer is taken (servers restore).
/// - Without an index (or 0) it polls every poll_ms. Same where the index stands still and answers come at once.
/// - The deadline is wait + wait/16 + slack: a server that hangs, or a connection that died silently, is noticed.
/// - Every failure (refused, cut, 4xx, 5xx, a body its owner refuses) backs off with jitter and keeps the index; 429
///   keeps the server's Retry-After. While connections are refused the pause stays below backoff_refused_ms, and the
///   first query that is answered wakes the others. Nothing but a 200 that was accepted counts as an answer.
/// - 403 reads the token file again, and asks again at once if the token is another one.
/// - An answer that begins to be filtered by ACLs is a failure: a token that expired sees an empty catalog.
/// - Whatever the server does: 32 queries at once, then 200 a second; and after each answer a rest of three times what
///   it took to take it, so that a long list that is always another one has a quarter of a core at most.
/// - Where the answers say the same: eight at once, then 10 a second, and not more than 4 MB of them a second. The list
///   of 10,000 services is a megabyte that the server makes anew whenever any instance changes.
class BlockingQuery {
 public:
  /// Whether the answer is taken. Refused ones count as a failure.
  using OnAnswer = std::function<Status(const QueryAnswer& answer)>;
  using OnFailure = std::function<void(const Error& error)>;

  BlockingQuery(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing, QuerySubject subject,
                OnAnswer on_answer, OnFailure on_failure);

  void start();
  /// Drops what is under way and asks again without index. Who is backing off goes on doing so. Also the answer to
  /// SourceLink's on_moved.
  void ask_afresh();
  /// Drops what is under way and asks the same again: its connection may be dead.
  void ask_again();
  /// The address answers again: who backs off because it did not, asks within kWakeMs. SourceLink's on_back.
  void wake();

  [[nodiscard]] uint64_t index() const { return index_; }

 private:
  static constexpr uint64_t kRestPerWork = 3;
  static constexpr uint64_t kSameBytesPerMs = 4'096;
  static constexpr uint64_t kWakeMs = 100;  // spread, so that the queries do not all come at once

  void schedule(uint64_t delay_ms);
  void send();
  void on_response(Result<http::ClientResponse> response);
  void take(const http::ClientResponse& response);
  void refuse(const http::ClientResponse& response);
  /// `whose`: whether the failure tells about the address or only about this resource.
  enum class Whose : uint8_t { address, resource };
  void failed(const Error& error, Whose whose, uint64_t delay_min_ms = 0);
  [[nodiscard]] uint64_t pace_after_answer(const QueryAnswer& answer, uint64_t work_us);

  // constant after construction
  event::Loop& loop_;
  SourceLink& link_;
  Random& random_;
  const QueryTiming timing_;
  const QuerySubject subject_;
  const OnAnswer on_answer_;
  const OnFailure on_failure_;
  // loop's thread
  uint64_t index_ = 0;           // of the next query; 0: none
  uint64_t accepted_index_ = 0;  // of the last accepted answer
  uint64_t body_hash_ = 0;       // of the last accepted answer; 0: there is none
  size_t body_bytes_ = 0;        // of the same
  bool lost_rights_ = false;     // answers are filtered and shorter than that one, or were: none counts until it ends
  bool filtered_ = false;        // by ACLs, the last accepted answer
  uint64_t generation_ = 0;      // of the link, when asked
  uint64_t sent_at_ms_ = 0;
  bool address_failed_ = false;  // backing off because of the address, not of the resource
  uint32_t idle_turns_ = 0;      // answers in a row that came at once and moved nothing
  TokenBucket bucket_{32, 200};
  TokenBucket idle_bucket_{8, 10};  // of answers that say the same as the one before
  Backoff backoff_;
  event::Timer timer_;
  std::unique_ptr<http::Call> call_;      // under way
  std::unique_ptr<http::Call> finished_;  // the one before: kept because its callback may be what is running
};

}  // namespace weir::provider
