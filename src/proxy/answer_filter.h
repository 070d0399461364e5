#pragma once
// What stands between an exchange and its client's stream.

#include <cstdint>
#include <span>
#include <vector>

#include "weir/http/session.h"

namespace weir::proxy {

/// A client's stream that makes something else of the answer on its way. Owned by the Exchange, for one request; calls
/// may destroy it on their way out. Worker thread only.
class AnswerFilter : public http::ServerStream {
 public:
  explicit AnswerFilter(http::ServerStream& client) : client_(client) {}
  AnswerFilter(const AnswerFilter&) = delete;
  AnswerFilter& operator=(const AnswerFilter&) = delete;
  virtual ~AnswerFilter() = default;

  /// Of the answer as the client gets it: its fields, which live as long as those it was given, and the body's bytes.
  [[nodiscard]] std::span<const http::Header> sent_fields() const { return sent_fields_; }
  [[nodiscard]] uint64_t sent_bytes() const { return sent_bytes_; }

  // ServerStream, for the exchange: what it does not change
  void attach(http::ServerStreamObserver&) override {}
  void send_interim(const http::ResponseHead& head) override { client_.send_interim(head); }
  void pause_body() override { client_.pause_body(); }
  void resume_body() override { client_.resume_body(); }
  [[nodiscard]] size_t queued_bytes() const override { return client_.queued_bytes(); }
  [[nodiscard]] size_t undelivered_bytes() const override { return client_.undelivered_bytes(); }
  void forbid_reuse() override { client_.forbid_reuse(); }
  void end_short() override { client_.end_short(); }
  void release() override { client_.release(); }

 protected:
  http::ServerStream& client_;
  std::vector<http::Header> sent_fields_;
  uint64_t sent_bytes_ = 0;
};

}  // namespace weir::proxy
