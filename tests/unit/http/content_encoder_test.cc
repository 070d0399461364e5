// What comes out of the encoders is read by the libraries' own decoders.

#include "weir/http/content_encoder.h"

#include <brotli/decode.h>
#include <zstd.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "catch.h"
#include "gunzip.h"

using namespace weir;
using namespace weir::http;
using Then = ContentEncoder::Then;

namespace {

constexpr ContentCoding kCodings[] = {ContentCoding::gzip, ContentCoding::br, ContentCoding::zstd};
constexpr size_t kDecodedMax = 1 << 20;

std::string unbrotli(std::string_view bytes) {
  std::string out(kDecodedMax, '\0');
  BrotliDecoderState* state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  size_t in = bytes.size();
  const auto* next_in = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t room = out.size();
  auto* next_out = reinterpret_cast<uint8_t*>(out.data());
  BrotliDecoderDecompressStream(state, &in, &next_in, &room, &next_out, nullptr);
  out.resize(out.size() - room);
  BrotliDecoderDestroyInstance(state);
  return out;
}

std::string unzstd(std::string_view bytes) {
  std::string out(kDecodedMax, '\0');
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer decoded{out.data(), out.size(), 0};
  while (in.pos < in.size && ZSTD_isError(ZSTD_decompressStream(context, &decoded, &in)) == 0) {
  }
  out.resize(decoded.pos);
  ZSTD_freeDCtx(context);
  return out;
}

/// What a reader has that got so much.
std::string decode(ContentCoding coding, std::string_view bytes) {
  if (coding == ContentCoding::gzip) return gunzip(bytes);
  return coding == ContentCoding::br ? unbrotli(bytes) : unzstd(bytes);
}

/// Half words, half noise.
std::string make_body(size_t bytes, std::mt19937& random) {
  constexpr std::string_view kWords[] = {"edge ", "router ", "catalog ", "{\"id\":", "</div>\n"};
  std::string out;
  while (out.size() < bytes) {
    out += kWords[random() % std::size(kWords)];
    if (random() % 4 == 0) out += static_cast<char>(random());
  }
  out.resize(bytes);
  return out;
}

}  // namespace

TEST_CASE("content encoder: a body in any pieces is itself again, from an encoder that had another before") {
  std::mt19937 random(7);
  for (ContentCoding coding : kCodings) {
    EncoderPool pool(1);
    for (size_t bytes : {0, 1, 1000, 70'000, 400'000, 0, 300}) {
      const std::string body = make_body(bytes, random);
      std::string encoded;
      EncoderPool::Lent encoder = pool.lend(coding);
      REQUIRE(encoder);
      for (size_t at = 0; at < body.size();) {
        const size_t piece = std::min<size_t>(body.size() - at, 1 + random() % 65'536);
        encoder->encode(std::string_view(body).substr(at, piece), random() % 2 == 0 ? Then::more : Then::flush,
                        encoded);
        at += piece;
      }
      encoder->encode({}, Then::end, encoded);
      CHECK(decode(coding, encoded) == body);
      if (bytes >= 70'000) CHECK(encoded.size() < body.size() / 2);
    }
  }
}

TEST_CASE("content encoder: what was flushed can be read while the body goes on") {
  for (ContentCoding coding : kCodings) {
    auto encoder = ContentEncoder::make(coding);
    std::string encoded;
    std::string said;
    for (int i = 0; i < 50; ++i) {
      const std::string event = "data: " + std::to_string(i) + "\n\n";
      encoder->encode(event, Then::flush, encoded);
      said += event;
      CHECK(decode(coding, encoded) == said);
    }
  }
}

TEST_CASE("content encoder: one that was left in the midst of a body begins anew") {
  for (ContentCoding coding : kCodings) {
    EncoderPool pool(1);
    std::string lost;
    pool.lend(coding)->encode("half of a body that nobody", Then::more, lost);
    std::string encoded;
    EncoderPool::Lent encoder = pool.lend(coding);
    encoder->encode("another", Then::end, encoded);
    CHECK(decode(coding, encoded) == "another");
  }
}

TEST_CASE("content encoder: so many at once and no more, whichever they are") {
  EncoderPool pool(2);
  auto first = pool.lend(ContentCoding::gzip);
  auto second = pool.lend(ContentCoding::br);
  CHECK((first && second));
  CHECK_FALSE(pool.lend(ContentCoding::gzip));
  second.reset();
  CHECK(pool.lend(ContentCoding::zstd));
  CHECK(pool.lend(ContentCoding::gzip));  // the one before is back
  CHECK_FALSE(EncoderPool(0).lend(ContentCoding::gzip));
  CHECK_FALSE(pool.lend(ContentCoding::identity));
}
