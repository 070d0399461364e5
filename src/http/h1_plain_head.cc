#include "http/h1_plain_head.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "weir/base/field_name.h"
#include "weir/http/session.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::http {
namespace {

/// What a byte may be part of.
enum Class : uint8_t { token = 1, target = 2, value = 4 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> out{};
  for (int c = 0x20; c < 0x7f; ++c) out[static_cast<size_t>(c)] |= value;
  auto add = [&](std::string_view characters, uint8_t what) {
    for (char c : characters) out[static_cast<unsigned char>(c)] |= what;
  };
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", token | target);
  add("!#$%&'*+-.^_`|~", token);        // RFC 9110 section 5.6.2
  add("-._~!$&'()*+,;=:@/%?", target);  // RFC 3986 section 3.3 and 3.4
  return out;
}();

/// So many digits cannot overflow.
constexpr size_t kLengthDigitsMax = 18;

bool is(char c, Class what) { return (kClasses[static_cast<unsigned char>(c)] & what) != 0; }

/// The first byte of [at, end) that is no visible ASCII character and no space.
const char* skip_value(const char* at, const char* end) {
#if defined(__SSE2__)
  // Signed: bytes from 0x80 are below 0x20 too.
  const __m128i least = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    int stops = _mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(bytes, least), _mm_cmpeq_epi8(bytes, del)));
    if (stops != 0) return at + __builtin_ctz(static_cast<unsigned>(stops));
  }
#endif
  while (at != end && is(*at, value)) ++at;
  return at;
}

/// The first byte of [at, end) that is no token character.
const char* skip_name(const char* at, const char* end) {
#if defined(__SSE2__)
  // Letters, digits and dashes, which most names are made of, sixteen at once.
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto within = [](__m128i text, char first, char count) {
      __m128i from_first = _mm_sub_epi8(text, _mm_set1_epi8(first));
      return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(count)), from_first);
    };
    __m128i letters = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 25);
    __m128i others = _mm_or_si128(within(bytes, '0', 9), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    int stops = ~_mm_movemask_epi8(_mm_or_si128(letters, others)) & 0xffff;
    if (stops == 0) continue;
    at += __builtin_ctz(static_cast<unsigned>(stops));
    break;
  }
#endif
  while (at != end && is(*at, token)) ++at;
  return at;
}

/// The first byte of [at, end) that is not of a target.
const char* skip_target(const char* at, const char* end) {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto within = [&](char first, char last) {
      __m128i from_first = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
      return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(static_cast<char>(last - first))), from_first);
    };
    auto equal = [&](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    __m128i ranges = _mm_or_si128(_mm_or_si128(within('$', ';'), within('?', 'Z')), within('a', 'z'));
    __m128i others = _mm_or_si128(_mm_or_si128(equal('='), equal('_')), _mm_or_si128(equal('~'), equal('!')));
    int stops = ~_mm_movemask_epi8(_mm_or_si128(ranges, others)) & 0xffff;
    if (stops != 0) return at + __builtin_ctz(static_cast<unsigned>(stops));
  }
#endif
  while (at != end && is(*at, target)) ++at;
  return at;
}

/// Takes `text` from the front.
bool take(const char*& at, const char* end, std::string_view text) {
  if (static_cast<size_t>(end - at) < text.size() || std::memcmp(at, text.data(), text.size()) != 0) return false;
  at += text.size();
  return true;
}

/// Fields that say how a connection or a body is read, but for one plain Content-Length, are llhttp's to judge.
bool frames_unplainly(std::string_view name, std::string_view value, bool& has_length) {
  switch (name.size()) {
    case 7: return is_named(name, "upgrade");
    case 17: return is_named(name, "transfer-encoding");
    case 14:
      if (!is_named(name, "content-length")) return false;
      return std::exchange(has_length, true) || value.size() > kLengthDigitsMax ||
             !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    default: return false;
  }
}

/// Field lines and the empty line behind them. Returns where the head ends, or nullptr.
const char* read_fields(const char* at, const char* end, size_t headers_max, std::vector<Header>& fields) {
  fields.clear();
  bool has_length = false;
  while (at != end && *at != '\r') {
    const char* name = at;
    at = skip_name(at, end);
    if (at == name || at == end || *at != ':') return nullptr;
    std::string_view name_view(name, static_cast<size_t>(at - name));
    ++at;
    if (at != end && *at == ' ') ++at;
    const char* text = at;
    at = skip_value(at, end);
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
  at = skip_target(at, end);
  parts.target = {target_begin, static_cast<size_t>(at - target_begin)};
  if (parts.target.size() > limits.target_bytes_max || !take(at, end, " HTTP/1.1\r\n")) return 0;
  parts.method = found->method;
  parts.method_text = found->text.substr(0, found->text.size() - 1);
  parts.version_minor = 1;
  return length_of(input, read_fields(at, end, limits.headers_max, parts.fields), limits);
}

size_t read_plain_response(std::string_view input, const H1Limits& limits, HeadParts& parts) {
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
  at = skip_value(at, end);
  if (at == reason || *reason == ' ' || at[-1] == ' ') return 0;
  parts.reason = {reason, static_cast<size_t>(at - reason)};
  if (!take(at, end, "\r\n")) return 0;
  parts.status = static_cast<uint16_t>(status);
  parts.version_minor = 1;
  return length_of(input, read_fields(at, end, limits.headers_max, parts.fields), limits);
}

}  // namespace weir::http
