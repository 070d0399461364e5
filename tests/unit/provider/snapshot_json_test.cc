#include "provider/snapshot_json.h"

#include "catch.h"
#include "weir/base/text.h"

using namespace weir;
using namespace weir::provider;
using catalog::Health;

namespace {

catalog::CatalogSnapshot sample() {
  catalog::Instance one;
  one.id = "web-1";
  one.node = "n1";
  one.node_id = "0a0b";
  one.datacenter = "dc1";
  one.address = "2001:db8::1";
  one.port = 65'535;
  one.tags = {"urlprefix-a/ strip=/x", "quote \" backslash \\ ümlaut", ""};
  one.meta = {{"k", "v"}, {"", "empty key"}};
  one.health = Health::warning;
  one.has_checks = true;
  one.check_states = {Health::passing, Health::warning};
  one.weight_passing = 7;
  one.weight_warning = 0;
  one.mesh = true;
  one.modify_index = 9'007'199'254'740'993;  // 2^53 + 1: a double would lose it
  catalog::Instance two = one;
  two.id = "web-2";
  two.node_lost = true;
  catalog::CatalogSnapshot out;
  out.provider = "consul";
  out.index = 18'446'744'073'709'551'615U;
  out.services.put(std::make_shared<const catalog::Service>(catalog::Service{"web", {one, two}}));
  out.services.put(std::make_shared<const catalog::Service>(catalog::Service{"empty", {}}));
  return out;
}

std::string sealed(const std::string& body) {
  char sum[17];
  std::snprintf(sum, sizeof sum, "%016llx", static_cast<unsigned long long>(fnv1a(body)));
  return "weir-catalog 1 " + std::string(sum) + "\n" + body;
}

}  // namespace

TEST_CASE("saved catalog: every changed byte and every cut is noticed") {
  const std::string whole = encode_snapshot(sample(), 5);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (char flip : {'\x01', '\x20', '\x7f'}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      if (decode_snapshot(damaged)) FAIL("byte " << at << " changed unnoticed");
    }
    if (decode_snapshot(std::string_view(whole).substr(0, at))) FAIL("cut at " << at << " unnoticed");
  }
  CHECK_FALSE(decode_snapshot(whole + "x"));
}

TEST_CASE("saved catalog: another version is refused and named") {
  std::string other = encode_snapshot(sample(), 5);
  other.replace(other.find(" 1 "), 3, " 2 ");
  auto decoded = decode_snapshot(other);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().message == "version 2 of the format, expected 1");
}

TEST_CASE("saved catalog: a well summed file with other content than ours is refused") {
  for (const char* body : {"", "[]", "{}", "null", R"({"provider":"consul","index":1,"saved_wall_ns":1,"services":[]})",
                           R"({"provider":"consul","index":-1,"saved_wall_ns":1,"services":{}})",
                           R"({"provider":"consul","index":1,"saved_wall_ns":1,"services":{"web":{}}})",
                           R"({"provider":"consul","index":1,"saved_wall_ns":1,"services":{"web":[{}]}})"}) {
    INFO(body);
    CHECK_FALSE(decode_snapshot(sealed(body)));
  }
  CHECK(decode_snapshot(sealed(R"({"provider":"consul","index":1,"saved_wall_ns":1,"services":{}})")));
  CHECK_FALSE(decode_snapshot(""));
  CHECK_FALSE(decode_snapshot("\n\n\n"));
}

TEST_CASE("saved catalog: a port that does not fit is refused") {
  std::string body = encode_snapshot(sample(), 5);
  body = replace_all(body.substr(body.find('\n') + 1), "65535", "65536");
  auto decoded = decode_snapshot(sealed(body));
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().message.find("port is too large") != std::string::npos);
}

TEST_CASE("saved catalog: what was saved is what is read") {
  const auto before = sample();
  auto decoded = decode_snapshot(encode_snapshot(before, 1'700'000'000'123'456'789));
  REQUIRE(decoded);
  CHECK(decoded->saved_wall_ns == 1'700'000'000'123'456'789);
  CHECK(decoded->snapshot->provider == "consul");
  CHECK(decoded->snapshot->index == before.index);
  CHECK(catalog::diff(before, *decoded->snapshot).empty());
}
