#include "proxy/grpc_web.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "weir/base/text.h"

namespace weir::proxy {
namespace {

using http::Header;

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWeb = "application/grpc-web";
constexpr std::string_view kText = "application/grpc-web-text";
constexpr std::string_view kStatusFields[] = {"grpc-status", "grpc-message", "grpc-status-details-bin"};
constexpr char kTrailerFrame = '\x80';

std::string_view type_of(std::span<const Header> headers) {
  const Header* type = http::find(headers, "Content-Type");
  return type != nullptr ? type->value : std::string_view();
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignore_case(text.substr(0, prefix.size()), prefix);
}

/// Whole groups of `digits`, which are left in it where a group is not whole. False: not base64.
bool take_base64(std::string& digits, std::string& out) {
  size_t whole = digits.size() / 4 * 4;
  // One by one: padding may stand wherever the sender ended a piece.
  for (size_t i = 0; i < whole; i += 4) {
    auto bytes = base64_decode(std::string_view(digits).substr(i, 4));
    if (!bytes) return false;
    out += *bytes;
  }
  digits.erase(0, whole);
  return true;
}

}  // namespace

bool GrpcWeb::is_plain_call(const http::RequestHead& request) {
  if (request.method != http::Method::post) return false;
  std::string_view type = type_of(request.headers);
  return begins_with(type, kGrpc) && (type.size() == kGrpc.size() || type[kGrpc.size()] != '-');
}

bool GrpcWeb::is_call(const http::RequestHead& request) {
  return request.method == http::Method::post && begins_with(type_of(request.headers), kWeb);
}

bool GrpcWeb::is_preflight(const http::RequestHead& request) {
  if (request.method != http::Method::options) return false;
  const Header* asked = http::find(request.headers, "Access-Control-Request-Headers");
  return asked != nullptr && http::find(request.headers, "Access-Control-Request-Method") != nullptr &&
         to_lower(asked->value).find("x-grpc-web") != std::string::npos;
}

std::string_view GrpcWeb::allowed_origin(const http::RequestHead& request, const std::vector<std::string>& allowed) {
  const Header* origin = http::find(request.headers, "Origin");
  if (origin == nullptr) return {};
  bool known = std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    return one == "*" || equals_ignore_case(one, origin->value);
  });
  return known ? origin->value : std::string_view();
}

void GrpcWeb::append_preflight_fields(std::string_view origin, std::vector<Header>& out) {
  out.push_back({"Vary", "Origin, Access-Control-Request-Headers"});
  if (origin.empty()) return;
  out.push_back({"Access-Control-Allow-Origin", origin});
  out.push_back({"Access-Control-Allow-Methods", "POST"});
  out.push_back({"Access-Control-Allow-Headers", "*, Authorization"});
  out.push_back({"Access-Control-Max-Age", "600"});
}

GrpcWeb::GrpcWeb(http::ServerStream& client, http::ServerStreamObserver& above, const http::RequestHead& request,
                 std::string_view origin)
    : AnswerFilter(client), above_(above), origin_(origin), text_(begins_with(type_of(request.headers), kText)) {
  std::string_view suffix = type_of(request.headers).substr(text_ ? kText.size() : kWeb.size());
  (request_type_ = kGrpc) += suffix;
  client_.attach(*this);
}

void GrpcWeb::change_request(http::RequestHead& head, std::vector<Header>& headers) {
  for (Header& header : headers) {
    if (equals_ignore_case(header.name, "Content-Type")) header.value = request_type_;
  }
  head.te_trailers = true;
  if (!text_) return;
  head.body = http::Body::unknown;
  head.has_content_length = false;
  head.content_length = 0;
}

bool GrpcWeb::take_early(std::string& body, bool ended) {
  if (!text_ || body.empty()) return true;
  carry_ = std::exchange(body, std::string());
  return take_base64(carry_, body) && (!ended || carry_.empty());
}

void GrpcWeb::on_request_body(std::string_view bytes) {
  if (!text_) return above_.on_request_body(bytes);
  carry_.append(bytes);
  scratch_.clear();
  if (!take_base64(carry_, scratch_)) return refuse("a body that is not base64");
  if (!scratch_.empty()) above_.on_request_body(scratch_);
}

void GrpcWeb::on_request_end(std::span<const Header>) {
  if (!carry_.empty()) return refuse("a body that ends within base64");
  above_.on_request_end({});
}

// As a session does with a body that it cannot read.
void GrpcWeb::refuse(const char* why) {
  if (!std::exchange(answered_, true)) {
    client_.forbid_reuse();
    http::ResponseHead head;
    head.status = 400;
    head.content_length = 0;
    sent_fields_.assign(1, {"Date", http::http_date()});
    append_origin_fields();
    head.headers = sent_fields_;
    client_.send_head(head);
    client_.send_end({});
  }
  above_.on_client_gone(Error{ErrorCode::invalid, why});
}

void GrpcWeb::send_head(const http::ResponseHead& head) {
  answered_ = true;
  http::ResponseHead changed = head;
  std::vector<Header>& headers = sent_fields_;
  headers.assign(head.headers.begin(), head.headers.end());
  std::string_view type = type_of(head.headers);
  framed_ = begins_with(type, kGrpc) && !begins_with(type, kWeb);
  if (framed_) {
    (response_type_ = text_ ? kText : kWeb) += type.substr(kGrpc.size());
    for (Header& header : headers) {
      if (equals_ignore_case(header.name, "Content-Type")) header.value = response_type_;
    }
    changed.content_length.reset();
    framed_ = head.body != http::Body::none;  // else its status is among the head's fields
    if (framed_) changed.body = http::Body::unknown;
  }
  append_origin_fields();
  changed.headers = headers;
  client_.send_head(changed);
}

// A page sees the fields that it is told of, and no others.
void GrpcWeb::append_origin_fields() {
  if (origin_.empty()) return;
  exposed_.clear();
  for (const Header& header : sent_fields_) {
    bool again = std::any_of(std::begin(kStatusFields), std::end(kStatusFields),
                             [&](std::string_view name) { return equals_ignore_case(name, header.name); });
    if (!again) exposed_.append(header.name).append(", ");
  }
  for (std::string_view name : kStatusFields) exposed_.append(name).append(", ");
  exposed_.resize(exposed_.size() - 2);
  sent_fields_.push_back({"Access-Control-Allow-Origin", origin_});
  sent_fields_.push_back({"Access-Control-Expose-Headers", exposed_});
  sent_fields_.push_back({"Vary", "Origin"});
}

void GrpcWeb::send_body(std::string_view bytes) {
  if (!framed_ || !text_) {
    sent_bytes_ += bytes.size();
    return client_.send_body(bytes);
  }
  const std::string digits = base64_encode(bytes);  // padded at its end: readers take padding wherever a piece ends
  sent_bytes_ += digits.size();
  client_.send_body(digits);
}

void GrpcWeb::send_end(std::span<const Header> trailers) {
  if (!framed_) return client_.send_end(trailers);
  std::string lines;
  for (const Header& trailer : trailers) {
    lines += to_lower(trailer.name);
    (lines += ": ") += trailer.value;
    lines += "\r\n";
  }
  std::string frame(1, kTrailerFrame);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(lines.size() >> shift & 0xff);
  send_body(frame += lines);
  client_.send_end({});
}

}  // namespace weir::proxy
