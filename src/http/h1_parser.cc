#include "weir/http/h1_parser.h"

#include <algorithm>

#include "http/h1_fields.h"
#include "http/h1_plain_head.h"
#include "weir/base/text.h"
#include "weir/http/session.h"

namespace weir::http {

/// What the head being parsed is made of; one a thread, since a head is parsed and used in one go.
struct H1Parser::Fields {
  HeadParts parts;
  std::vector<Header> kept;
  std::string rebuilt_target;  // for "http://host?query", the one form whose path is not in the input
  bool value_begun = false;
  bool too_many = false;
};

H1Parser::Fields& H1Parser::fields() {
  thread_local Fields scratch;
  return scratch;
}

namespace {

/// Grows a view by a piece that follows it in memory; llhttp may hand one field over in pieces.
bool extend(std::string_view& view, const char* at, size_t length) {
  if (view.empty()) {
    view = {at, length};
    return true;
  }
  if (view.data() + view.size() != at) return false;
  view = {view.data(), view.size() + length};
  return true;
}

Method method_of(uint8_t llhttp_method) {
  switch (llhttp_method) {
    case HTTP_GET: return Method::get;
    case HTTP_HEAD: return Method::head;
    case HTTP_POST: return Method::post;
    case HTTP_PUT: return Method::put;
    case HTTP_PATCH: return Method::patch;
    case HTTP_DELETE: return Method::del;
    case HTTP_OPTIONS: return Method::options;
    case HTTP_TRACE: return Method::trace;
    case HTTP_CONNECT: return Method::connect;
    default: return Method::other;
  }
}

}  // namespace

struct H1Parser::Callbacks {
  static H1Parser& self(llhttp_t* parser) { return *static_cast<H1Parser*>(parser->data); }

  static int on_url(llhttp_t*, const char* at, size_t length) {
    return extend(fields().parts.target, at, length) ? 0 : -1;
  }
  static int on_status(llhttp_t*, const char* at, size_t length) {
    return extend(fields().parts.reason, at, length) ? 0 : -1;
  }

  static int on_header_field(llhttp_t* parser, const char* at, size_t length) {
    H1Parser& p = self(parser);
    if (!p.in_head_) return p.append_trailer(at, length);
    Fields& f = fields();
    if (f.value_begun || f.parts.fields.empty()) {
      if (f.parts.fields.size() >= p.limits_->headers_max) {
        f.too_many = true;
        return -1;
      }
      f.parts.fields.push_back({});
      f.value_begun = false;
    }
    return extend(f.parts.fields.back().name, at, length) ? 0 : -1;
  }
  static int on_header_value(llhttp_t* parser, const char* at, size_t length) {
    H1Parser& p = self(parser);
    if (!p.in_head_) return p.append_trailer(at, length);
    Fields& f = fields();
    f.value_begun = true;
    return extend(f.parts.fields.back().value, at, length) ? 0 : -1;
  }
  static int on_header_field_complete(llhttp_t* parser) {
    H1Parser& p = self(parser);
    return p.in_head_ ? 0 : p.append_trailer("\n", 1);
  }
  static int on_header_value_complete(llhttp_t* parser) {
    H1Parser& p = self(parser);
    if (!p.in_head_) return p.append_trailer("\n", 1);
    fields().value_begun = true;  // also for an empty value, which brings no piece
    return 0;
  }
  static int on_headers_complete(llhttp_t* parser) {
    self(parser).in_head_ = false;
    return HPE_PAUSED;
  }
  static int on_body(llhttp_t* parser, const char* at, size_t length) {
    self(parser).sink_->on_body({at, length});
    return 0;
  }
  static int on_message_complete(llhttp_t* parser) {
    self(parser).message_complete_ = true;
    return HPE_PAUSED;
  }

  static constexpr llhttp_settings_t make() {
    llhttp_settings_t settings{};
    settings.on_url = on_url;
    settings.on_status = on_status;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_header_field_complete = on_header_field_complete;
    settings.on_header_value_complete = on_header_value_complete;
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    return settings;
  }
  static const llhttp_settings_t settings;
};
constexpr llhttp_settings_t H1Parser::Callbacks::settings = H1Parser::Callbacks::make();

H1Parser::H1Parser(Kind kind) : kind_(kind) {
  llhttp_init(&llhttp_, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &Callbacks::settings);
  llhttp_.data = this;
}

// ---- Heads ----

H1Parser::Taken H1Parser::read_head(std::string_view input, const H1Limits& limits) {
  Fields& f = fields();
  f.kept.clear();
  limits_ = &limits;
  in_head_ = message_complete_ = false;
  trailer_bytes_.clear();
  size_t plain =
      kind_ == Kind::request ? read_plain_request(input, limits, f.parts) : read_plain_response(input, limits, f.parts);
  return plain > 0 ? Taken{Outcome::complete, plain} : run_llhttp(input, limits);
}

H1Parser::Taken H1Parser::run_llhttp(std::string_view input, const H1Limits& limits) {
  Fields& f = fields();
  f.parts.target = f.parts.reason = {};
  f.parts.fields.clear();
  f.value_begun = f.too_many = false;
  in_head_ = true;
  llhttp_reset(&llhttp_);
  // One byte more than the limit shows that it is passed.
  std::string_view head = input.substr(0, limits.head_bytes_max + 1);
  llhttp_errno_t result = llhttp_execute(&llhttp_, head.data(), head.size());
  if (f.parts.target.size() > limits.target_bytes_max) return invalid(414, "the request target is too long");
  if (result == HPE_PAUSED) {
    auto consumed = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - input.data());
    if (consumed > limits.head_bytes_max) return invalid(431, "the message head is too long");
    return take_start_line() ? Taken{Outcome::complete, consumed} : Taken{Outcome::invalid, 0};
  }
  if (result != HPE_OK) return invalid_by_llhttp();
  if (input.size() > limits.head_bytes_max) return invalid(431, "the message head is too long");
  return {Outcome::incomplete, input.size()};
}

bool H1Parser::take_start_line() {
  HeadParts& parts = fields().parts;
  auto refuse = [&](uint16_t status, const char* message) {
    invalid(status, message);
    return false;
  };
  bool spoken = llhttp_.http_major == 1 && llhttp_.http_minor <= 1;
  parts.version_minor = llhttp_.http_minor;
  if (kind_ == Kind::response) {
    parts.status = llhttp_.status_code;
    return spoken || refuse(502, "an answer in another HTTP version");
  }
  if (!spoken) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  // llhttp reads RTSP and ICE as well.
  if (std::string_view(parts.target.data() + parts.target.size(), 6) != " HTTP/") {
    return refuse(505, "another protocol than HTTP");
  }
  parts.method = method_of(llhttp_.method);
  parts.method_text = llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
  return true;
}

H1Parser::Taken H1Parser::invalid(uint16_t status, std::string message) {
  error_status_ = status;
  error_ = Error{ErrorCode::invalid, std::move(message)};
  return {Outcome::invalid, 0};
}

H1Parser::Taken H1Parser::invalid_by_llhttp() {
  if (in_head_ && fields().too_many) return invalid(431, "too many header fields");
  const char* reason = llhttp_get_error_reason(&llhttp_);
  std::string message = reason != nullptr && *reason != '\0' ? reason : "malformed message";
  switch (llhttp_get_errno(&llhttp_)) {
    case HPE_INVALID_METHOD: return invalid(501, std::move(message));
    case HPE_INVALID_VERSION: return invalid(505, std::move(message));
    case HPE_PAUSED_H2_UPGRADE: return invalid(505, "HTTP/2 on an HTTP/1.1 port");
    default: return invalid(400, std::move(message));
  }
}

H1Parser::Taken H1Parser::parse_request_head(std::string_view input, const H1Limits& limits, RequestHead& head) {
  Taken taken = read_head(input, limits);
  if (taken.outcome != Outcome::complete) return taken;
  const HeadParts& parts = fields().parts;
  head = RequestHead{};
  head.version_minor = parts.version_minor;
  head.method = parts.method;
  head.method_text = parts.method_text;
  head.bytes = input.substr(0, taken.consumed);
  if (head.method == Method::connect) return invalid(501, "CONNECT is not served");
  if (!take_request_fields(head) || !take_request_target(head)) return {Outcome::invalid, 0};
  return taken;
}

bool H1Parser::take_request_fields(RequestHead& head) {
  auto refuse = [&](uint16_t status, const char* message) {
    invalid(status, message);
    return false;
  };
  Fields& f = fields();
  ConnectionTokens connection;
  size_t hosts = 0;
  size_t lengths = 0;
  size_t encodings = 0;
  std::string_view upgrade;
  for (const Header& header : f.parts.fields) {
    switch (classify(header.name)) {
      case Known::connection: connection.add(header.value); break;
      case Known::keep_alive:
      case Known::for_proxies: break;
      case Known::te: head.te_trailers = head.te_trailers || equals_ignore_case(header.value, "trailers"); break;
      case Known::upgrade: upgrade = header.value; break;
      case Known::host:
        ++hosts;
        head.authority = header.value;
        break;
      case Known::expect:
        if (!equals_ignore_case(header.value, "100-continue")) return refuse(417, "an expectation that is not known");
        head.expect_continue = head.version_minor == 1;
        break;
      case Known::content_length: {
        ++lengths;
        auto length = parse_u64(header.value);
        if (!length) return refuse(400, "a Content-Length that is no number");
        head.content_length = *length;
        break;
      }
      case Known::transfer_encoding:
        ++encodings;
        if (!equals_ignore_case(header.value, "chunked")) return refuse(501, "a transfer coding other than chunked");
        break;
      case Known::other: f.kept.push_back(header); break;
    }
  }
  if (hosts > 1) return refuse(400, "more than one Host");
  if (hosts == 0 && head.version_minor == 1) return refuse(400, "no Host");
  if (!valid_authority(head.authority)) return refuse(400, "a malformed Host");
  if (lengths > 1) return refuse(400, "more than one Content-Length");
  if (encodings > 1) return refuse(400, "more than one Transfer-Encoding");
  if (encodings > 0 && lengths > 0) return refuse(400, "both Content-Length and Transfer-Encoding");
  if (encodings > 0 && head.version_minor == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
  if (connection.nominates) {
    std::erase_if(f.kept, [&](const Header& header) { return is_nominated(f.parts.fields, header.name); });
  }
  head.headers = f.kept;
  head.body = encodings > 0 ? Body::unknown : head.content_length > 0 ? Body::length : Body::none;
  head.has_content_length = lengths > 0;
  bool may_upgrade = connection.upgrade && head.version_minor == 1 && head.body == Body::none;
  if (may_upgrade && !names_h2c(upgrade)) head.upgrade = upgrade;
  keep_alive_ = head.version_minor == 1 ? !connection.close : connection.keep_alive && !connection.close;
  framing_ = encodings > 0 ? Framing::chunked : Framing::length;
  length_left_ = head.content_length;
  return true;
}

bool H1Parser::take_request_target(RequestHead& head) {
  Fields& f = fields();
  auto refuse = [&](const char* message) {
    invalid(400, message);
    return false;
  };
  std::string_view target = f.parts.target;
  if (target.find('#') != std::string_view::npos) return refuse("a fragment in the request target");
  if (target == "*") {
    head.target = target;
    return head.method == Method::options || refuse("the target * without OPTIONS");
  }
  if (target.starts_with('/')) {
    head.target = target;
    return true;
  }
  // Absolute form (RFC 9112 section 3.2.2): its authority replaces Host.
  size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return refuse("a malformed request target");
  if (!equals_ignore_case(target.substr(0, scheme), "http") && !equals_ignore_case(target.substr(0, scheme), "https")) {
    return refuse("a request target that is not http");
  }
  target.remove_prefix(scheme + 3);
  size_t path = target.find_first_of("/?");
  head.authority = target.substr(0, path);
  if (head.authority.empty() || !valid_authority(head.authority)) return refuse("a malformed authority in the target");
  head.target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  if (head.target[0] == '?') {
    f.rebuilt_target = "/" + std::string(head.target);
    head.target = f.rebuilt_target;
  }
  return true;
}

H1Parser::Taken H1Parser::parse_response_head(std::string_view input, const H1Limits& limits, Method request_method,
                                              ResponseHead& head) {
  Taken taken = read_head(input, limits);
  if (taken.outcome != Outcome::complete) return taken;
  Fields& f = fields();
  head = ResponseHead{};
  head.version_minor = f.parts.version_minor;
  head.status = f.parts.status;
  head.reason = f.parts.reason;
  if (head.status < 100 || head.status > 599) return invalid(502, "an answer with a status outside 100 to 599");
  ConnectionTokens connection;
  size_t encodings = 0;
  std::string_view upgrade;
  for (const Header& header : f.parts.fields) {
    switch (classify(header.name)) {
      case Known::connection: connection.add(header.value); break;
      case Known::keep_alive: head.keep_alive_s = keep_alive_timeout_s(header.value); break;
      case Known::for_proxies:
      case Known::te: break;
      case Known::upgrade: upgrade = header.value; break;
      case Known::content_length: {
        auto length = parse_u64(header.value);
        if (!length) return invalid(502, "an answer whose Content-Length is no number");
        if (head.content_length) return invalid(502, "an answer with more than one Content-Length");
        head.content_length = length;
        break;
      }
      case Known::transfer_encoding:
        ++encodings;
        if (!equals_ignore_case(header.value, "chunked"))
          return invalid(502, "an answer in an unknown transfer coding");
        break;
      case Known::host:
      case Known::expect:
      case Known::other: f.kept.push_back(header); break;
    }
  }
  if (encodings > 1) return invalid(502, "an answer with more than one Transfer-Encoding");
  if (encodings > 0 && head.content_length)
    return invalid(502, "an answer with both Content-Length and Transfer-Encoding");
  if (encodings > 0 && head.version_minor == 0) return invalid(502, "an answer with Transfer-Encoding in HTTP/1.0");
  if (connection.nominates) {
    std::erase_if(f.kept, [&](const Header& header) { return is_nominated(f.parts.fields, header.name); });
  }
  head.headers = f.kept;
  if (head.status == 101 && connection.upgrade) head.upgrade = upgrade;
  bool bodiless = request_method == Method::head || head.status < 200 || head.status == 204 || head.status == 304;
  framing_ = encodings > 0 ? Framing::chunked : head.content_length ? Framing::length : Framing::until_close;
  length_left_ = head.content_length.value_or(0);
  if (bodiless || (framing_ == Framing::length && length_left_ == 0)) {
    head.body = Body::none;
  } else {
    head.body = framing_ == Framing::length ? Body::length : Body::unknown;
  }
  keep_alive_ = head.version_minor == 1 ? !connection.close : connection.keep_alive && !connection.close;
  if (head.body == Body::unknown && framing_ == Framing::until_close) keep_alive_ = false;
  return taken;
}

// ---- Bodies ----

H1Parser::Taken H1Parser::parse_body(std::string_view input, const H1Limits& limits, BodySink& sink) {
  limits_ = &limits;
  if (framing_ == Framing::until_close) {
    sink.on_body(input);
    return {Outcome::incomplete, input.size()};
  }
  if (framing_ == Framing::length) {
    std::string_view piece = input.substr(0, std::min<uint64_t>(length_left_, input.size()));
    length_left_ -= piece.size();
    if (!piece.empty()) sink.on_body(piece);
    return {length_left_ == 0 ? Outcome::complete : Outcome::incomplete, piece.size()};
  }
  sink_ = &sink;
  if (llhttp_get_errno(&llhttp_) == HPE_PAUSED) llhttp_resume(&llhttp_);
  llhttp_errno_t result = llhttp_execute(&llhttp_, input.data(), input.size());
  sink_ = nullptr;
  if (message_complete_ && result == HPE_PAUSED) {
    return {Outcome::complete, static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - input.data())};
  }
  if (result != HPE_OK) return invalid_by_llhttp();
  return {Outcome::incomplete, input.size()};
}

bool H1Parser::finish_at_close() { return framing_ == Framing::until_close; }

int H1Parser::append_trailer(const char* at, size_t length) {
  if (trailer_bytes_.size() + length > limits_->trailer_bytes_max) return -1;
  trailer_bytes_.append(at, length);
  return 0;
}

std::vector<Header> H1Parser::trailers() const {
  std::vector<Header> out;
  if (trailer_bytes_.empty()) return out;
  auto lines = split(trailer_bytes_, '\n');
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    // Fields that frame or route must not come late (RFC 9110 section 6.5.1).
    if (classify(lines[i]) == Known::other) out.push_back({lines[i], lines[i + 1]});
  }
  return out;
}

}  // namespace weir::http
