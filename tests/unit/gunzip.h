#pragma once
// Reading gzip with zlib's own decoder.

#include <zlib.h>

#include <string>
#include <string_view>

namespace weir {

/// What a reader has of a body in gzip that got so much of it; 1 MiB at most.
inline std::string gunzip(std::string_view bytes) {
  std::string out(1 << 20, '\0');
  z_stream stream = {};
  inflateInit2(&stream, MAX_WBITS + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // it only reads them
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_SYNC_FLUSH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace weir
