#pragma once
// Bodies in a content coding (RFC 9110 section 8.4.1), made piece by piece. zlib, brotli and zstd do the work.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/content_coding.h"

namespace weir::http {

/// Encodes a body. One thread at a time.
class ContentEncoder {
 public:
  enum class Then : uint8_t {
    more,   // what there is may wait inside for what comes
    flush,  // who has what came out so far can read all of what went in
    end,    // it was the body's last piece
  };
  /// gzip holds 270 KB, br and zstd up to some 2 MB. Null for identity, and where there is no memory for it.
  [[nodiscard]] static std::unique_ptr<ContentEncoder> make(ContentCoding coding);

  virtual ~ContentEncoder() = default;
  /// Appends to `out` what has come of `bytes` and of what waited.
  virtual void encode(std::string_view bytes, Then then, std::string& out) = 0;
  /// For another body, wherever in one it is. False: it cannot.
  [[nodiscard]] virtual bool begin_anew() = 0;
};

/// Encoders for as many bodies at once as there may be. Outlives those it lends.
class EncoderPool {
 public:
  class Return {
   public:
    void operator()(ContentEncoder* encoder) const { pool->take_back(encoder, coding); }
    EncoderPool* pool = nullptr;
    ContentCoding coding = ContentCoding::identity;
  };
  using Lent = std::unique_ptr<ContentEncoder, Return>;

  explicit EncoderPool(size_t lent_max) : lent_max_(lent_max) {}
  /// At the beginning of a body. Null: all that there may be are lent.
  [[nodiscard]] Lent lend(ContentCoding coding);

 private:
  static constexpr size_t kIdleMax = 4;  // of a coding: to make one costs more than a short body
  void take_back(ContentEncoder* encoder, ContentCoding coding);

  const size_t lent_max_;
  size_t lent_ = 0;
  std::array<std::vector<std::unique_ptr<ContentEncoder>>, kContentCodings> idle_;
};

}  // namespace weir::http
