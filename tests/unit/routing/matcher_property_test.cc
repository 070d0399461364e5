// Properties, by RapidCheck: it prints the seed and the smallest counterexample it finds.
#include <rapidcheck.h>

#include <algorithm>

#include "catch.h"
#include "routing/expression.h"
#include "routing/matcher.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

size_t below(size_t bound) { return *rc::gen::inRange<size_t>(0, bound); }

std::string one_of(const std::vector<std::string>& texts) { return texts[below(texts.size())]; }

// Few names, near one another, so that most rules meet most requests somewhere.
const std::vector<std::string> kHosts = {"a", "a.d", "b.d", "x.a.d", "y.x.a.d", "d", ".d", ".a.d"};
const std::vector<std::string> kPaths = {"/", "/a", "/ab", "/a/b", "/abc", "/b"};

std::string random_predicate() {
  switch (below(15)) {
    case 0:
    case 1: return "Host(`" + one_of({"a", "a.d", "b.d", "x.a.d", "A.D."}) + "`)";
    case 2: return "Host(`" + one_of({"*.d", "*.a.d", "*", "**.d", "**.a.d", "**.x.a.d"}) + "`)";
    case 3:
    case 4: return "PathPrefix(`" + one_of(kPaths) + "`)";
    case 5:
    case 6: return "Path(`" + one_of(kPaths) + "`)";
    case 7: return "Method(`" + one_of({"GET", "POST"}) + "`)";
    case 8: return "Header(`X-A`, `" + one_of({"1", "2"}) + "`)";
    case 9: return "HostRegexp(`" + one_of({"^a", "d$", "x"}) + "`)";
    case 10: return "PathRegexp(`" + one_of({"b$", "^/a"}) + "`)";
    case 11: return "HeaderRegexp(`X-A`, `" + one_of({"^1", "[23]"}) + "`)";
    case 12: return "QueryRegexp(`q`, `" + one_of({"^1$", "2"}) + "`)";
    case 13: return "ClientIP(`" + one_of({"10.0.0.0/8", "10.1.0.1", "fd00::/8"}) + "`)";
    default: return "Query(`q`, `" + one_of({"1", "2"}) + "`)";
  }
}

std::string random_rule(size_t depth) {
  size_t kind = depth == 0 ? 0 : below(5);
  if (kind <= 1) return random_predicate();
  if (kind == 2) return "!(" + random_rule(depth - 1) + ")";
  std::string out = "(" + random_rule(depth - 1);
  for (size_t more = 1 + below(2); more > 0; --more) out += (kind == 3 ? " && " : " || ") + random_rule(depth - 1);
  return out + ")";
}

RouterDefinition random_router(const std::string& name) {
  RouterDefinition out;
  out.name = name;
  out.rule = random_rule(3);
  out.priority = static_cast<int64_t>(below(4)) - 1;  // ties on purpose; 0: by length
  if (below(6) == 0) out.entry_points = {"other"};
  out.tls = below(6) == 0;
  out.service = "s";
  return out;
}

struct Request {
  std::string host, path, query, method, header;
  Header headers[1];
  RequestView view;
};

void random_request(Request& out) {
  out.host = one_of(kHosts);
  out.path = one_of(kPaths) + one_of({"", "b", "/b"});
  out.query = one_of({"", "q=1", "q=2&q=1"});
  out.method = one_of({"GET", "POST"});
  out.header = one_of({"1", "2", "3"});
  out.headers[0] = {"x-a", out.header};
  out.view = request(out.host, out.path);
  out.view.query = out.query;
  out.view.method = out.method;
  out.view.headers = out.headers;
  out.view.client_ip = *IpAddress::parse(one_of({"10.1.0.1", "10.2.0.1", "192.168.0.1", "fd00::1"}));
  out.view.tls = below(2) == 0;
}

// What the matcher must agree with: every router asked in turn.
const Router* match_linear(const Table& table, const RequestView& request) {
  const Router* best = nullptr;
  for (const auto& router : table->routers()) {
    if (!admits(*router, request) || !holds(*parse_expression(router->rule()), request)) continue;
    if (best == nullptr || ranks_before(*router, *best)) best = router.get();
  }
  return best;
}

}  // namespace

TEST_CASE("matcher: it agrees with asking every router in turn, whatever the rules, through changes") {
  CHECK(rc::check("index equals linear search", [] {
    Definitions all;
    all.provider = "file";
    all.services.push_back(service("s"));
    for (size_t i = 0, count = 1 + below(12); i < count; ++i)
      all.routers.push_back(random_router("r" + std::to_string(i)));
    Table table = build_all({all}).table;
    for (size_t step = 0; step < 4; ++step) {
      for (size_t i = 0; i < 8; ++i) {
        Request asked;
        random_request(asked);
        RC_LOG() << asked.host << " " << asked.path << " " << asked.method << "\n" << table->dump();
        RC_ASSERT(table->match(asked.view) == match_linear(table, asked.view));
      }
      // Change one, remove one, add one: the next table is made from this one.
      all.routers[below(all.routers.size())].rule = random_rule(2);
      if (all.routers.size() > 1) all.routers.erase(all.routers.begin() + static_cast<long>(below(all.routers.size())));
      all.routers.push_back(random_router("n" + std::to_string(step)));
      table = build_all({all}, table).table;
    }
  }));
}

TEST_CASE("matcher: a table made by changes equals one made at once, whatever their order") {
  CHECK(rc::check("order does not matter", [] {
    std::vector<RouterDefinition> before;
    std::vector<RouterDefinition> after;
    for (size_t i = 0; i < 6; ++i) {
      before.push_back(random_router("r" + std::to_string(i)));
      after.push_back(random_router("r" + std::to_string(i)));
    }
    // Router i: 0 stays, 1 changes, 2 goes, 3 comes.
    std::vector<size_t> change;
    for (size_t i = 0; i < 6; ++i) change.push_back(below(4));
    auto apply = [&](const std::vector<size_t>& done) {
      Definitions out;
      out.provider = "file";
      out.services.push_back(service("s"));
      for (size_t i = 0; i < 6; ++i) {
        bool changed = std::find(done.begin(), done.end(), i) != done.end();
        bool there = changed ? change[i] != 2 : change[i] != 3;
        if (there) out.routers.push_back(changed && change[i] != 0 ? after[i] : before[i]);
      }
      return out;
    };
    auto walk = [&](const std::vector<size_t>& order) {
      std::vector<size_t> done;
      Table table = build_all({apply(done)}).table;
      for (size_t i : order) {
        done.push_back(i);
        table = build_all({apply(done)}, table).table;
      }
      return table;
    };
    std::vector<size_t> order = {0, 1, 2, 3, 4, 5};
    std::vector<size_t> other = order;
    for (size_t i = other.size(); i > 1; --i) std::swap(other[i - 1], other[below(i)]);
    Table one = walk(order);
    Table two = walk(other);
    Table fresh = build_all({apply(order)}).table;
    RC_ASSERT(one->dump() == two->dump());
    RC_ASSERT(one->dump() == fresh->dump());
    for (size_t i = 0; i < 10; ++i) {
      Request asked;
      random_request(asked);
      const Router* expected = fresh->match(asked.view);
      for (const Table& table : {one, two}) {
        const Router* found = table->match(asked.view);
        RC_ASSERT((found == nullptr) == (expected == nullptr));
        if (found != nullptr) RC_ASSERT(found->name == expected->name);
      }
    }
  }));
}
