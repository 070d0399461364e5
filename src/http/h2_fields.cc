#include "http/h2_fields.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "http/h1_fields.h"
#include "http/websocket_key.h"
#include "weir/base/text.h"

namespace weir::http {
namespace {

// RFC 9113 section 6.5.2: what a field counts for in SETTINGS_MAX_HEADER_LIST_SIZE.
constexpr size_t kFieldOverheadBytes = 32;
// A client may not know our limits yet, and is answered 431; one that sends this many times as much is let go.
constexpr size_t kBombFactor = 4;

std::optional<H2Refusal> bad(const char* message) { return H2Refusal{400, message}; }

/// Only these may be in a block besides those of Known::other; nghttp2 refuses the rest of them.
bool is_pseudo(std::string_view name) { return name.starts_with(':'); }

/// Methods that define a meaning for content, whose requests say when they have none.
bool encloses_content(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

/// The scheme's own port says as little as none (RFC 9110 section 4.2.3).
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  for (std::string_view port : {equals_ignore_case(scheme, "https") ? ":443" : ":80", ":"}) {
    if (authority.ends_with(port)) return authority.substr(0, authority.size() - port.size());
  }
  return authority;
}

}  // namespace

// ---- Blocks in ----

void H2Fields::clear() {
  size_ = 0;
  places_.clear();
  kept_.clear();
  cookie_.clear();
  length_.reset();
  expect_ = {};
  decoded_bytes_ = count_ = 0;
  too_large_ = te_trailers_ = has_cookie_ = false;
}

bool H2Fields::add(std::string_view name, std::string_view value, const H1Limits& limits) {
  decoded_bytes_ += name.size() + value.size() + kFieldOverheadBytes;
  // A cookie's crumbs are one field (section 8.2.3), and browsers send one for each cookie: only their bytes count.
  const bool is_cookie = name == "cookie";
  if (!is_cookie || !has_cookie_) ++count_;
  has_cookie_ = has_cookie_ || is_cookie;
  if (decoded_bytes_ > limits.head_bytes_max || count_ > limits.headers_max) too_large_ = true;
  if (!is_pseudo(name)) value = trim(value);
  if (too_large_)
    return decoded_bytes_ <= kBombFactor * limits.head_bytes_max && count_ <= kBombFactor * limits.headers_max;
  // As HTTP/1.1 has them, for fields that lie behind each other leave for such an upstream in one piece.
  size_t at = size_;
  char* to = grow(name.size() + value.size() + 4);
  std::memcpy(to, name.data(), name.size());
  to += name.size();
  std::memcpy(to, ": ", 2);
  if (!value.empty()) std::memcpy(to + 2, value.data(), value.size());
  std::memcpy(to + 2 + value.size(), "\r\n", 2);
  places_.push_back(
      {static_cast<uint32_t>(at), static_cast<uint32_t>(at + name.size() + 2), static_cast<uint32_t>(size_ - 2)});
  return true;
}

char* H2Fields::grow(size_t more) {
  if (size_ + more > room_) {
    constexpr size_t kFirstBytes = 1024;
    room_ = std::max({kFirstBytes, 2 * room_, size_ + more});
    std::unique_ptr<char[]> larger(new char[room_]);  // nobody reads what nobody has written: not cleared
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
  }
  char* at = bytes_.get() + size_;
  size_ += more;
  return at;
}

void H2Fields::note_pseudo(const Header& field, Pseudo& pseudo) {
  static constexpr std::pair<std::string_view, std::string_view Pseudo::*> kPseudo[] = {
      {":method", &Pseudo::method}, {":scheme", &Pseudo::scheme},     {":authority", &Pseudo::authority},
      {":path", &Pseudo::path},     {":protocol", &Pseudo::protocol}, {":status", &Pseudo::status},
  };
  for (const auto& [name, member] : kPseudo) {
    if (field.name == name) pseudo.*member = field.value;
  }
}

std::optional<H2Refusal> H2Fields::sort_out(Pseudo& pseudo) {
  if (too_large_) return H2Refusal{431, "the header block is too large"};
  std::string_view all = bytes();
  size_t cookie_place = std::string_view::npos;
  for (const Place& place : places_) {
    Header field{all.substr(place.name, place.value - 2 - place.name),
                 all.substr(place.value, place.end - place.value)};
    if (is_pseudo(field.name)) {
      note_pseudo(field, pseudo);
      continue;
    }
    switch (classify(field.name)) {
      case Known::host:
        if (pseudo.has_host && pseudo.host != field.value) return bad("more than one Host");
        pseudo.has_host = true;
        pseudo.host = field.value;
        break;
      case Known::content_length:
        length_ = parse_u64(field.value);
        if (!length_) return bad("a Content-Length that is no number");
        break;
      case Known::te: te_trailers_ = true; break;
      case Known::expect: expect_ = field.value; break;
      case Known::for_proxies: break;
      case Known::connection:
      case Known::keep_alive:
      case Known::transfer_encoding:
      case Known::upgrade: return bad("a connection field in HTTP/2");
      case Known::other:
        if (field.name == "cookie" && cookie_place != std::string_view::npos) {
          if (cookie_.empty()) cookie_ = kept_[cookie_place].value;
          (cookie_ += "; ") += field.value;
          break;
        }
        if (field.name == "cookie") cookie_place = kept_.size();
        if (passes_for_framing(field.name)) return bad("a field that passes for one that frames");
        kept_.push_back(field);
        break;
    }
  }
  if (!cookie_.empty()) kept_[cookie_place].value = cookie_;
  return {};
}

std::optional<H2Refusal> H2Fields::take_request(RequestHead& head, const H1Limits& limits, bool ended) {
  Pseudo pseudo;
  auto unfit = sort_out(pseudo);
  head = RequestHead{};
  head.version = Version::http2;
  head.multiplexed = true;
  head.method = method_of(pseudo.method);  // also of one that is refused: the answer to HEAD has no body
  if (unfit) return unfit;
  head.method_text = pseudo.method;
  if (head.method == Method::connect) {
    if (pseudo.protocol.empty()) return H2Refusal{501, "CONNECT is not served"};
    // To everything above, an extended CONNECT (RFC 8441) is the upgrade that HTTP/1.1 asks for.
    head.method = Method::get;
    head.method_text = "GET";
    head.upgrade = pseudo.protocol;
    head.success_is_upgrade = true;
    if (pseudo.protocol != "websocket") return H2Refusal{501, "a protocol that is not known"};
    websocket_key_ = make_websocket_key();
    std::erase_if(kept_, [](const Header& field) { return field.name == "sec-websocket-key"; });
    kept_.push_back({"sec-websocket-key", websocket_key_});
  } else if (!pseudo.protocol.empty()) {
    return bad(":protocol without CONNECT");
  } else if (pseudo.method == "PRI" || (!limits.pass_unknown_methods && !is_known_method(pseudo.method))) {
    return H2Refusal{501, "an unknown method"};
  }
  if (auto refused = take_target(pseudo, head, limits)) return refused;
  if (!expect_.empty()) {
    if (!equals_ignore_case(expect_, "100-continue")) return H2Refusal{417, "an expectation that is not known"};
    head.expect_continue = true;
  }
  head.te_trailers = te_trailers_;
  head.headers = kept_;
  head.bytes = bytes();
  // END_STREAM says that there is no content; HTTP/1.1 says so by a length, where servers look for one (RFC 9110
  // section 8.6): some answer 411 else.
  const bool says_none = ended && encloses_content(head.method);
  head.has_content_length = (length_.has_value() || says_none) && head.upgrade.empty();
  head.content_length = head.has_content_length ? length_.value_or(0) : 0;
  if (ended || !head.upgrade.empty() || (length_ && *length_ == 0)) {
    head.body = Body::none;
  } else {
    head.body = length_ ? Body::length : Body::unknown;
  }
  if (head.method == Method::trace && head.body != Body::none) return bad("TRACE with a body");
  return {};
}

std::optional<H2Refusal> H2Fields::take_target(const Pseudo& pseudo, RequestHead& head, const H1Limits& limits) {
  if (!equals_ignore_case(pseudo.scheme, "http") && !equals_ignore_case(pseudo.scheme, "https"))
    return bad("a scheme that is not http");
  if (pseudo.path.size() > limits.target_bytes_max) return H2Refusal{414, "the request target is too long"};
  if (!valid_origin_form(pseudo.path)) return bad("a malformed :path");
  if (!pseudo.path.starts_with('/') && !(pseudo.path == "*" && head.method == Method::options)) {
    return bad("a malformed :path");
  }
  head.target = pseudo.path;
  head.authority = pseudo.authority.empty() ? pseudo.host : pseudo.authority;
  if (pseudo.has_host && !equals_ignore_case(without_default_port(pseudo.host, pseudo.scheme),
                                             without_default_port(head.authority, pseudo.scheme))) {
    return bad(":authority and Host differ");
  }
  if (head.authority.empty()) return bad("no :authority");
  if (!valid_authority(head.authority)) return bad("a malformed :authority");
  return {};
}

std::optional<H2Refusal> H2Fields::take_response(ResponseHead& head, Method request_method, bool ended) {
  Pseudo pseudo;
  if (sort_out(pseudo)) return H2Refusal{502, "a malformed answer"};
  auto status = parse_u64(pseudo.status);
  if (!status || *status < 100 || *status > 999) return H2Refusal{502, "an answer with a status outside 100 to 999"};
  head = ResponseHead{};
  head.version = Version::http2;
  head.status = static_cast<uint16_t>(*status);
  head.headers = kept_;
  head.content_length = length_;
  bool bodiless = !may_have_content(request_method, head.status);
  if (ended || bodiless || (length_ && *length_ == 0)) {
    head.body = Body::none;
  } else {
    head.body = length_ ? Body::length : Body::unknown;
  }
  return {};
}

std::optional<H2Refusal> H2Fields::take_trailers(std::vector<Header>& trailers) {
  Pseudo pseudo;
  if (auto refused = sort_out(pseudo)) return refused;
  trailers.clear();
  for (const Header& field : kept_) {
    if (may_trail(field.name)) trailers.push_back(field);
  }
  return {};
}

// ---- Blocks out ----

namespace {

void begin(H2Block& block, std::span<const Header> headers) {
  block.fields.clear();
  block.bytes.clear();
  size_t needed = 64;  // numbers
  for (const Header& header : headers) needed += header.name.size();
  block.bytes.reserve(needed);  // from here on it must not move
}

uint8_t* raw(std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); }

void put(H2Block& block, std::string_view name, std::string_view value) {
  block.fields.push_back(
      {raw(name), raw(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE});
}

void put_number(H2Block& block, std::string_view name, uint64_t number) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  size_t at = block.bytes.size();
  block.bytes.append(digits, static_cast<size_t>(end - digits));
  put(block, name, std::string_view(block.bytes).substr(at));
}

void put_headers(H2Block& block, std::span<const Header> headers, std::string_view left_out = {}) {
  for (const Header& header : headers) {
    // A middleware may have set one that belongs to another protocol's connection.
    if (classify(header.name) != Known::other) continue;
    if (!left_out.empty() && equals_ignore_case(header.name, left_out)) continue;
    size_t at = block.bytes.size();
    block.bytes.resize(at + header.name.size());
    char* to = block.bytes.data() + at;
    for (size_t i = 0; i < header.name.size(); ++i) to[i] = ascii_lower(header.name[i]);
    put(block, {to, header.name.size()}, header.value);
  }
}

}  // namespace

void H2Block::must_copy() {
  for (nghttp2_nv& field : fields) field.flags = NGHTTP2_NV_FLAG_NONE;
}

H2Block& h2_request_block(const RequestHead& head, std::string_view scheme) {
  thread_local H2Block block;
  begin(block, head.headers);
  bool tunnel = !head.upgrade.empty();
  put(block, ":method", tunnel ? "CONNECT" : head.method_text);
  if (tunnel) put(block, ":protocol", head.upgrade);
  put(block, ":scheme", scheme);
  put(block, ":authority", head.authority);
  put(block, ":path", head.target);
  put_headers(block, head.headers, tunnel ? "sec-websocket-key" : "");
  if (!tunnel && (head.body == Body::length || head.has_content_length)) {
    put_number(block, "content-length", head.content_length);
  }
  if (head.te_trailers) put(block, "te", "trailers");
  if (head.expect_continue) put(block, "expect", "100-continue");
  return block;
}

H2Block& h2_response_block(const ResponseHead& head, bool tunnel) {
  thread_local H2Block block;
  begin(block, head.headers);
  put_number(block, ":status", head.status == 101 ? 200 : head.status);
  put_headers(block, head.headers, tunnel ? "sec-websocket-accept" : "");
  if (head.content_length && head.status >= 200 && head.status != 204) {
    put_number(block, "content-length", *head.content_length);
  }
  return block;
}

H2Block& h2_trailer_block(std::span<const Header> trailers) {
  thread_local H2Block block;
  begin(block, trailers);
  put_headers(block, trailers);
  return block;
}

}  // namespace weir::http
