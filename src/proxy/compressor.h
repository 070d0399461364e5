#pragma once
// The compress middleware.

#include <string>
#include <string_view>
#include <vector>

#include "proxy/answer_filter.h"
#include "weir/base/content_coding.h"
#include "weir/http/content_encoder.h"
#include "weir/routing/middleware.h"

namespace weir::proxy {

/// Sends an answer's body in a content coding, where it is worth it and nobody has asked for it as it is. What comes
/// without a length goes on as it comes: a reader can decode all of it then.
class Compressor final : public AnswerFilter {
 public:
  /// The coding for the answer to a request with those fields; identity: it passes as it is.
  [[nodiscard]] static ContentCoding choose(const routing::Compression& compression, http::Method method,
                                            std::span<const http::Header> request);

  /// `compression` and `encoders` outlive it.
  Compressor(http::ServerStream& client, const routing::Compression& compression, ContentCoding coding,
             http::EncoderPool& encoders)
      : AnswerFilter(client), compression_(compression), coding_(coding), encoders_(encoders) {}

  // ServerStream, for the exchange
  void pipe_body() override { client_.pipe_body(); }
  void send_head(const http::ResponseHead& head) override;
  void send_body(std::string_view bytes) override;
  void send_end(std::span<const http::Header> trailers) override;
  void end_short() override;
  void release() override;

 private:
  [[nodiscard]] bool is_worth_it(const http::ResponseHead& head) const;
  void change_fields();
  void append_vary();
  void send_encoded(std::string_view bytes, http::ContentEncoder::Then then);

  // constant after construction
  const routing::Compression& compression_;
  const ContentCoding coding_;
  http::EncoderPool& encoders_;

  http::EncoderPool::Lent encoder_;  // from the head to the end of a body that is encoded
  bool flushes_ = false;             // nobody knows when more of the body comes
  std::string encoded_;
  std::string etag_;
};

}  // namespace weir::proxy
