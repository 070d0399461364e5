// DNS queries: whatever comes, nothing is read beyond it; an answer fits its format and is never longer than a message
// may be, and refusals echo the id.

#include <algorithm>
#include <string>
#include <variant>

#include "fuzz.h"
#include "registry/dns_message.h"
#include "weir/base/check.h"

using namespace weir;
using namespace weir::registry;

void fuzz::run(std::string_view input) {
  auto parsed = parse_dns_query(input);
  if (const auto* refusal = std::get_if<DnsRefusal>(&parsed)) {
    if (!refusal->reply) return;
    const std::string written = write_dns_refusal(input, refusal->code);
    CHECK(written.size() == kDnsHeaderBytes && written.substr(0, 2) == input.substr(0, 2));
    return;
  }
  const auto& query = std::get<DnsQuery>(parsed);
  CHECK(query.name.size() <= kDnsNameBytesMax);
  CHECK(input.substr(kDnsHeaderBytes, query.raw_question.size()) == query.raw_question);
  DnsAnswer answer;
  // The name that was asked for, with all kinds of content, one of which is that name too.
  const IpAddress ip = IpAddress::parse("192.0.2.1").value();
  answer.answers = {{query.name, DnsType::a, 1, ip},
                    {query.name, DnsType::srv, 1, DnsSrv{1, 1, 80, query.name}},
                    {query.name, DnsType::ptr, 1, DnsName{"x." + query.name}},
                    {query.name, DnsType::txt, 1, DnsText{std::string(input)}}};
  answer.authority = {{"consul", DnsType::soa, 0, DnsSoa{"ns." + query.name, query.name}}};
  const std::string written = write_dns_answer(query, answer);
  CHECK(written.size() >= kDnsHeaderBytes + query.raw_question.size());
  CHECK(written.substr(kDnsHeaderBytes, query.raw_question.size()) == query.raw_question);
  CHECK(std::holds_alternative<DnsRefusal>(parse_dns_query(written)));  // an answer is no query
}
