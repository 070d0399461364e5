#pragma once
// DNS messages on the wire (RFC 1035, 2782, 6891): queries read, answers written.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"

namespace weir::registry {

enum class DnsType : uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  txt = 16,
  aaaa = 28,
  srv = 33,
  opt = 41,
  axfr = 252,
  any = 255,
};

enum class DnsCode : uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  no_such_name = 3,
  not_implemented = 4,
  refused = 5
};

/// One question. Other records of the query are skipped, but for the OPT.
struct DnsQuery {
  uint16_t id = 0;
  uint8_t opcode = 0;
  bool recursion_desired = false;
  std::string name;  // labels joined by dots, spelled as sent, without the last dot
  uint16_t type = 0;
  uint16_t record_class = 0;
  std::string raw_question;               // to be echoed
  std::optional<uint16_t> payload_bytes;  // from the OPT

  [[nodiscard]] bool is(DnsType wanted) const { return type == static_cast<uint16_t>(wanted); }
};

struct DnsSrv {
  uint16_t priority = 1;
  uint16_t weight = 1;
  uint16_t port = 0;
  std::string target;
  bool operator==(const DnsSrv&) const = default;
};
struct DnsSoa {
  std::string primary;
  std::string mailbox;
  uint32_t serial = 0;
  uint32_t refresh_s = 3600;
  uint32_t retry_s = 600;
  uint32_t expire_s = 86400;
  uint32_t minimum_s = 0;
  bool operator==(const DnsSoa&) const = default;
};
/// A name that is the record's content.
struct DnsName {
  std::string name;
  bool operator==(const DnsName&) const = default;
};
struct DnsText {
  std::string text;
  bool operator==(const DnsText&) const = default;
};

/// Names are without the last dot.
struct DnsRecord {
  std::string name;
  DnsType type = DnsType::a;
  uint32_t ttl_s = 0;
  std::variant<IpAddress, DnsName, DnsSrv, DnsSoa, DnsText> content;
  bool operator==(const DnsRecord&) const = default;
};

struct DnsAnswer {
  DnsCode code = DnsCode::no_error;
  bool authoritative = true;
  bool truncated = false;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authority;
  std::vector<DnsRecord> additional;
};

inline constexpr size_t kDnsHeaderBytes = 12;
inline constexpr size_t kDnsNameBytesMax = 255;
inline constexpr size_t kDnsLabelBytesMax = 63;
inline constexpr size_t kDnsMessageBytesMax = 65535;

/// Why a message got no DnsQuery: whether it deserves an answer, and which. Answers and noise deserve none.
struct DnsRefusal {
  bool reply = false;
  DnsCode code = DnsCode::format_error;
};
std::variant<DnsQuery, DnsRefusal> parse_dns_query(std::string_view bytes);

/// Writes an answer with compressed names. A name that does not fit the format (a long label) ends where it is too
/// long.
std::string write_dns_answer(const DnsQuery& query, const DnsAnswer& answer);
/// Just a header: for what could not be parsed. `bytes` is the query, at least its header.
std::string write_dns_refusal(std::string_view bytes, DnsCode code);

}  // namespace weir::registry
