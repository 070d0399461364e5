#include "weir/http/content_encoder.h"

#define ZLIB_CONST  // it only reads what it is given
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <utility>

#include "weir/base/check.h"

namespace weir::http {
namespace {

using Then = ContentEncoder::Then;

// A proxy's choice: a worker's other requests wait while 64 KiB are encoded. Of text gzip takes 140 MB a second so, br
// 240 and zstd 560, and makes a third to a quarter of it: a tenth more than gzip's best level does.
constexpr int kGzipLevel = 3;
constexpr int kBrotliQuality = 3;
constexpr int kZstdLevel = 3;
constexpr int kWindowBits = 19;  // of br and zstd: what a client has to keep, and how much of it they need themselves
constexpr size_t kPieceBytes = 16 * 1024;

class GzipEncoder final : public ContentEncoder {
 public:
  ~GzipEncoder() override { deflateEnd(&stream_); }
  bool begin() {
    constexpr int kGzipFormat = 16;
    constexpr int kMemoryLevel = 8;
    return deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, MAX_WBITS + kGzipFormat, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
           Z_OK;
  }

  void encode(std::string_view bytes, Then then, std::string& out) override {
    const int flush = then == Then::more ? Z_NO_FLUSH : then == Then::flush ? Z_SYNC_FLUSH : Z_FINISH;
    stream_.next_in = reinterpret_cast<const Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    char piece[kPieceBytes];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece);
      stream_.avail_out = sizeof piece;
      deflate(&stream_, flush);
      out.append(piece, sizeof piece - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  bool begin_anew() override { return deflateReset(&stream_) == Z_OK; }

 private:
  z_stream stream_ = {};
};

class BrotliEncoder final : public ContentEncoder {
 public:
  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }
  bool begin() {
    return state_ != nullptr && BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, kBrotliQuality) != 0 &&
           BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, kWindowBits) != 0;
  }

  void encode(std::string_view bytes, Then then, std::string& out) override {
    const auto operation = then == Then::more    ? BROTLI_OPERATION_PROCESS
                           : then == Then::flush ? BROTLI_OPERATION_FLUSH
                                                 : BROTLI_OPERATION_FINISH;
    size_t left = bytes.size();
    const auto* next = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t no_room = 0;  // what comes out is taken from its own memory
    do {
      CHECK(BrotliEncoderCompressStream(state_, operation, &left, &next, &no_room, nullptr, nullptr) != 0);
      size_t ready = 0;
      const uint8_t* piece = BrotliEncoderTakeOutput(state_, &ready);
      out.append(reinterpret_cast<const char*>(piece), ready);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_) != 0);
  }

  bool begin_anew() override { return false; }

 private:
  BrotliEncoderState* state_ = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
};

class ZstdEncoder final : public ContentEncoder {
 public:
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }
  bool begin() {
    return context_ != nullptr &&
           ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel)) == 0 &&
           ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, kWindowBits)) == 0;
  }

  void encode(std::string_view bytes, Then then, std::string& out) override {
    const ZSTD_EndDirective directive = then == Then::more    ? ZSTD_e_continue
                                        : then == Then::flush ? ZSTD_e_flush
                                                              : ZSTD_e_end;
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    char piece[kPieceBytes];
    bool done = false;
    while (!done) {
      ZSTD_outBuffer output{piece, sizeof piece, 0};
      const size_t left = ZSTD_compressStream2(context_, &output, &input, directive);
      CHECK(ZSTD_isError(left) == 0);
      out.append(piece, output.pos);
      done = then == Then::more ? input.pos == input.size : left == 0;
    }
  }

  bool begin_anew() override { return ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only)) == 0; }

 private:
  ZSTD_CCtx* context_ = ZSTD_createCCtx();
};

template <typename Encoder>
std::unique_ptr<ContentEncoder> make_encoder() {
  auto encoder = std::make_unique<Encoder>();
  if (!encoder->begin()) return nullptr;
  return encoder;
}

}  // namespace

std::unique_ptr<ContentEncoder> ContentEncoder::make(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::gzip: return make_encoder<GzipEncoder>();
    case ContentCoding::br: return make_encoder<BrotliEncoder>();
    case ContentCoding::zstd: return make_encoder<ZstdEncoder>();
    case ContentCoding::identity: break;
  }
  return nullptr;
}

EncoderPool::Lent EncoderPool::lend(ContentCoding coding) {
  Lent lent(nullptr, Return{this, coding});
  if (lent_ >= lent_max_) return lent;
  auto& idle = idle_[static_cast<size_t>(coding)];
  if (!idle.empty()) {
    lent.reset(idle.back().release());
    idle.pop_back();
  } else {
    lent.reset(ContentEncoder::make(coding).release());
  }
  if (lent) ++lent_;
  return lent;
}

void EncoderPool::take_back(ContentEncoder* encoder, ContentCoding coding) {
  std::unique_ptr<ContentEncoder> back(encoder);
  --lent_;
  auto& idle = idle_[static_cast<size_t>(coding)];
  if (idle.size() < kIdleMax && back->begin_anew()) idle.push_back(std::move(back));
}

}  // namespace weir::http
