#include "weir/base/log.h"

#include "catch.h"

using namespace weir;

TEST_CASE("log: levels are read by name and refuse others") {
  CHECK(log::parse_level("WARN") == log::Level::warn);
  CHECK_FALSE(log::parse_level("loud"));
}

TEST_CASE("log: lines below the threshold are not enabled") {
  log::configure(log::Level::error, log::Format::text);
  CHECK_FALSE(log::enabled(log::Level::warn));
  CHECK(log::enabled(log::Level::error));
}
