#include "registry/dns_resolver.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "weir/base/text.h"

namespace weir::registry {
namespace {

constexpr uint16_t kClassInternet = 1;
constexpr uint16_t kClassAny = 255;

DnsRecord address_record(const std::string& name, const IpAddress& ip) {
  return {name, ip.v6 ? DnsType::aaaa : DnsType::a, 0, ip};
}

bool wants_address(const DnsQuery& query, const IpAddress& ip) {
  return query.is(DnsType::any) || query.is(ip.v6 ? DnsType::aaaa : DnsType::a);
}

DnsRecord soa_record(uint32_t now_s) {
  std::string domain(kDnsDomain);
  return {domain, DnsType::soa, 0, DnsSoa{"ns." + domain, "hostmaster." + domain, now_s}};
}

std::string join_range(const std::vector<std::string>& parts, size_t count) {
  return join(std::vector<std::string>(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count)), ".");
}

bool has_tag(const Service& service, std::string_view tag) {
  return tag.empty() ||
         std::ranges::any_of(service.tags, [&](const std::string& own) { return equals_ignore_case(own, tag); });
}

std::string hex_of(const IpAddress& ip) {
  return hex_encode({reinterpret_cast<const char*>(ip.bytes.data()), ip.v6 ? 16U : 4U});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// 8 or 32 hex digits.
std::optional<IpAddress> parse_hex_address(std::string_view hex) {
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  IpAddress ip;
  ip.v6 = hex.size() == 32;
  for (size_t i = 0; i < hex.size(); i += 2) {
    int high = hex_digit(hex[i]);
    int low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    ip.bytes[i / 2] = static_cast<uint8_t>(high * 16 + low);
  }
  return ip;
}

/// d.c.b.a.in-addr.arpa or 32 nibbles before ip6.arpa.
std::optional<IpAddress> parse_reverse(const std::vector<std::string>& labels) {
  if (labels.size() == 6 && labels[4] == "in-addr") {
    Result<IpAddress> ip = IpAddress::parse(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0]);
    return ip ? std::optional<IpAddress>(*ip) : std::nullopt;
  }
  if (labels.size() != 34 || labels[32] != "ip6") return std::nullopt;
  std::string hex;
  for (size_t i = 32; i-- > 0;) hex += labels[i];
  return hex.size() == 32 ? parse_hex_address(hex) : std::nullopt;
}

}  // namespace

DnsAnswer DnsResolver::resolve(const DnsQuery& query, uint32_t now_s) {
  std::vector<std::string> labels;
  const std::string name = to_lower(query.name);
  for (std::string_view label : split(name, '.')) labels.emplace_back(label);
  DnsAnswer answer;
  bool known_class = query.record_class == kClassInternet || query.record_class == kClassAny;
  if (known_class && labels.back() == "arpa") return resolve_reverse(query, labels);
  if (!known_class || labels.back() != kDnsDomain) {
    answer.code = DnsCode::refused;
    answer.authoritative = false;
    return answer;
  }
  if (query.is(DnsType::axfr)) {
    answer.code = DnsCode::not_implemented;
    return answer;
  }
  if (query.is(DnsType::soa)) {
    answer.answers.push_back(soa_record(now_s));
    add_name_server(answer.authority, answer);
    return answer;
  }
  if (query.is(DnsType::ns)) {
    add_name_server(answer.answers, answer);
    return answer;
  }
  labels.pop_back();
  answer.code = DnsCode::no_such_name;
  resolve_name(query, std::move(labels), answer);
  // Which zone said so, and for how long it may be remembered: not at all.
  if (answer.answers.empty()) answer.authority.push_back(soa_record(now_s));
  return answer;
}

// "[parts] kind [datacenter [dc]]"; in SRV questions "service" may be left out behind a name with an underscore.
void DnsResolver::resolve_name(const DnsQuery& query, std::vector<std::string> labels, DnsAnswer& answer) {
  static const std::set<std::string, std::less<>> kKinds = {"service", "node", "addr", "query", "connect", "virtual"};
  for (size_t i = labels.size(); i-- > 0;) {
    bool implied = query.is(DnsType::srv) && labels[i].starts_with('_');
    if (!implied && !kKinds.contains(labels[i])) continue;
    std::vector<std::string> suffixes(labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, labels.end());
    if (suffixes.size() == 2 && suffixes[1] == "dc") suffixes.pop_back();
    if (suffixes.size() > 1 || (suffixes.size() == 1 && suffixes[0] != to_lower(self_.datacenter))) return;
    std::string kind = implied ? "service" : labels[i];
    labels.resize(implied ? i + 1 : i);
    if (labels.empty()) return;
    if (kind == "service") return resolve_service(query, labels, answer);
    if (kind == "node") return resolve_node(query, labels, answer);
    if (kind == "addr") return resolve_address(query, labels, answer);
    return;
  }
}

void DnsResolver::resolve_service(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer) {
  std::string name = parts.back();
  std::string tag = join_range(parts, parts.size() - 1);
  if (parts.size() == 2 && parts[0].starts_with('_') && parts[1].starts_with('_')) {
    name = parts[0].substr(1);
    tag = parts[1] == "_tcp" ? "" : parts[1].substr(1);
  }
  std::vector<Target> targets = targets_of(name, tag);
  if (targets.empty()) return;
  answer.code = DnsCode::no_error;
  if (query.is(DnsType::srv)) return add_srv(query, targets, answer);
  add_addresses(query, targets, answer);
}

std::vector<DnsResolver::Target> DnsResolver::targets_of(std::string_view service_name, std::string_view tag) {
  std::vector<Target> targets;
  for (const auto& [key, service] : tables_.instances(service_name)) {
    Ref<Node> node = tables_.node(service->node);
    if (!node || !has_tag(*service, tag)) continue;
    Target target{service, node};
    bool critical = false;
    for (const std::string& owner : {std::string(), service->id}) {
      for (const Ref<Check>& check : tables_.checks_of_service(service->node, owner)) {
        critical = critical || check->status == kCritical;
        target.warning = target.warning || check->status == kWarning;
      }
    }
    if (!critical) targets.push_back(std::move(target));
  }
  for (size_t i = targets.size(); i > 1; --i) std::swap(targets[i - 1], targets[random_.below(i)]);
  return targets;
}

void DnsResolver::add_addresses(const DnsQuery& query, const std::vector<Target>& targets, DnsAnswer& answer) {
  bool asks_address =
      query.is(DnsType::a) || query.is(DnsType::aaaa) || query.is(DnsType::any) || query.is(DnsType::cname);
  std::set<std::string> seen;
  for (const Target& target : targets) {
    const std::string& address = target.service->address.empty() ? target.node->address : target.service->address;
    if (!asks_address || !seen.insert(address).second) continue;
    Result<IpAddress> ip = IpAddress::parse(address);
    if (!ip) {
      answer.answers.push_back({query.name, DnsType::cname, 0, DnsName{address}});
    } else if (wants_address(query, *ip)) {
      answer.answers.push_back(address_record(query.name, *ip));
    }
  }
}

void DnsResolver::add_srv(const DnsQuery& query, const std::vector<Target>& targets, DnsAnswer& answer) {
  std::set<std::string> seen;
  for (const Target& target : targets) {
    const Service& service = *target.service;
    std::string identity = service.node + "\n" + service.address + "\n" + std::to_string(service.port);
    if (!seen.insert(identity).second) continue;
    DnsSrv srv;
    int64_t weight = target.warning ? service.weights.warning : service.weights.passing;
    srv.weight = static_cast<uint16_t>(std::clamp<int64_t>(weight, 0, 65535));
    srv.port = static_cast<uint16_t>(std::clamp<int64_t>(service.port, 0, 65535));
    add_srv_target(target, srv.target, answer);
    answer.answers.push_back({query.name, DnsType::srv, 0, srv});
  }
}

// The name an SRV points at, and its address beside it, so that clients need not ask again.
void DnsResolver::add_srv_target(const Target& target, std::string& name, DnsAnswer& answer) {
  const std::string& address = target.service->address;
  const std::string& place = address.empty() ? target.node->address : address;
  Result<IpAddress> ip = IpAddress::parse(place);
  if (!place.empty() && !ip) {
    name = place;
    return;
  }
  if (!address.empty()) {
    name = hex_of(*ip) + ".addr." + self_.datacenter + "." + std::string(kDnsDomain);
    answer.additional.push_back(address_record(name, *ip));
    return;
  }
  name = node_name(target.node->name);
  if (ip) answer.additional.push_back(address_record(name, *ip));
  add_node_texts(*target.node, name, answer.additional);
}

void DnsResolver::add_node_texts(const Node& node, const std::string& name, std::vector<DnsRecord>& out) {
  for (const auto& [key, value] : node.meta) {
    out.push_back({name, DnsType::txt, 0, DnsText{key + "=" + value}});
  }
}

void DnsResolver::resolve_node(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer) {
  Ref<Node> node = tables_.node(join(parts, "."));
  if (!node) return;
  answer.code = DnsCode::no_error;
  if (Result<IpAddress> ip = IpAddress::parse(node->address); !ip) {
    answer.answers.push_back({query.name, DnsType::cname, 0, DnsName{node->address}});
  } else if (wants_address(query, *ip)) {
    answer.answers.push_back(address_record(query.name, *ip));
  }
  bool asks_text = query.is(DnsType::txt) || query.is(DnsType::any);
  add_node_texts(*node, query.name, asks_text ? answer.answers : answer.additional);
}

void DnsResolver::resolve_address(const DnsQuery& query, const std::vector<std::string>& parts, DnsAnswer& answer) {
  std::optional<IpAddress> ip = parts.size() == 1 ? parse_hex_address(parts[0]) : std::nullopt;
  if (!ip) return;
  answer.code = DnsCode::no_error;
  if (wants_address(query, *ip)) answer.answers.push_back(address_record(query.name, *ip));
}

DnsAnswer DnsResolver::resolve_reverse(const DnsQuery& query, const std::vector<std::string>& labels) {
  DnsAnswer answer;
  std::optional<IpAddress> ip = parse_reverse(labels);
  bool asks = query.is(DnsType::ptr) || query.is(DnsType::any);
  // One name, as Consul gives: that of the first node, else of the first service with this address.
  std::string name;
  if (Ref<Node> node = ip && asks ? tables_.node_at(*ip) : nullptr) {
    name = node_name(node->name);
  } else if (Ref<Service> service = ip && asks ? tables_.service_at(*ip) : nullptr) {
    name = service->name + ".service." + std::string(kDnsDomain);
  }
  if (!name.empty()) answer.answers.push_back({query.name, DnsType::ptr, 0, DnsName{std::move(name)}});
  // Not ours to deny: the address may well have a name elsewhere, and there is nobody to ask.
  if (answer.answers.empty()) {
    answer.code = DnsCode::server_failure;
    answer.authoritative = false;
  }
  return answer;
}

void DnsResolver::add_name_server(std::vector<DnsRecord>& out, DnsAnswer& answer) {
  std::string name = node_name(self_.node_name);
  out.push_back({std::string(kDnsDomain), DnsType::ns, 0, DnsName{name}});
  if (Result<IpAddress> ip = IpAddress::parse(self_.address)) answer.additional.push_back(address_record(name, *ip));
}

std::string DnsResolver::node_name(std::string_view node) const {
  return std::string(node) + ".node." + self_.datacenter + "." + std::string(kDnsDomain);
}

namespace {

/// Additional records that no SRV answer points at any more.
void drop_orphans(DnsAnswer& answer) {
  std::set<std::string> targets;
  for (const DnsRecord& record : answer.answers) {
    if (const auto* srv = std::get_if<DnsSrv>(&record.content)) targets.insert(srv->target);
  }
  std::erase_if(answer.additional, [&](const DnsRecord& record) { return !targets.contains(record.name); });
}

}  // namespace

void trim_dns_answer(const DnsQuery& query, DnsAnswer& answer, const DnsAnswerLimits& limits) {
  bool is_srv = query.is(DnsType::srv);
  auto cut_to = [&](size_t count) {
    if (answer.answers.size() <= count) return;
    answer.answers.resize(count);
    if (is_srv) drop_orphans(answer);
  };
  cut_to(limits.answers_max);
  size_t size = write_dns_answer(query, answer).size();
  while (answer.answers.size() > 1 && size > limits.bytes_max) {
    // Each round drops what is too much by proportion, at least one: a handful of rounds instead of hundreds.
    size_t fitting = answer.answers.size() * limits.bytes_max / size;
    cut_to(std::clamp<size_t>(fitting, 1, answer.answers.size() - 1));
    size = write_dns_answer(query, answer).size();
  }
  if (size > limits.bytes_max) answer.additional.clear();
}

}  // namespace weir::registry
