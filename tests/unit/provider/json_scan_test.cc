#include "provider/json_scan.h"

#include <string_view>

#include "catch.h"

using namespace weir::provider;

namespace {

JsonScan scanned(std::string_view text) {
  JsonScan out;
  for (char c : text) out.take(c);
  return out;
}

}  // namespace

TEST_CASE("json scan: brackets count outside of strings, whatever is escaped in these") {
  CHECK(scanned(R"({"a": [1, {)").depth() == 3);
  CHECK(scanned(R"({"a]}": "[{\"[\\")").depth() == 1);
  CHECK_FALSE(scanned(R"({"a": "\\")").quoted());
  CHECK(scanned(R"({"a": "\")").quoted());
  CHECK(scanned("]]}[").depth() == 1);  // closing what is not open is nothing
}
