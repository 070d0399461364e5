#include "weir/base/duration.h"

#include "catch.h"

using namespace weir;

TEST_CASE("duration: Go's forms are read") {
  CHECK(parse_duration_ns("10s") == 10'000'000'000);
  CHECK(parse_duration_ns("1m30s") == 90'000'000'000);
  CHECK(parse_duration_ns("15.0s") == 15'000'000'000);
  CHECK(parse_duration_ns("0.001s") == 1'000'000);
  CHECK(parse_duration_ns("60000ms") == 60'000'000'000);
  CHECK(parse_duration_ns("1h") == 3'600'000'000'000);
  CHECK(parse_duration_ns("-2s") == -2'000'000'000);
  CHECK(parse_duration_ns("0") == 0);
  CHECK(parse_duration_ms("1ns") == 1);
}

TEST_CASE("duration: bad text is refused in Go's words") {
  CHECK(parse_duration_ns("abc").error().message == "time: invalid duration \"abc\"");
  CHECK(parse_duration_ns("1").error().message == "time: missing unit in duration \"1\"");
  for (const char* bad : {"", "s", "1.2.3s", "1x", "99999999999999h", "1s2"}) CHECK_FALSE(parse_duration_ns(bad));
}

TEST_CASE("duration: printed as Go prints it") {
  CHECK(format_duration(0) == "0s");
  CHECK(format_duration(90'000'000'000) == "1m30s");
  CHECK(format_duration(1'500'000) == "1.5ms");
  CHECK(format_duration(3'600'000'000'000) == "1h0m0s");
  CHECK(format_duration(-2'000'000'000) == "-2s");
}
