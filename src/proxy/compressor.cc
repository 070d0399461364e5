#include "proxy/compressor.h"

#include <algorithm>

#include "weir/base/media_type.h"
#include "weir/base/text.h"

namespace weir::proxy {
namespace {

using http::Header;
using Then = http::ContentEncoder::Then;

constexpr std::string_view kGrpc = "application/grpc";

/// Whether a list among the fields of that name holds an item.
bool lists(std::span<const Header> headers, std::string_view name, std::string_view item) {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    if (!equals_ignore_case(header.name, name)) return false;
    const auto items = split_list(header.value);
    return std::any_of(items.begin(), items.end(), [&](auto one) { return equals_ignore_case(one, item); });
  });
}

bool is_of(const std::vector<MediaType>& types, const MediaType& type) {
  return std::any_of(types.begin(), types.end(), [&](const MediaType& one) { return one.covers(type); });
}

/// As Traefik has it: what says of no type that it is of is compressed, what says it in no form that can be read is
/// not.
bool is_wanted_type(const routing::Compression& compression, std::span<const Header> headers) {
  const Header* field = http::find(headers, "Content-Type");
  if (field == nullptr || field->value.empty()) return true;
  auto type = MediaType::parse(field->value);
  if (!type || type->name == kGrpc || is_of(compression.excluded, *type)) return false;
  return compression.included.empty() || is_of(compression.included, *type);
}

}  // namespace

ContentCoding Compressor::choose(const routing::Compression& compression, http::Method method,
                                 std::span<const Header> request) {
  if (method == http::Method::head) return ContentCoding::identity;
  AcceptedCodings accepted;
  for (const Header& header : request) {
    if (equals_ignore_case(header.name, "Accept-Encoding")) accepted.add(header.value);
  }
  return accepted.choose(compression.codings, compression.unasked);
}

bool Compressor::is_worth_it(const http::ResponseHead& head) const {
  if (head.body == http::Body::none || head.status == 101) return false;
  if (head.content_length && *head.content_length < compression_.bytes_min) return false;
  // It is encoded already; or a part, whose place is counted in bytes; or nobody may change it (RFC 9111 section
  // 5.2.2.6).
  if (http::find(head.headers, "Content-Encoding") != nullptr) return false;
  if (http::find(head.headers, "Content-Range") != nullptr) return false;
  if (lists(head.headers, "Cache-Control", "no-transform")) return false;
  return is_wanted_type(compression_, head.headers);
}

void Compressor::send_head(const http::ResponseHead& head) {
  sent_fields_.assign(head.headers.begin(), head.headers.end());
  http::ResponseHead changed = head;
  if (is_worth_it(head)) encoder_ = encoders_.lend(coding_);
  if (encoder_) {
    flushes_ = !head.content_length;
    changed.body = http::Body::unknown;
    changed.content_length.reset();
    change_fields();
  }
  if (head.status != 101) append_vary();
  changed.headers = sent_fields_;
  client_.send_head(changed);
}

void Compressor::change_fields() {
  // Ranges of what it was before nobody can be given any more.
  std::erase_if(sent_fields_, [](const Header& one) { return equals_ignore_case(one.name, "Accept-Ranges"); });
  // The same tag is on what others get as it was: it cannot promise the same bytes (RFC 9110 section 8.8.3.3).
  for (Header& header : sent_fields_) {
    if (!equals_ignore_case(header.name, "ETag") || header.value.starts_with("W/")) continue;
    (etag_ = "W/") += header.value;
    header.value = etag_;
  }
  sent_fields_.push_back({"Content-Encoding", coding_name(coding_)});
}

// Also of an answer that passes as it is: had the client asked otherwise, or for a longer one, it would not.
void Compressor::append_vary() {
  constexpr std::string_view kField = "Accept-Encoding";
  if (lists(sent_fields_, "Vary", kField) || lists(sent_fields_, "Vary", "*")) return;
  sent_fields_.push_back({"Vary", kField});
}

void Compressor::send_body(std::string_view bytes) {
  if (encoder_) return send_encoded(bytes, flushes_ ? Then::flush : Then::more);
  sent_bytes_ += bytes.size();
  client_.send_body(bytes);
}

void Compressor::send_encoded(std::string_view bytes, Then then) {
  encoded_.clear();
  encoder_->encode(bytes, then, encoded_);
  if (encoded_.empty()) return;
  sent_bytes_ += encoded_.size();
  client_.send_body(encoded_);
}

void Compressor::send_end(std::span<const Header> trailers) {
  if (encoder_) send_encoded({}, Then::end);
  encoder_.reset();
  client_.send_end(trailers);
}

// What the client has been promised with the bytes so far is what it gets.
void Compressor::end_short() {
  if (encoder_) send_encoded({}, Then::flush);
  encoder_.reset();
  client_.end_short();
}

void Compressor::release() {
  encoder_.reset();  // before the next request, which may begin in here and need it
  client_.release();
}

}  // namespace weir::proxy
