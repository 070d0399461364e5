#include <utility>

#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/content_coding.h"
#include "weir/base/media_type.h"

namespace weir::routing {
namespace {

constexpr int64_t kBytesMin = 1024;  // Traefik's
constexpr std::string_view kCodingsWanted = "one of gzip, br and zstd";

Result<ContentCoding> read_coding(const std::string& key, std::string_view name) {
  auto coding = parse_coding(name);
  if (!coding || name != coding_name(*coding) || *coding == ContentCoding::identity) {
    return bad_option(key, kCodingsWanted);
  }
  return *coding;
}

Status take_codings(const std::string& key, const std::string& list, std::vector<ContentCoding>& out) {
  for (std::string_view name : list_items(list)) {
    auto coding = read_coding(key, name);
    if (!coding) return fail(coding.error());
    out.push_back(*coding);
  }
  return check_count(out.size(), "encodings");
}

Status take_types(const std::string& key, const std::string& list, std::vector<MediaType>& out) {
  for (std::string_view text : list_items(list)) {
    auto type = MediaType::parse(text);
    if (!type) return bad_option(key, "a list of media types such as text/html");
    out.push_back(*std::move(type));
  }
  return check_count(out.size(), "media types");
}

Status take_unasked(const std::string& key, const std::string& value, ContentCoding& out) {
  if (value.empty()) return {};
  auto coding = read_coding(key, value);
  if (!coding) return fail(coding.error());
  out = *coding;
  return {};
}

}  // namespace

Status compile_compress(const Options& options, Middleware& out) {
  Compression& compression = out.compression;
  int64_t bytes_min = 0;
  for (const auto& [key, value] : options) {
    Status taken = key == "encodings"              ? take_codings(key, value, compression.codings)
                   : key == "defaultencoding"      ? take_unasked(key, value, compression.unasked)
                   : key == "excludedcontenttypes" ? take_types(key, value, compression.excluded)
                   : key == "includedcontenttypes" ? take_types(key, value, compression.included)
                   : key == "minresponsebodybytes" ? take_whole(key, value, bytes_min)
                                                   : unknown_option(key);
    if (!taken) return taken;
  }
  if (!compression.excluded.empty() && !compression.included.empty()) {
    return fail(ErrorCode::invalid, "of excludedContentTypes and includedContentTypes only one may be given");
  }
  if (compression.codings.empty()) compression.codings = {ContentCoding::gzip, ContentCoding::br, ContentCoding::zstd};
  compression.bytes_min = static_cast<uint64_t>(bytes_min > 0 ? bytes_min : kBytesMin);
  return {};
}

}  // namespace weir::routing
