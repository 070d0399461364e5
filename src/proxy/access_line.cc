#include "proxy/access_line.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <ctime>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "weir/base/host_port.h"
#include "weir/base/text.h"

namespace weir::proxy {
namespace {

using Text = AccessRecord::Text;

// The fields of a JSON line, in their order there. Names are Traefik's where it has the field.
enum class Field : uint8_t {
  time,
  start,
  start_local,
  client_addr,
  client_host,
  client_port,
  client_username,
  request_addr,
  request_host,
  request_port,
  request_method,
  request_path,
  request_protocol,
  request_scheme,
  request_bytes,
  request_count,
  entry_point,
  router,
  service,
  service_url,
  service_addr,
  retries,
  origin_duration,
  origin_status,
  origin_bytes,
  status,
  response_bytes,
  duration,
  overhead,
  tls_version,
  tls_cipher,
  tls_client_subject,
  generation,
  catalog_index,
  error,
  count,
};
constexpr size_t kFields = static_cast<size_t>(Field::count);

/// `,"Name":`, copied as 32 bytes whatever its length.
struct Key {
  std::array<char, 32> text{};
  size_t size = 0;

  constexpr Key() = default;
  explicit constexpr Key(std::string_view name) {
    text[size++] = ',';
    text[size++] = '"';
    for (char c : name) text[size++] = c;
    text[size++] = '"';
    text[size++] = ':';
  }
  [[nodiscard]] std::string_view name() const { return {text.data() + 2, size - 4}; }
};
struct Name {
  Field field;
  std::string_view text;
};
constexpr Name kNames[] = {
    {Field::time, "time"},
    {Field::start, "StartUTC"},
    {Field::start_local, "StartLocal"},
    {Field::client_addr, "ClientAddr"},
    {Field::client_host, "ClientHost"},
    {Field::client_port, "ClientPort"},
    {Field::client_username, "ClientUsername"},
    {Field::request_addr, "RequestAddr"},
    {Field::request_host, "RequestHost"},
    {Field::request_port, "RequestPort"},
    {Field::request_method, "RequestMethod"},
    {Field::request_path, "RequestPath"},
    {Field::request_protocol, "RequestProtocol"},
    {Field::request_scheme, "RequestScheme"},
    {Field::request_bytes, "RequestContentSize"},
    {Field::request_count, "RequestCount"},
    {Field::entry_point, "entryPointName"},
    {Field::router, "RouterName"},
    {Field::service, "ServiceName"},
    {Field::service_url, "ServiceURL"},
    {Field::service_addr, "ServiceAddr"},
    {Field::retries, "RetryAttempts"},
    {Field::origin_duration, "OriginDuration"},
    {Field::origin_status, "OriginStatus"},
    {Field::origin_bytes, "OriginContentSize"},
    {Field::status, "DownstreamStatus"},
    {Field::response_bytes, "DownstreamContentSize"},
    {Field::duration, "Duration"},
    {Field::overhead, "Overhead"},
    {Field::tls_version, "TLSVersion"},
    {Field::tls_cipher, "TLSCipher"},
    {Field::tls_client_subject, "TLSClientSubject"},
    {Field::generation, "TableGeneration"},
    {Field::catalog_index, "CatalogIndex"},
    {Field::error, "Error"},
};
constexpr bool kNamesInOrder = [] {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i].field != static_cast<Field>(i)) return false;
  }
  return std::size(kNames) == kFields;
}();
static_assert(kNamesInOrder, "a name for each field, in the same order");
constexpr std::array<Key, kFields> kKeys = [] {
  std::array<Key, kFields> keys{};
  for (const Name& name : kNames) keys[static_cast<size_t>(name.field)] = Key(name.text);
  return keys;
}();

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (size_t c = 0x20; c < 0x7f; ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

/// How many bytes stand for themselves within quotes.
size_t plain_bytes(std::string_view text) {
  size_t at = 0;
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // Signed: bytes from 0x80 on are below 0x20, too.
    __m128i special = _mm_or_si128(
        _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f))),
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return at + static_cast<size_t>(std::countr_zero(mask));
  }
#endif
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

/// \xHH as nginx and Apache write it, \u00HH in JSON. At most six bytes; returns how many.
size_t escape(char c, bool json, char* out) {
  constexpr std::string_view kUpper = "0123456789ABCDEF";
  constexpr std::string_view kLower = "0123456789abcdef";
  out[0] = '\\';
  if (c == '"' || c == '\\') {
    out[1] = c;
    return 2;
  }
  std::string_view kind = json ? "u00" : "x";
  const auto& digits = json ? kLower : kUpper;
  auto byte = static_cast<unsigned char>(c);
  char* end = std::copy(kind.begin(), kind.end(), out + 1);
  *end++ = digits[byte >> 4];
  *end++ = digits[byte & 15];
  return static_cast<size_t>(end - out);
}

void append_escaped(std::string& out, std::string_view text) {
  for (;;) {
    size_t plain = plain_bytes(text);
    out += text.substr(0, plain);
    if (plain == text.size()) return;
    char escaped[8];
    out.append(escaped, escape(text[plain], true, escaped));
    text.remove_prefix(plain + 1);
  }
}

/// Writes without asking for room: line_bytes_max() has seen to it.
class Cursor {
 public:
  Cursor(char* at, bool json) : at_(at), json_(json) {}
  [[nodiscard]] char* at() const { return at_; }
  void put(char c) { *at_++ = c; }
  void put(std::string_view text) {
    if (text.empty()) return;  // it may point nowhere
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void key(const Key& key) {
    std::memcpy(at_, key.text.data(), key.text.size());
    at_ += key.size;
  }
  void number(uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  void escaped(std::string_view text) {
    for (;;) {
      size_t plain = plain_bytes(text);
      put(text.substr(0, plain));
      if (plain == text.size()) return;
      at_ += escape(text[plain], json_, at_);
      text.remove_prefix(plain + 1);
    }
  }
  void quoted(std::string_view text) {
    put('"');
    escaped(text);
    put('"');
  }
  void quoted_or_dash(std::string_view text) { quoted(text.empty() ? "-" : text); }

 private:
  char* at_;
  bool json_;
};

/// Keys, dates, numbers and quotes take less than 2048 bytes, each byte from outside six.
size_t line_bytes_max(const AccessRecord& record) {
  size_t texts = 0;
  for (std::string_view text : record.texts) texts += text.size();
  // Address and authority stand there twice.
  texts += record.text(Text::client_host).size() + 2 * record.text(Text::authority).size();
  return 2048 + 6 * texts;
}

/// Members of a JSON object, but for those that are left out. Each begins with a comma; the first one's becomes the
/// brace.
class JsonLine {
 public:
  JsonLine(Cursor& out, uint64_t dropped) : out_(out), begin_(out.at()), dropped_(dropped) {}
  [[nodiscard]] bool begin(Field field) {
    if ((dropped_ >> static_cast<unsigned>(field) & 1) != 0) return false;
    out_.key(kKeys[static_cast<size_t>(field)]);
    return true;
  }
  void number(Field field, uint64_t value) {
    if (begin(field)) out_.number(value);
  }
  void text(Field field, std::string_view value) {
    if (begin(field)) out_.quoted(value);
  }
  void text_if_any(Field field, std::string_view value) {
    if (!value.empty()) text(field, value);
  }
  void end(std::string_view more) {
    out_.put(more);
    if (out_.at() == begin_) out_.put('{');
    *begin_ = '{';
    out_.put('}');
  }

 private:
  Cursor& out_;
  char* const begin_;
  const uint64_t dropped_;
};

void write_request(JsonLine& line, const AccessRecord& record) {
  auto [host, port] = split_host_port(record.text(Text::authority));
  line.text(Field::request_addr, record.text(Text::authority));
  line.text(Field::request_host, host);
  line.text(Field::request_port, port.empty() ? "-" : port);
  line.text(Field::request_method, record.text(Text::method));
  line.text(Field::request_path, record.text(Text::target));
  line.text(Field::request_protocol, record.text(Text::protocol));
  line.text(Field::request_scheme, record.text(Text::scheme));
  line.number(Field::request_bytes, record.request_bytes);
  line.number(Field::request_count, record.count);
  line.text(Field::entry_point, record.text(Text::entry_point));
  line.text_if_any(Field::router, record.text(Text::router));
  line.text_if_any(Field::service, record.text(Text::service));
  line.text_if_any(Field::service_url, record.text(Text::endpoint));
  line.text_if_any(Field::service_addr, record.text(Text::endpoint_addr));
}

void write_answer(JsonLine& line, const AccessRecord& record) {
  line.number(Field::retries, record.retries);
  line.number(Field::origin_duration, record.origin_us * 1000);  // ns, as Traefik's
  if (record.origin_status != 0) {
    line.number(Field::origin_status, record.origin_status);
    line.number(Field::origin_bytes, record.origin_bytes);
  }
  line.number(Field::status, record.status);
  line.number(Field::response_bytes, record.response_bytes);
  line.number(Field::duration, record.duration_us * 1000);
  line.number(Field::overhead, (record.duration_us - record.origin_us) * 1000);
  line.text_if_any(Field::tls_version, record.text(Text::tls_version));
  line.text_if_any(Field::tls_cipher, record.text(Text::tls_cipher));
  line.text_if_any(Field::tls_client_subject, record.text(Text::tls_client_subject));
  line.number(Field::generation, record.generation);
  line.number(Field::catalog_index, record.catalog_index);
  line.text_if_any(Field::error, record.text(Text::error));
}

}  // namespace

AccessLineWriter::AccessLineWriter(const config::AccessLogConfig& config)
    : format_(config.format),
      headers_(config.headers_default, config.headers_kept, config.headers_dropped, config.headers_redacted) {
  has_headers_ = format_ == config::AccessLogFormat::json && !headers_.drops_all();
  static_assert(kFields <= 64, "a bit each");
  FieldRules fields(config.fields_default, config.fields_kept, config.fields_dropped, {});
  for (size_t i = 0; i < kFields; ++i) {
    if (fields.mode(kKeys[i].name()) == config::FieldMode::drop) dropped_fields_ |= uint64_t{1} << i;
  }
}

void AccessLineWriter::append(std::string& out, const AccessRecord& record, int64_t started_wall_us) {
  size_t room = line_bytes_max(record);
  if (room > scratch_bytes_) {
    scratch_ = std::make_unique_for_overwrite<char[]>(room);
    scratch_bytes_ = room;
  }
  char* end = format_ == config::AccessLogFormat::json ? write_json(scratch_.get(), record, started_wall_us)
                                                       : write_clf(scratch_.get(), record, started_wall_us);
  *end++ = '\n';
  out.append(scratch_.get(), end);
}

// As Apache and nginx: address, user, the request's time, its first line, status, size, referer, agent. Traefik's goes
// on with a count, router, server and duration.
char* AccessLineWriter::write_clf(char* begin, const AccessRecord& record, int64_t started_wall_us) {
  Cursor out(begin, false);
  out.put(record.text(Text::client_host));
  out.put(" - ");
  std::string_view username = record.text(Text::username);
  out.escaped(username.empty() ? "-" : username);
  const Dates& begun = dates(started_wall_us / 1'000'000);
  out.put({begun.clf, begun.clf_size});
  out.escaped(record.text(Text::method));
  out.put(' ');
  out.escaped(record.text(Text::target));
  out.put(' ');
  out.put(record.text(Text::protocol));
  out.put("\" ");
  out.number(record.status);
  out.put(' ');
  out.number(record.response_bytes);
  out.put(' ');
  out.quoted_or_dash(record.text(Text::referer));
  out.put(' ');
  out.quoted_or_dash(record.text(Text::user_agent));
  if (format_ == config::AccessLogFormat::combined) return out.at();
  out.put(' ');
  out.number(record.count);
  out.put(' ');
  out.quoted_or_dash(record.text(Text::router));
  out.put(' ');
  out.quoted_or_dash(record.text(Text::endpoint));
  out.put(' ');
  out.number(record.duration_us / 1000);
  out.put("ms");
  return out.at();
}

char* AccessLineWriter::write_json(char* begin, const AccessRecord& record, int64_t started_wall_us) {
  Cursor out(begin, true);
  JsonLine line(out, dropped_fields_);
  auto fraction = [&](int64_t wall_us) {
    char digits[7] = {'.', '0', '0', '0', '0', '0', '0'};
    auto left = static_cast<uint32_t>(wall_us % 1'000'000);
    for (size_t i = 6; i > 0; --i, left /= 10) digits[i] = static_cast<char>('0' + left % 10);
    out.put({digits, sizeof digits});
  };
  if (line.begin(Field::time)) {
    const Dates& ended = dates((started_wall_us + static_cast<int64_t>(record.duration_us)) / 1'000'000);
    out.put('"');
    out.put({ended.iso, ended.iso_size});
    out.put("Z\"");
  }
  const Dates& begun = dates(started_wall_us / 1'000'000);
  if (line.begin(Field::start)) {
    out.put('"');
    out.put({begun.iso, begun.iso_size});
    fraction(started_wall_us);
    out.put("Z\"");
  }
  if (line.begin(Field::start_local)) {
    out.put('"');
    out.put({begun.local, begun.local_size});
    fraction(started_wall_us);
    out.put({begun.zone, begun.zone_size});
    out.put('"');
  }
  std::string_view client = record.text(Text::client_host);
  if (line.begin(Field::client_addr)) {
    bool bracketed = client.find(':') != std::string_view::npos;
    out.put(bracketed ? "\"[" : "\"");
    out.put(client);
    out.put(bracketed ? "]:" : ":");
    out.number(record.client_port);
    out.put('"');
  }
  line.text(Field::client_host, client);
  if (line.begin(Field::client_port)) {
    out.put('"');
    out.number(record.client_port);
    out.put('"');
  }
  line.text(Field::client_username, record.text(Text::username).empty() ? "-" : record.text(Text::username));
  write_request(line, record);
  write_answer(line, record);
  line.end(record.text(Text::headers));
  return out.at();
}

const AccessLineWriter::Dates& AccessLineWriter::dates(int64_t second) {
  Dates& kept = dates_[static_cast<uint64_t>(second) % dates_.size()];
  if (kept.second == second) return kept;
  kept.second = second;
  std::time_t when = second;
  std::tm parts{};
  gmtime_r(&when, &parts);
  kept.clf_size = std::strftime(kept.clf, sizeof kept.clf, " [%d/%b/%Y:%H:%M:%S +0000] \"", &parts);
  kept.iso_size = std::strftime(kept.iso, sizeof kept.iso, "%Y-%m-%dT%H:%M:%S", &parts);
  localtime_r(&when, &parts);
  kept.local_size = std::strftime(kept.local, sizeof kept.local, "%Y-%m-%dT%H:%M:%S", &parts);
  // RFC 3339, as Go writes it: "+01:00", and "Z" where there is no offset.
  char zone[8] = {};
  kept.zone_size = std::strftime(zone, sizeof zone, "%z", &parts) == 5 && parts.tm_gmtoff != 0 ? 6 : 1;
  const char with_colon[] = {zone[0], zone[1], zone[2], ':', zone[3], zone[4]};
  std::memcpy(kept.zone, kept.zone_size == 1 ? "Z" : with_colon, kept.zone_size);
  return kept;
}

// Names in Go's canonical form, which Traefik's users search for, whatever the client sent.
void AccessLineWriter::append_headers(std::string& out, std::string_view prefix,
                                      std::span<const http::Header> headers) const {
  for (const http::Header& header : headers) {
    config::FieldMode mode = headers_.mode(header.name);
    if (mode == config::FieldMode::drop) continue;
    size_t before = out.size();
    (out += ",\"") += prefix;
    bool upper = true;
    size_t name_at = out.size();
    append_escaped(out, header.name);
    for (size_t i = name_at; i < out.size(); ++i) {
      char lower = ascii_lower(out[i]);
      out[i] = upper && lower >= 'a' && lower <= 'z' ? static_cast<char>(lower - 32) : lower;
      upper = lower == '-';
    }
    out += "\":\"";
    append_escaped(out, mode == config::FieldMode::redact ? "REDACTED" : header.value);
    out += '"';
    if (out.size() > kHeadersBytesMax) return out.resize(before);
  }
}

}  // namespace weir::proxy
