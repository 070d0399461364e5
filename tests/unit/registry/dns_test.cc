// DNS: the codec against hostile bytes, and the answers that a real Consul 1.8.7 gave.

#include <algorithm>

#include "catch.h"
#include "registry/agent_writes.h"
#include "registry/dns_message.h"
#include "registry/dns_resolver.h"
#include "store_fixture.h"
#include "weir/base/random.h"

namespace weir::registry {
namespace {

std::string query_bytes(const std::string& name, DnsType type, std::optional<uint16_t> payload = std::nullopt) {
  std::string out("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", 11);
  out += payload ? '\x01' : '\x00';
  for (std::string_view label : split(name, '.')) {
    if (label.empty()) continue;
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
  out += static_cast<char>(static_cast<uint16_t>(type) >> 8);
  out += static_cast<char>(static_cast<uint16_t>(type) & 0xFF);
  out += std::string("\0\x01", 2);
  if (payload) {
    out += std::string("\0\0\x29", 3);
    out += static_cast<char>(*payload >> 8);
    out += static_cast<char>(*payload & 0xFF);
    out += std::string(6, '\0');
  }
  return out;
}

DnsQuery make_query(const std::string& name, DnsType type, std::optional<uint16_t> payload = std::nullopt) {
  return std::get<DnsQuery>(parse_dns_query(query_bytes(name, type, payload)));
}

std::string text_of(const DnsRecord& record) {
  struct Visitor {
    std::string operator()(const IpAddress& ip) const { return (ip.v6 ? "AAAA " : "A ") + ip.text(); }
    std::string operator()(const DnsName& name) const { return name.name; }
    std::string operator()(const DnsSrv& srv) const {
      return "SRV " + std::to_string(srv.weight) + " " + std::to_string(srv.port) + " " + srv.target;
    }
    std::string operator()(const DnsSoa& soa) const { return "SOA " + soa.primary; }
    std::string operator()(const DnsText& text) const { return "TXT " + text.text; }
  };
  return record.name + " " + std::visit(Visitor{}, record.content);
}

std::string texts(std::vector<DnsRecord> records) {
  std::vector<std::string> lines;
  for (const DnsRecord& record : records) lines.push_back(text_of(record));
  std::ranges::sort(lines);
  return join(lines, "; ");
}

struct DnsFixture {
  StoreFixture f;
  Identity self{.node_name = "n1",
                .node_id = "",
                .address = "127.0.0.1",
                .http_address = {},
                .dns_address = {},
                .started_at = {}};
  DnsResolver resolver{f.store.tables(), self};

  DnsFixture() {
    REQUIRE(f.write([this](Transaction& tx) { return put_own_node(tx, self); }));
    for (int i = 1; i <= 4; ++i) {
      std::string node = "d" + std::to_string(i);
      REQUIRE(f.add_node(node, "10.5.0." + std::to_string(i)));
      add(node, "dw", "", 800 + i, i % 2 == 1 ? std::vector<std::string>{"V1"} : std::vector<std::string>{});
    }
    add("d1", "withip", "10.6.0.1", 99);
    add("d1", "withv6", "fd00::1", 99);
    add("d1", "withfqdn", "foo.example.com", 99);
    add("d1", "dead", "", 1);
    REQUIRE(f.add_check("d1", "dying", "dead", kCritical));
  }
  void add(const std::string& node, const std::string& name, const std::string& address, int64_t port,
           std::vector<std::string> tags = {}) {
    Service service;
    service.id = service.name = name;
    service.address = address;
    service.port = port;
    service.tags = std::move(tags);
    service.weights = {5, 2};
    REQUIRE(f.register_all({.node = {.name = node}, .skip_node_update = true, .service = service}));
  }
  DnsAnswer ask(const std::string& name, DnsType type = DnsType::a) {
    return resolver.resolve(make_query(name, type), 7);
  }
  std::string answers(const std::string& name, DnsType type = DnsType::a) { return texts(ask(name, type).answers); }
};

}  // namespace

TEST_CASE("dns: addresses of a service, by tag, in any case, in the own datacenter") {
  DnsFixture f;
  CHECK(f.answers("withip.service.consul") == "withip.service.consul A 10.6.0.1");
  CHECK(f.answers("withv6.service.consul", DnsType::aaaa) == "withv6.service.consul AAAA fd00::1");
  CHECK(f.answers("withfqdn.service.consul") == "withfqdn.service.consul foo.example.com");
  CHECK(f.ask("DW.SERVICE.Consul").answers.size() == 4);
  CHECK(f.ask("DW.SERVICE.Consul").answers[0].name == "DW.SERVICE.Consul");
  CHECK(f.ask("v1.dw.service.consul").answers.size() == 2);
  CHECK(f.ask("dw.service.dc1.consul").answers.size() == 4);
  CHECK(f.ask("dw.service.dc1.dc.consul").answers.size() == 4);
}

TEST_CASE("dns: SRV names a target and brings its address") {
  DnsFixture f;
  DnsAnswer answer = f.ask("_dw._v1.service.consul", DnsType::srv);
  CHECK(texts(answer.answers) ==
        "_dw._v1.service.consul SRV 5 801 d1.node.dc1.consul; _dw._v1.service.consul SRV 5 803 d3.node.dc1.consul");
  CHECK(texts(answer.additional) == "d1.node.dc1.consul A 10.5.0.1; d3.node.dc1.consul A 10.5.0.3");
  CHECK(f.ask("_dw._tcp.service.consul", DnsType::srv).answers.size() == 4);
  CHECK(f.ask("_dw._v1.consul", DnsType::srv).answers.size() == 2);
  answer = f.ask("withip.service.consul", DnsType::srv);
  CHECK(texts(answer.answers) == "withip.service.consul SRV 5 99 0a060001.addr.dc1.consul");
  CHECK(texts(answer.additional) == "0a060001.addr.dc1.consul A 10.6.0.1");
  CHECK(f.answers("withfqdn.service.consul", DnsType::srv) == "withfqdn.service.consul SRV 5 99 foo.example.com");
  REQUIRE(f.f.add_node("named", "node.example.com"));
  f.add("named", "onfqdn", "", 99);
  CHECK(f.answers("onfqdn.service.consul", DnsType::srv) == "onfqdn.service.consul SRV 5 99 node.example.com");
  REQUIRE(f.f.add_check("d1", "w", "withip", kWarning));
  CHECK(f.answers("withip.service.consul", DnsType::srv) == "withip.service.consul SRV 2 99 0a060001.addr.dc1.consul");
}

TEST_CASE("dns: critical instances are left out, warning ones stay") {
  DnsFixture f;
  CHECK(f.ask("dead.service.consul").code == DnsCode::no_such_name);
  REQUIRE(f.f.add_check("d2", "node-sick", "", kCritical));
  REQUIRE(f.f.add_check("d3", "node-warm", "", kWarning));
  CHECK(f.ask("dw.service.consul").answers.size() == 3);
}

TEST_CASE(
    "dns: what does not exist is NXDOMAIN with SOA, the wrong type is empty with SOA, foreign names are refused") {
  DnsFixture f;
  const std::string name =
      GENERATE("none.service.consul", "nope.node.consul", "dw.service.dc9.consul", "foo.bar.consul", "service.consul",
               "consul", "ns.consul", "xx.query.consul", "dw.connect.consul", "zz.addr.consul", "0a06.addr.consul");
  DnsAnswer missing = f.ask(name);
  CHECK(missing.code == DnsCode::no_such_name);
  CHECK(texts(missing.authority) == "consul SOA ns.consul");
  DnsAnswer other_type = f.ask("dw.service.consul", DnsType::aaaa);
  CHECK(other_type.code == DnsCode::no_error);
  CHECK(other_type.answers.empty());
  CHECK(texts(other_type.authority) == "consul SOA ns.consul");
  DnsAnswer foreign = f.ask("www.example.com");
  CHECK(foreign.code == DnsCode::refused);
  CHECK_FALSE(foreign.authoritative);
  CHECK(f.ask("dw.service.consul", DnsType::axfr).code == DnsCode::not_implemented);
}

TEST_CASE("dns: nodes, addresses, name servers and reverse names") {
  DnsFixture f;
  CHECK(f.answers("d1.node.dc1.consul") == "d1.node.dc1.consul A 10.5.0.1");
  CHECK(f.answers("n1.node.consul", DnsType::any) ==
        "n1.node.consul A 127.0.0.1; n1.node.consul TXT consul-network-segment=");
  CHECK(texts(f.ask("n1.node.consul", DnsType::aaaa).additional) == "n1.node.consul TXT consul-network-segment=");
  CHECK(f.answers("0A060001.addr.dc1.consul") == "0A060001.addr.dc1.consul A 10.6.0.1");
  CHECK(f.answers("consul", DnsType::ns) == "consul n1.node.dc1.consul");
  CHECK(texts(f.ask("consul", DnsType::ns).additional) == "n1.node.dc1.consul A 127.0.0.1");
  CHECK(f.answers("dw.service.consul", DnsType::soa) == "consul SOA ns.consul");
  CHECK(f.answers("1.0.5.10.in-addr.arpa", DnsType::ptr) == "1.0.5.10.in-addr.arpa d1.node.dc1.consul");
  CHECK(f.ask("9.9.9.9.in-addr.arpa", DnsType::ptr).code == DnsCode::server_failure);
}

TEST_CASE("dns: a reverse name has one answer, the first node with the address, else the first service") {
  DnsFixture f;
  REQUIRE(f.f.add_node("d0", "10.5.0.1"));
  CHECK(f.answers("1.0.5.10.in-addr.arpa", DnsType::ptr) == "1.0.5.10.in-addr.arpa d0.node.dc1.consul");
  CHECK(f.answers("1.0.6.10.in-addr.arpa", DnsType::ptr) == "1.0.6.10.in-addr.arpa withip.service.consul");
  f.add("d2", "also", "10.6.0.1", 99);
  f.add("d2", "onnode", "10.5.0.1", 99);
  CHECK(f.answers("1.0.6.10.in-addr.arpa", DnsType::ptr) == "1.0.6.10.in-addr.arpa withip.service.consul");
  CHECK(f.answers("1.0.5.10.in-addr.arpa", DnsType::ptr) == "1.0.5.10.in-addr.arpa d0.node.dc1.consul");
  std::string v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
  CHECK(f.answers(v6, DnsType::ptr) == v6 + " withv6.service.consul");
}

TEST_CASE("dns: a reverse name follows an address that moves, goes, or never was written") {
  DnsFixture f;
  REQUIRE(f.f.add_node("d1", "10.5.0.9"));
  CHECK(f.ask("1.0.5.10.in-addr.arpa", DnsType::ptr).code == DnsCode::server_failure);
  CHECK(f.answers("9.0.5.10.in-addr.arpa", DnsType::ptr) == "9.0.5.10.in-addr.arpa d1.node.dc1.consul");
  f.add("d1", "withip", "10.6.0.2", 99);
  CHECK(f.ask("1.0.6.10.in-addr.arpa", DnsType::ptr).answers.empty());
  CHECK(f.answers("2.0.6.10.in-addr.arpa", DnsType::ptr) == "2.0.6.10.in-addr.arpa withip.service.consul");
  REQUIRE_FALSE(f.f.write([](Transaction& tx) -> Status {
    remove_node(tx, "d1");
    return fail(ErrorCode::conflict, "taken back");
  }));
  CHECK(f.answers("9.0.5.10.in-addr.arpa", DnsType::ptr) == "9.0.5.10.in-addr.arpa d1.node.dc1.consul");
  CHECK(f.answers("2.0.6.10.in-addr.arpa", DnsType::ptr) == "2.0.6.10.in-addr.arpa withip.service.consul");
  REQUIRE(f.f.write([](Transaction& tx) -> Status {
    remove_node(tx, "d1");
    return {};
  }));
  CHECK(f.ask("9.0.5.10.in-addr.arpa", DnsType::ptr).answers.empty());
  CHECK(f.ask("2.0.6.10.in-addr.arpa", DnsType::ptr).answers.empty());
}

TEST_CASE("dns: messages are as small as Consul's, and trimmed answers lose their additional records") {
  DnsFixture f;
  DnsQuery query = make_query("dw.service.consul", DnsType::srv, 4096);
  DnsAnswer answer = f.resolver.resolve(query, 7);
  CHECK(write_dns_answer(query, answer).size() == 211);
  CHECK(write_dns_answer(make_query("dw.service.consul", DnsType::a, 4096), f.ask("dw.service.consul")).size() == 110);
  trim_dns_answer(query, answer, {512, 3});
  CHECK(answer.answers.size() == 3);
  CHECK(answer.additional.size() == 3);
  trim_dns_answer(query, answer, {120, 3});
  CHECK(write_dns_answer(query, answer).size() <= 120);
  CHECK(answer.answers.size() == answer.additional.size());
  trim_dns_answer(query, answer, {12, 3});
  CHECK(answer.answers.size() == 1);
}

TEST_CASE("dns: malformed queries are refused or ignored, never answered with nonsense") {
  auto refusal = [](const std::string& bytes) {
    auto parsed = parse_dns_query(bytes);
    REQUIRE(std::holds_alternative<DnsRefusal>(parsed));
    DnsRefusal got = std::get<DnsRefusal>(parsed);
    return got.reply ? static_cast<int>(got.code) : -1;
  };
  std::string good = query_bytes("dw.service.consul", DnsType::a, 4096);
  CHECK(refusal(good.substr(0, 11)) == -1);
  std::string answer = good;
  answer[2] = '\x81';
  CHECK(refusal(answer) == -1);
  std::string update = good;
  update[2] = '\x29';
  CHECK(refusal(update) == 4);
  std::string two_questions = good;
  two_questions[5] = '\x02';
  CHECK(refusal(two_questions) == 1);
  for (size_t length = 12; length < good.size(); ++length) CHECK(refusal(good.substr(0, length)) == 1);
  std::string pointer = good.substr(0, 12) + "\xc0\x0c" + std::string("\0\x01\0\x01", 4);
  CHECK(refusal(pointer) == 1);
  std::string long_label = good.substr(0, 12) + "\x40" + std::string(64, 'a') + std::string("\0\0\x01\0\x01", 5);
  CHECK(refusal(long_label) == 1);
  std::string long_name = good.substr(0, 12);
  for (int i = 0; i < 5; ++i) long_name += "\x3f" + std::string(63, 'a');
  CHECK(refusal(long_name + std::string("\0\0\x01\0\x01", 5)) == 1);
  CHECK(write_dns_refusal(update, DnsCode::not_implemented) == std::string("\x12\x34\xa9\x04\0\0\0\0\0\0\0\0", 12));
}

namespace {

size_t number_at(std::string_view message, size_t at) {
  return static_cast<uint8_t>(message.at(at)) * 256U + static_cast<uint8_t>(message.at(at + 1));
}

/// Behind a name: labels, then a zero or a pointer to what came before it.
size_t skip_name(std::string_view message, size_t at) {
  const size_t start = at;
  for (;;) {
    auto length = static_cast<uint8_t>(message.at(at));
    if (length == 0) return at + 1;
    if (length >= 0xC0) {
      REQUIRE((number_at(message, at) & 0x3FFFU) < start);
      return at + 2;
    }
    REQUIRE(length <= 63);
    at += 1 + length;
  }
}

/// An answer that a client could read: the query's id, its counts, whole records, and not a byte behind them.
void check_shape(const std::string& message, const DnsQuery& query, const DnsAnswer& found) {
  REQUIRE(message.size() >= 12);
  REQUIRE(number_at(message, 0) == query.id);
  REQUIRE((static_cast<uint8_t>(message[2]) & 0x80U) != 0);
  REQUIRE(number_at(message, 4) == 1);
  REQUIRE(number_at(message, 6) == found.answers.size());
  size_t records = number_at(message, 6) + number_at(message, 8) + number_at(message, 10);
  size_t at = skip_name(message, 12) + 4;
  for (; records > 0; --records) {
    at = skip_name(message, at);
    at += 10 + number_at(message, at + 8);
    REQUIRE(at <= message.size());
  }
  REQUIRE(at == message.size());
}

}  // namespace

TEST_CASE("dns: random bytes do no harm") {
  Random random(4711);
  DnsFixture f;
  int answered = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = query_bytes("dw.service.consul", DnsType::srv, 4096);
    for (uint64_t i = 0, count = 1 + random.below(6); i < count; ++i) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    if (round % 4 == 0) bytes.resize(random.below(bytes.size() + 1));
    auto parsed = parse_dns_query(bytes);
    const auto* query = std::get_if<DnsQuery>(&parsed);
    if (query == nullptr) continue;
    DnsAnswer found = f.resolver.resolve(*query, 7);
    std::string answer = write_dns_answer(*query, found);
    INFO("round " << round);
    REQUIRE(answer.size() <= kDnsMessageBytesMax);
    check_shape(answer, *query, found);
    ++answered;
  }
  CHECK(answered > 1000);  // the others are refused, which is tested above
}

TEST_CASE("dns: names with labels that DNS cannot carry are cut, not written wrong") {
  DnsQuery query = make_query("x.consul", DnsType::ptr);
  DnsAnswer answer;
  answer.answers.push_back({"x.consul", DnsType::ptr, 0, DnsName{std::string(64, 'a') + ".node.consul"}});
  answer.answers.push_back({"x.consul", DnsType::ptr, 0, DnsName{"a..b"}});
  CHECK(write_dns_answer(query, answer).size() == 12 + 14 + 2 * 12 + 1 + 3);
}

}  // namespace weir::registry
