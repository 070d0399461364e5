#include "registry/dns_message.h"

#include <map>

namespace weir::registry {
namespace {

constexpr uint16_t kClassInternet = 1;
constexpr uint16_t kFlagAnswer = 0x8000;
constexpr uint16_t kFlagAuthoritative = 0x0400;
constexpr uint16_t kFlagTruncated = 0x0200;
constexpr uint16_t kFlagRecursionDesired = 0x0100;
constexpr size_t kPointerOffsetMax = 0x3FFF;
constexpr size_t kTextPieceBytesMax = 255;

/// Reads from a message; every step says whether there was enough.
class Reader {
 public:
  Reader(std::string_view bytes, size_t at) : bytes_(bytes), at_(at) {}

  [[nodiscard]] size_t at() const { return at_; }
  bool u16(uint16_t& out) {
    if (bytes_.size() - at_ < 2) return false;
    out = static_cast<uint16_t>((byte(at_) << 8) | byte(at_ + 1));
    at_ += 2;
    return true;
  }
  bool skip(size_t count) {
    if (bytes_.size() - at_ < count) return false;
    at_ += count;
    return true;
  }

  /// A question's name. It is the first in the message, so that a pointer in it could only point at nonsense.
  bool plain_name(std::string& out) {
    size_t total = 0;
    while (at_ < bytes_.size()) {
      size_t length = byte(at_++);
      if (length == 0) return true;
      total += length + 1;
      if (length > kDnsLabelBytesMax || total >= kDnsNameBytesMax || bytes_.size() - at_ < length) return false;
      if (!out.empty()) out += '.';
      out += bytes_.substr(at_, length);
      at_ += length;
    }
    return false;
  }
  bool skip_name() {
    while (at_ < bytes_.size()) {
      size_t length = byte(at_++);
      if (length == 0) return true;
      if (length >= 0xC0) return skip(1);
      if (length > kDnsLabelBytesMax || !skip(length)) return false;
    }
    return false;
  }

 private:
  [[nodiscard]] uint32_t byte(size_t at) const { return static_cast<uint8_t>(bytes_[at]); }

  std::string_view bytes_;
  size_t at_;
};

bool find_payload_size(Reader& reader, size_t records, size_t additional_from, std::optional<uint16_t>& out) {
  for (size_t i = 0; i < records; ++i) {
    uint16_t type = 0;
    uint16_t record_class = 0;
    uint16_t content_bytes = 0;
    if (!reader.skip_name() || !reader.u16(type) || !reader.u16(record_class) || !reader.skip(4) ||
        !reader.u16(content_bytes) || !reader.skip(content_bytes)) {
      return false;
    }
    if (i >= additional_from && type == static_cast<uint16_t>(DnsType::opt)) out = record_class;
  }
  return true;
}

/// Writes a message, remembering where names stand.
class Writer {
 public:
  void u8(uint32_t value) { out_ += static_cast<char>(value & 0xFF); }
  void u16(uint32_t value) {
    u8(value >> 8);
    u8(value);
  }
  void u32(uint32_t value) {
    u16(value >> 16);
    u16(value & 0xFFFF);
  }
  void raw(std::string_view bytes) { out_ += bytes; }

  /// Remembers the names of a question that was written raw.
  void remember_name(std::string_view name, size_t at) {
    while (!name.empty()) {
      if (at <= kPointerOffsetMax) offsets_.try_emplace(std::string(name), at);
      size_t dot = name.find('.');
      if (dot == std::string_view::npos) return;
      at += dot + 1;
      name.remove_prefix(dot + 1);
    }
  }

  void name(std::string_view name) {
    while (!name.empty()) {
      if (auto at = offsets_.find(name); at != offsets_.end()) return u16(0xC000 | static_cast<uint32_t>(at->second));
      std::string_view label = name.substr(0, name.find('.'));
      if (label.empty() || label.size() > kDnsLabelBytesMax) break;
      if (out_.size() <= kPointerOffsetMax) offsets_.emplace(name, out_.size());
      u8(static_cast<uint32_t>(label.size()));
      raw(label);
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    u8(0);
  }

  void record(const DnsRecord& record) {
    name(record.name);
    u16(static_cast<uint16_t>(record.type));
    u16(kClassInternet);
    u32(record.ttl_s);
    size_t length_at = out_.size();
    u16(0);
    std::visit([this](const auto& content) { write(content); }, record.content);
    size_t length = out_.size() - length_at - 2;
    out_[length_at] = static_cast<char>(length >> 8);
    out_[length_at + 1] = static_cast<char>(length & 0xFF);
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write(const IpAddress& ip) { raw({reinterpret_cast<const char*>(ip.bytes.data()), ip.v6 ? 16U : 4U}); }
  void write(const DnsName& content) { name(content.name); }
  void write(const DnsSrv& srv) {
    u16(srv.priority);
    u16(srv.weight);
    u16(srv.port);
    // RFC 2782 asks for plain targets, but Consul compresses them and its clients fit more answers into a packet so.
    name(srv.target);
  }
  void write(const DnsSoa& soa) {
    name(soa.primary);
    name(soa.mailbox);
    for (uint32_t value : {soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s}) u32(value);
  }
  void write(const DnsText& content) {
    std::string_view rest = content.text;
    do {
      std::string_view piece = rest.substr(0, kTextPieceBytesMax);
      u8(static_cast<uint32_t>(piece.size()));
      raw(piece);
      rest.remove_prefix(piece.size());
    } while (!rest.empty());
  }

  std::string out_;
  std::map<std::string, size_t, std::less<>> offsets_;
};

}  // namespace

std::variant<DnsQuery, DnsRefusal> parse_dns_query(std::string_view bytes) {
  if (bytes.size() < kDnsHeaderBytes) return DnsRefusal{};
  Reader reader(bytes, 0);
  DnsQuery query;
  uint16_t flags = 0;
  uint16_t counts[4] = {};
  reader.u16(query.id);
  reader.u16(flags);
  for (uint16_t& count : counts) reader.u16(count);
  if ((flags & kFlagAnswer) != 0) return DnsRefusal{};
  query.opcode = static_cast<uint8_t>((flags >> 11) & 15);
  query.recursion_desired = (flags & kFlagRecursionDesired) != 0;
  if (query.opcode != 0) return DnsRefusal{true, DnsCode::not_implemented};
  if (counts[0] != 1) return DnsRefusal{true, DnsCode::format_error};
  if (!reader.plain_name(query.name) || !reader.u16(query.type) || !reader.u16(query.record_class)) {
    return DnsRefusal{true, DnsCode::format_error};
  }
  query.raw_question = bytes.substr(kDnsHeaderBytes, reader.at() - kDnsHeaderBytes);
  size_t before_additional = size_t{counts[1]} + counts[2];
  if (!find_payload_size(reader, before_additional + counts[3], before_additional, query.payload_bytes)) {
    return DnsRefusal{true, DnsCode::format_error};
  }
  return query;
}

std::string write_dns_answer(const DnsQuery& query, const DnsAnswer& answer) {
  Writer writer;
  uint32_t flags = kFlagAnswer | static_cast<uint32_t>(answer.code);
  if (answer.authoritative) flags |= kFlagAuthoritative;
  if (answer.truncated) flags |= kFlagTruncated;
  if (query.recursion_desired) flags |= kFlagRecursionDesired;
  writer.u16(query.id);
  writer.u16(flags);
  writer.u16(1);
  writer.u16(static_cast<uint32_t>(answer.answers.size()));
  writer.u16(static_cast<uint32_t>(answer.authority.size()));
  writer.u16(static_cast<uint32_t>(answer.additional.size() + (query.payload_bytes ? 1 : 0)));
  writer.raw(query.raw_question);
  writer.remember_name(query.name, kDnsHeaderBytes);
  for (const auto* section : {&answer.answers, &answer.authority, &answer.additional}) {
    for (const DnsRecord& record : *section) writer.record(record);
  }
  if (query.payload_bytes) {
    writer.u8(0);
    writer.u16(static_cast<uint16_t>(DnsType::opt));
    writer.u16(*query.payload_bytes);
    writer.u32(0);
    writer.u16(0);
  }
  return writer.take();
}

std::string write_dns_refusal(std::string_view bytes, DnsCode code) {
  std::string out(bytes.substr(0, 2));
  uint32_t opcode_and_rd = static_cast<uint8_t>(bytes[2]) & 0x79;
  out += static_cast<char>(0x80 | opcode_and_rd);
  out += static_cast<char>(code);
  out.append(kDnsHeaderBytes - out.size(), '\0');
  return out;
}

}  // namespace weir::registry
