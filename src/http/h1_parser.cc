#include "weir/http/h1_parser.h"

#include <algorithm>

#include "http/h1_scratch.h"
#include "weir/http/session.h"

namespace weir::http {

H1Parser::Fields& H1Parser::fields() {
  thread_local Fields scratch;
  return scratch;
}

namespace {

constexpr size_t kMethodBytesMax = 32;

/// What llhttp reads in place of white space that it does not take. No part of the input, so of no field.
constexpr char kSpace[] = " ";

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

std::string_view without_trailing_space(std::string_view value) {
  size_t last = value.find_last_not_of(" \t");
  return value.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// One space on either side of the target, and HTTP behind it (llhttp reads RTSP and ICE as well). `line` is what
/// follows the method, in a head whose version has been read.
bool is_plain_request_line(std::string_view line, std::string_view target) {
  constexpr std::string_view kProtocol = " HTTP/";
  return target.data() == line.data() + 1 && line.substr(1 + target.size()).starts_with(kProtocol);
}

/// llhttp takes CR CR CRLF behind a status line for the end of the head.
bool has_bare_cr(std::string_view head) {
  for (size_t at = head.find('\r'); at != std::string_view::npos; at = head.find('\r', at + 1)) {
    if (head.substr(at + 1, 1) != "\n") return true;
  }
  return false;
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
    Fields& f = fields();
    if (f.value_begun || f.parts.fields.empty()) {
      if (f.parts.fields.size() >= self(parser).limits_->headers_max) {
        f.too_many = true;
        return -1;
      }
      f.parts.fields.push_back({});
      f.value_begun = false;
    }
    return extend(f.parts.fields.back().name, at, length) ? 0 : -1;
  }
  static int on_header_value(llhttp_t*, const char* at, size_t length) {
    Fields& f = fields();
    f.value_begun = true;
    if (at == kSpace || length == 0) return 0;
    return extend(f.parts.fields.back().value, at, length) ? 0 : -1;
  }
  static int on_header_value_complete(llhttp_t*) {
    fields().value_begun = true;  // also for an empty value, which brings no piece
    return 0;
  }
  static int on_headers_complete(llhttp_t*) { return HPE_PAUSED; }

  static constexpr llhttp_settings_t make() {
    llhttp_settings_t settings{};
    settings.on_url = on_url;
    settings.on_status = on_status;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_header_value_complete = on_header_value_complete;
    settings.on_headers_complete = on_headers_complete;
    return settings;
  }
  static const llhttp_settings_t settings;
};
constexpr llhttp_settings_t H1Parser::Callbacks::settings = H1Parser::Callbacks::make();

H1Parser::H1Parser(Kind kind) : kind_(kind) {
  llhttp_init(&llhttp_, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &Callbacks::settings);
  llhttp_.data = this;
}

// ---- Heads: bytes become fields ----

size_t H1Parser::empty_lines(std::string_view input) {
  size_t bytes = 0;
  while (input.substr(bytes, 2) == "\r\n") bytes += 2;
  return bytes;
}

H1Parser::Taken H1Parser::read_head(std::string_view input) {
  Fields& f = fields();
  f.kept.clear();
  if (kind_ == Kind::response) {
    if (size_t plain = read_plain_response(input, *limits_, f.parts); plain > 0) return {Outcome::complete, plain};
    return run_llhttp(input);
  }
  if (size_t plain = read_plain_request(input, *limits_, f.parts); plain > 0) return {Outcome::complete, plain};
  Taken method = find_method(input);
  return method.outcome == Outcome::complete ? run_llhttp(input) : method;
}

// llhttp knows the methods of its day; which ones are served is for us to say, so it never sees any but GET.
H1Parser::Taken H1Parser::find_method(std::string_view input) {
  if (input == "\r") return {Outcome::incomplete, input.size()};  // of an empty line
  size_t size = 0;
  while (size < input.size() && is_token_char(input[size])) ++size;
  if (size > kMethodBytesMax) return invalid(501, "a method name that is too long");
  if (size == input.size()) return {Outcome::incomplete, input.size()};
  if (size == 0 || input[size] != ' ') return invalid(400, "a malformed method");
  HeadParts& parts = fields().parts;
  parts.method_text = input.substr(0, size);
  parts.method = method_of(parts.method_text);
  if (parts.method == Method::connect) return invalid(501, "CONNECT is not served");
  if (parts.method_text == "PRI") return invalid(505, "HTTP/2 on an HTTP/1.1 port");
  if (!limits_->pass_unknown_methods && !is_known_method(parts.method_text)) return invalid(501, "an unknown method");
  return {Outcome::complete, size};
}

H1Parser::Taken H1Parser::run_llhttp(std::string_view input) {
  HeadParts& parts = fields().parts;
  // One byte more than the limit shows that it is passed.
  std::string_view head = input.substr(0, limits_->head_bytes_max + 1);
  if (kind_ == Kind::request) head.remove_prefix(std::min(parts.method_text.size(), head.size()));
  llhttp_errno_t result = execute(head);
  if (parts.target.size() > limits_->target_bytes_max) return invalid(414, "the request target is too long");
  parts.version_minor = llhttp_.http_minor;
  parts.status = llhttp_.status_code;
  // A request line without a version: HTTP/0.9 has no head to wait for the end of.
  bool has_line = kind_ == Kind::request && input.find('\n') != std::string_view::npos;
  bool went_well = result == HPE_OK || result == HPE_PAUSED;
  if (went_well && has_line && llhttp_.http_major == 0) {
    return invalid(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (result == HPE_PAUSED) {
    auto consumed = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - input.data());
    if (consumed > limits_->head_bytes_max) return invalid(431, "the message head is too long");
    if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
      return invalid(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    if (kind_ == Kind::request && !is_plain_request_line(head, parts.target)) {
      return invalid(400, "a malformed request line");
    }
    if (has_bare_cr(input.substr(0, consumed))) return invalid(400, "a bare CR in the message head");
    // llhttp leaves white space behind a value to its user (RFC 9110 section 5.5).
    for (Header& field : parts.fields) field.value = without_trailing_space(field.value);
    return {Outcome::complete, consumed};
  }
  if (result != HPE_OK) return invalid_by_llhttp(input);
  if (input.size() > limits_->head_bytes_max) return invalid(431, "the message head is too long");
  return {Outcome::incomplete, input.size()};
}

llhttp_errno_t H1Parser::execute(std::string_view head) {
  begin();
  llhttp_errno_t result = llhttp_execute(&llhttp_, head.data(), head.size());
  if (result != HPE_INVALID_CONTENT_LENGTH) return result;
  // White space is spaces and tabs (RFC 9110 section 5.6.3). Behind a Content-Length llhttp takes spaces alone, so a
  // run that has a tab is one for it. Once: a second Content-Length is refused anyway.
  const auto before = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - head.data());
  if (before >= head.size() || head[before] != '\t') return result;
  std::string_view behind = head.substr(std::min(head.find_first_not_of(" \t", before), head.size()));
  begin();
  llhttp_execute(&llhttp_, head.data(), before);
  llhttp_execute(&llhttp_, kSpace, 1);
  return llhttp_execute(&llhttp_, behind.data(), behind.size());
}

void H1Parser::begin() {
  Fields& f = fields();
  f.parts.target = f.parts.reason = {};
  f.parts.fields.clear();
  f.value_begun = f.too_many = false;
  llhttp_reset(&llhttp_);
  if (kind_ == Kind::request) llhttp_execute(&llhttp_, "GET", 3);
}

H1Parser::Taken H1Parser::invalid(uint16_t status, std::string message) {
  error_status_ = status;
  error_ = Error{ErrorCode::invalid, std::move(message)};
  return {Outcome::invalid, 0};
}

H1Parser::Taken H1Parser::invalid_by_llhttp(std::string_view input) {
  if (fields().too_many) return invalid(431, "too many header fields");
  const char* reason = llhttp_get_error_reason(&llhttp_);
  std::string message = reason != nullptr && *reason != '\0' ? reason : "malformed message";
  // llhttp gives that reason also for a bare LF behind a version that it has read well.
  std::string_view line = input.substr(0, input.find('\n'));
  bool good_version = line.ends_with(" HTTP/1.1") || line.ends_with(" HTTP/1.0");
  bool other_version = llhttp_get_errno(&llhttp_) == HPE_INVALID_VERSION && !good_version;
  return invalid(other_version ? 505 : 400, std::move(message));
}

// ---- Bodies ----

H1Parser::Taken H1Parser::parse_body(std::string_view input, const H1Limits& limits, BodySink& sink) {
  if (framing_ == Framing::chunked) {
    Taken taken = chunks_.read(input, limits, sink);
    return taken.outcome == Outcome::invalid ? invalid(400, chunks_.error()) : taken;
  }
  if (framing_ == Framing::until_close) {
    sink.on_body(input);
    return {Outcome::incomplete, input.size()};
  }
  std::string_view piece = input.substr(0, std::min<uint64_t>(length_left_, input.size()));
  length_left_ -= piece.size();
  if (!piece.empty()) sink.on_body(piece);
  return {length_left_ == 0 ? Outcome::complete : Outcome::incomplete, piece.size()};
}

bool H1Parser::finish_at_close() { return framing_ == Framing::until_close; }

}  // namespace weir::http
