#include "weir/scheduler/value.h"

#include "catch.h"

using namespace weir::scheduler;

TEST_CASE("value: a whole number is an integer however it was made") {
  CHECK(Value::number(3.0) == Value(3));
  CHECK(Value::number(3.5).is_number());
  CHECK_FALSE(Value::number(3.5).is_integer());
  CHECK(Value::number(1e300).is_number());
}

TEST_CASE("value: numbers print in their shortest decimal form") {
  CHECK(Value(10).to_text() == "10");
  CHECK(Value::number(0.1).to_text() == "0.1");
  CHECK(Value::number(1e20).to_text() == "100000000000000000000");
  CHECK(Value(true).to_text() == "true");
  CHECK(Value(Value::List{}).to_text().empty());
}

TEST_CASE("value: a list of objects merges as a block's form of an object") {
  Value blocks(Value::List{Value(Value::Object{{"a", 1}, {"b", 1}}), Value(Value::Object{{"b", 2}})});
  CHECK(merged_object(blocks) == Value::Object{{"a", 1}, {"b", 2}});
  CHECK(merged_object(Value(Value::Object{{"a", 1}})) == Value::Object{{"a", 1}});
  CHECK(merged_object(Value("text")).empty());
}
