#include "weir/catalog/catalog.h"

#include "catch.h"

using namespace weir;
using namespace weir::catalog;

namespace {
std::shared_ptr<const Service> service(std::string name, std::vector<Health> healths) {
  Service out{std::move(name), {}};
  for (Health health : healths) {
    Instance instance;
    instance.id = out.name + "-" + std::to_string(out.instances.size());
    instance.health = health;
    out.instances.push_back(instance);
  }
  return std::make_shared<const Service>(std::move(out));
}

CatalogSnapshot snapshot(const std::vector<std::shared_ptr<const Service>>& services) {
  CatalogSnapshot out;
  for (const auto& one : services) out.services.put(one);
  return out;
}
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("catalog: a health is read as it is written, and nothing else is") {
  for (Health health : {Health::passing, Health::warning, Health::critical, Health::maintenance}) {
    CHECK(parse_health(to_string(health)).value() == health);
  }
  for (const char* bad : {"", "Passing", "any", "passing "}) {
    auto parsed = parse_health(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::invalid);
  }
}

TEST_CASE("catalog: diff names what was added, removed and changed, sorted") {
  auto kept = service("kept", {Health::passing});
  auto before = snapshot({kept, service("gone", {}), service("worse", {Health::passing}), service("a-gone", {})});
  auto after = snapshot({kept, service("worse", {Health::critical}), service("new", {}), service("z-new", {})});
  auto changes = diff(before, after);
  CHECK(changes.added == Names{"new", "z-new"});
  CHECK(changes.removed == Names{"a-gone", "gone"});
  CHECK(changes.changed == Names{"worse"});
}

TEST_CASE("catalog: equal services behind different pointers are no change") {
  auto changes = diff(snapshot({service("web", {Health::warning})}), snapshot({service("web", {Health::warning})}));
  CHECK(changes.empty());
  CHECK(diff({}, {}).empty());
}

TEST_CASE("catalog: passing and warning instances are live, critical and maintenance are not") {
  auto one = snapshot({service("a", {Health::passing, Health::warning, Health::critical}),
                       service("b", {Health::maintenance, Health::passing})});
  CHECK(count_live_instances(one) == 3);
  CHECK(count_live_instances({}) == 0);
}
