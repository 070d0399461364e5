#include "http/h1_plain_head.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "http/h1_fields.h"
#include "weir/base/byte_block.h"
#include "weir/base/field_name.h"
#include "weir/http/session.h"

namespace weir::http {
namespace {

/// So many digits cannot overflow.
constexpr size_t kLengthDigitsMax = 18;

/// Letters, digits and dashes, which most names are made of; then one by one.
const char* skip_name(std::string_view input, const char* at) {
  at = find_in([](ByteBlock bytes) { return ~(bytes.letters() | bytes.within('0', '9') | bytes.equal('-')); }, input,
               at);
  const char* end = input.data() + input.size();
  while (at != end && *at != ':' && is_token_char(*at)) ++at;
  return at;
}

/// The first byte that is no visible ASCII character and no space.
const char* skip_value(std::string_view input, const char* at) {
  return find_in([](ByteBlock bytes) { return ~bytes.within(' ', '~'); }, input, at);
}

/// The first byte that is not of a target (RFC 3986 sections 3.3 and 3.4).
const char* skip_target(std::string_view input, const char* at) {
  auto outside = [](ByteBlock bytes) {
    auto ranges = bytes.within('$', ';') | bytes.within('?', 'Z') | bytes.within('a', 'z');
    return ~(ranges | bytes.equal('=') | bytes.equal('_') | bytes.equal('~') | bytes.equal('!'));
  };
  return find_in(outside, input, at);
}

/// Takes `text` from the front.
bool take(const char*& at, const char* end, std::string_view text) {
  if (static_cast<size_t>(end - at) < text.size() || std::memcmp(at, text.data(), text.size()) != 0) return false;
  at += text.size();
  return true;
}

/// Fields that say how a connection or a body is read, but for one plain Content-Length, are llhttp's to judge.
bool frames_unplainly(std::string_view name, std::string_view value, bool& has_length) {
  constexpr uint32_t kLengths = 1U << 7 | 1U << 14 | 1U << 17;
  if (name.size() >= 32 || (kLengths >> name.size() & 1) == 0) return false;
  if (name.size() == 7) return is_named(name, "upgrade");
  if (name.size() == 17) return is_named(name, "transfer-encoding");
  if (!is_named(name, "content-length")) return false;
  return std::exchange(has_length, true) || value.size() > kLengthDigitsMax ||
         !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Field lines and the empty line behind them. Returns where the head ends, or nullptr.
const char* read_fields(std::string_view input, const char* at, size_t headers_max, std::vector<Header>& fields) {
  const char* end = input.data() + input.size();
  fields.clear();
  bool has_length = false;
  while (at != end && *at != '\r') {
    const char* name = at;
    at = skip_name(input, at);
    if (at == name || at == end || *at != ':') return nullptr;
    std::string_view name_view(name, static_cast<size_t>(at - name));
    ++at;
    if (at != end && *at == ' ') ++at;
    const char* text = at;
    at = skip_value(input, at);
    if (at == text || *text == ' ' || at[-1] == ' ') return nullptr;
    std::string_view value_view(text, static_cast<size_t>(at - text));
    if (!take(at, end, "\r\n")) return nullptr;
    if (fields.size() == headers_max || frames_unplainly(name_view, value_view, has_length)) return nullptr;
    fields.push_back({name_view, value_view});
  }
  return take(at, end, "\r\n") ? at : nullptr;
}

struct MethodName {
  std::string_view text;  // with the space behind it
  Method method;
};
constexpr MethodName kMethods[] = {
    {"GET ", Method::get},    {"POST ", Method::post},   {"HEAD ", Method::head},       {"PUT ", Method::put},
    {"DELETE ", Method::del}, {"PATCH ", Method::patch}, {"OPTIONS ", Method::options},
};

size_t length_of(std::string_view input, const char* head_end, const H1Limits& limits) {
  if (head_end == nullptr) return 0;
  auto bytes = static_cast<size_t>(head_end - input.data());
  return bytes <= limits.head_bytes_max ? bytes : 0;
}

}  // namespace

size_t read_plain_request(std::string_view input, const H1Limits& limits, HeadParts& parts) {
  if (input.size() < ByteBlock::kBytes) return 0;
  const char* at = input.data();
  const char* end = at + input.size();
  const MethodName* found = nullptr;
  for (const MethodName& one : kMethods) {
    if (!take(at, end, one.text)) continue;
    found = &one;
    break;
  }
  if (found == nullptr || at == end || *at != '/') return 0;
  const char* target_begin = at;
  at = skip_target(input, at);
  parts.target = {target_begin, static_cast<size_t>(at - target_begin)};
  if (parts.target.size() > limits.target_bytes_max || !take(at, end, " HTTP/1.1\r\n")) return 0;
  parts.method = found->method;
  parts.method_text = found->text.substr(0, found->text.size() - 1);
  parts.version_minor = 1;
  return length_of(input, read_fields(input, at, limits.headers_max, parts.fields), limits);
}

size_t read_plain_response(std::string_view input, const H1Limits& limits, HeadParts& parts) {
  if (input.size() < ByteBlock::kBytes) return 0;
  const char* at = input.data();
  const char* end = at + input.size();
  if (!take(at, end, "HTTP/1.1 ") || end - at < 4 || at[3] != ' ') return 0;
  unsigned status = 0;
  for (const char* digit = at; digit != at + 3; ++digit) {
    if (*digit < '0' || *digit > '9') return 0;
    status = status * 10 + static_cast<unsigned>(*digit - '0');
  }
  at += 4;
  const char* reason = at;
  at = skip_value(input, at);
  if (at == reason || *reason == ' ' || at[-1] == ' ') return 0;
  parts.reason = {reason, static_cast<size_t>(at - reason)};
  if (!take(at, end, "\r\n")) return 0;
  parts.status = static_cast<uint16_t>(status);
  parts.version_minor = 1;
  return length_of(input, read_fields(input, at, limits.headers_max, parts.fields), limits);
}

}  // namespace weir::http
