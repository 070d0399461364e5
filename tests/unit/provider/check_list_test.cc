// The list of checks: what is read piecewise must tell what is read whole would.

#include "provider/check_list.h"

#include "catch.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::provider;

namespace {

using Names = std::set<std::string>;
using Digests = std::map<std::string, uint64_t, std::less<>>;
struct Row {
  std::string service;  // "": of the node
  std::string status;
};
using Rows = std::map<std::pair<std::string, std::string>, Row>;  // by node and check

std::string list_text(const Rows& rows) {
  std::string out;
  for (const auto& [place, row] : rows) {
    out += out.empty() ? "[" : ",";
    out += R"({"Node":")" + place.first + R"(","CheckID":")" + place.second + R"(","Status":")" + row.status +
           R"(","Output":"all is [well], }","ServiceID":"","ServiceName":")" + row.service + R"("})";
  }
  return out.empty() ? "[]" : out + "]";
}

CheckList::Changes read(CheckList& list, std::string_view body) {
  list.text().begin();
  list.text().take(body);
  auto changed = list.read();
  REQUIRE(changed);
  return *changed;
}

Names moved(const Digests& old, const Digests& now) {
  Names out;
  for (const auto& [name, sum] : old) {
    if (!now.contains(name) || now.at(name) != sum) out.insert(name);
  }
  for (const auto& [name, sum] : now) {
    if (!old.contains(name)) out.insert(name);
  }
  return out;
}

}  // namespace

TEST_CASE("check list: tells whose checks moved, and not of their output") {
  CheckList list;
  Rows rows = {{{"n1", "a"}, {"web", "passing"}}, {{"n1", "b"}, {"", "passing"}}, {{"n2", "a"}, {"api", "passing"}}};
  CHECK(read(list, list_text(rows)).services == Names{"api", "web"});
  rows[{"n1", "a"}].status = "critical";
  CHECK(read(list, list_text(rows)).services == Names{"web"});
  rows[{"n1", "b"}].status = "warning";
  const auto changes = read(list, list_text(rows));
  CHECK(changes.services.empty());
  CHECK(changes.nodes == Names{"n1"});
  std::string other_output = list_text(rows);
  other_output.replace(other_output.find("well"), 4, "good");
  CHECK(read(list, other_output).services.empty());
  rows.erase({"n2", "a"});
  CHECK(read(list, list_text(rows)).services == Names{"api"});
}

TEST_CASE("check list: a list that cannot be read changes nothing") {
  CheckList list;
  Rows rows = {{{"n1", "a"}, {"web", "passing"}}, {{"n1", "b"}, {"api", "passing"}}};
  read(list, list_text(rows));
  const std::string good = list_text(rows);
  for (size_t bytes : {size_t{0}, size_t{1}, good.size() / 2, good.size() - 1}) {
    list.text().begin();
    list.text().take(std::string_view(good).substr(0, bytes));
    INFO(bytes);
    CHECK_FALSE(list.read());
  }
  rows[{"n1", "b"}].status = "critical";
  CHECK(read(list, list_text(rows)).services == Names{"api"});
}

TEST_CASE("check list: over any changes, what is read piecewise is what is read whole") {
  Random random(5);
  CheckList list;
  Rows rows;
  for (int round = 0; round < 500; ++round) {
    const Rows before = rows;
    for (uint64_t i = random.below(4); i > 0; --i) {
      const auto place = std::pair("n" + std::to_string(random.below(4)), "c" + std::to_string(random.below(9)));
      if (random.below(4) == 0) {
        rows.erase(place);
      } else {
        const uint64_t of = random.below(4);
        rows[place] = {of == 0 ? "" : "s" + std::to_string(of), random.below(2) == 0 ? "passing" : "critical"};
      }
    }
    const CheckList::Changes changes = read(list, list_text(rows));
    const auto old = decode_health_state(list_text(before));
    const auto now = decode_health_state(list_text(rows));
    REQUIRE(changes.services == moved(old->services, now->services));
    REQUIRE(changes.nodes == moved(old->nodes, now->nodes));
  }
}
