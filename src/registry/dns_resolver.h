#pragma once
// What the catalog answers to a DNS question.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "registry/dns_message.h"
#include "registry/identity.h"
#include "registry/tables.h"
#include "weir/base/random.h"

namespace weir::registry {

/// Answers from the tables as they are now. Loop's thread.
class DnsResolver {
 public:
  DnsResolver(const Tables& tables, const Identity& self) : tables_(tables), self_(self) {}

  [[nodiscard]] DnsAnswer resolve(const DnsQuery& query, uint32_t now_s);

 private:
  struct Target {
    Ref<Service> service;
    Ref<Node> node;
    bool warning = false;
  };

  void resolve_name(const DnsQuery& query, std::vector<std::string> labels, DnsAnswer& answer);
  void resolve_service(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer);
  void resolve_node(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer);
  void resolve_address(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer);
  [[nodiscard]] DnsAnswer resolve_reverse(const DnsQuery& query, const std::vector<std::string>& labels);

  /// Instances without a critical check, in random order.
  [[nodiscard]] std::vector<Target> targets_of(std::string_view service, std::string_view tag);
  void add_addresses(const DnsQuery& query, const std::vector<Target>& targets, DnsAnswer& answer);
  void add_srv(const DnsQuery& query, const std::vector<Target>& targets, DnsAnswer& answer);
  void add_srv_target(const Target& target, std::string& name, DnsAnswer& answer);
  void add_node_texts(const Node& node, const std::string& name, std::vector<DnsRecord>& out);
  void add_name_server(std::vector<DnsRecord>& out, DnsAnswer& answer);
  [[nodiscard]] std::string node_name(std::string_view node) const;

  const Tables& tables_;
  const Identity& self_;
  Random random_;
};

inline constexpr std::string_view kDnsDomain = "consul";

/// How much an answer may hold.
struct DnsAnswerLimits {
  size_t bytes_max = kDnsMessageBytesMax;
  size_t answers_max = 65535;
};
/// Cuts an answer to its limits: whole answers from the end, each with what it brought along, but never all of them.
/// Does not set the truncated flag: as with Consul's default, clients get a part and no reason to come again by TCP.
void trim_dns_answer(const DnsQuery& query, DnsAnswer& answer, const DnsAnswerLimits& limits);

}  // namespace weir::registry
