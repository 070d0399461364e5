#include "catch.h"
#include "registry/json_decode.h"
#include "registry/json_value.h"
#include "registry/json_writer.h"

namespace weir::registry {
namespace {

std::string error_of(std::string_view text) {
  Result<JsonValue> value = JsonValue::parse(text);
  return value ? "" : value.error().message;
}

}  // namespace

TEST_CASE("json: syntax errors read as Go's") {
  CHECK(error_of("") == "EOF");
  CHECK(error_of("  \n") == "EOF");
  CHECK(error_of("{\"a\"") == "unexpected EOF");
  CHECK(error_of("x") == "invalid character 'x' looking for beginning of value");
  CHECK(error_of("{\"a\":1,}") == "invalid character '}' looking for beginning of object key string");
  CHECK(error_of("{\"a\" 1}") == "invalid character '1' after object key");
  CHECK(error_of("[1 2]") == "invalid character '2' after array element");
  CHECK(error_of("{\"a\":1 2}") == "invalid character '2' after object key:value pair");
  CHECK(error_of("\"a\nb\"") == "invalid character '\\n' in string literal");
  CHECK(error_of("\"\\q\"") == "invalid character 'q' in string escape code");
  CHECK(error_of("\"\\u12x4\"") == "invalid character 'x' in \\u hexadecimal character escape");
  CHECK(error_of("nul") == "unexpected EOF");
  CHECK(error_of("nulx") == "invalid character 'x' in literal null (expecting 'l')");
  CHECK(error_of("-x") == "invalid character 'x' in numeric literal");
  CHECK(error_of("1.x") == "invalid character 'x' after decimal point in numeric literal");
  CHECK(error_of("1ex") == "invalid character 'x' in exponent of numeric literal");
  CHECK(error_of("'") == "invalid character '\\'' looking for beginning of value");
  CHECK(error_of("\xff") == "invalid character '\\xff' looking for beginning of value");
}

TEST_CASE("json: nesting has a limit") {
  std::string fits = std::string(JsonValue::kDepthMax, '[') + "1" + std::string(JsonValue::kDepthMax, ']');
  CHECK(error_of(fits) == "");
  CHECK(error_of("[" + fits + "]") == "exceeded max depth");
}

TEST_CASE("json: what follows the first value is not looked at") { CHECK(error_of("{} x") == ""); }

TEST_CASE("json: strings decode escapes, surrogates and broken UTF-8") {
  auto text = [](std::string_view json) { return JsonValue::parse(json).value().text; };
  CHECK(text(R"("a\n\t\"\\\/é")") == "a\n\t\"\\/\u00e9");
  CHECK(text(R"("😀")") == "\U0001F600");
  CHECK(text("\"\\ud83d\\ude00\"") == "\U0001F600");
  CHECK(text("\"\\ud83d\"") == "\uFFFD");
  CHECK(text("\"a\xff\"") == "a\uFFFD");
}

TEST_CASE("json: members match without case, null is absent, and types are exact") {
  struct Row {
    const char* json;
    const char* error;
  };
  const Row row = GENERATE(
      Row{R"({"PORT":1,"name":null})", ""},
      Row{R"({"Port":"1"})", "json: cannot unmarshal string into Go struct field .Port of type int"},
      Row{R"({"Port":80.5})", "json: cannot unmarshal number 80.5 into Go struct field .Port of type int"},
      Row{R"({"Name":3})", "json: cannot unmarshal number into Go struct field .Name of type string"},
      Row{R"({"Tags":"x"})", "json: cannot unmarshal string into Go struct field .Tags of type []string"},
      Row{R"({"TTL":"abc"})", "time: invalid duration \"abc\""}, Row{R"({"TTL":1000})", ""},
      Row{R"({"X":1})", "json: unknown field \"X\""}, Row{R"({"Flags":18446744073709551615})", ""}, Row{"null", ""});
  int64_t port = 0, ttl = 0;
  uint64_t flags = 0;
  std::string name;
  std::vector<std::string> tags;
  Status status = decode_members(JsonValue::parse(row.json).value(), "", [&](const Member& m) {
    if (m.is("Port")) return m.read(port);
    if (m.is("Name")) return m.read(name);
    if (m.is("Tags")) return m.read(tags);
    if (m.is("Flags")) return m.read(flags);
    if (m.is("TTL")) return m.read_duration(ttl);
    return m.unknown();
  });
  CHECK((status ? "" : status.error().message) == row.error);
}

TEST_CASE("json: the writer is compact, or pretty as Consul's") {
  auto write = [](bool pretty) {
    JsonWriter json(pretty);
    json.begin_array().begin_object().member("A", uint64_t{18446744073709551615U}).key("B").begin_array().end_array();
    json.member("C", std::vector<std::string>{"<&>", "\x01\xff\n"})
        .key("D")
        .begin_object()
        .end_object()
        .key("E")
        .null();
    json.end_object().end_array();
    return json.take();
  };
  CHECK(write(false) ==
        "[{\"A\":18446744073709551615,\"B\":[],\"C\":[\"\\u003c\\u0026\\u003e\",\"\\u0001\\ufffd\\n\"],\"D\":{},\"E\":"
        "null}]");
  CHECK(write(true) ==
        "[\n    {\n        \"A\": 18446744073709551615,\n        \"B\": [],\n        \"C\": [\n"
        "            \"\\u003c\\u0026\\u003e\",\n            \"\\u0001\\ufffd\\n\"\n        ],\n        \"D\": {},\n"
        "        \"E\": null\n    }\n]\n");
}

}  // namespace weir::registry
