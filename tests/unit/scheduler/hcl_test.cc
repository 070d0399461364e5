// The HCL language by itself: values of expressions, and the places of errors.
#include "catch.h"
#include "hcl_fixture.h"

using namespace weir;
using namespace weir::scheduler;
using namespace weir::scheduler::hcl;

namespace {

std::string body_error(std::string_view text) {
  Source source("f", text);
  auto body = parse_body(source);
  return body ? "no error" : body.error().text();
}

}  // namespace

TEST_CASE("hcl: operators bind as in arithmetic") {
  CHECK(value_of("1 + 2 * 3") == Value(7));
  CHECK(value_of("(1 + 2) * 3") == Value(9));
  CHECK(value_of("7 / 2") == Value::number(3.5));
  CHECK(value_of("7 % 4 - -2") == Value(5));
  CHECK(value_of("1 < 2 && !(3 == 4) || false") == Value(true));
  CHECK(value_of("2 >= 2 ? \"yes\" : \"no\"") == Value("yes"));
  CHECK(value_of("false ? 1 : true ? 2 : 3") == Value(2));
  CHECK(value_of("9007199254740993 + 2") == Value(int64_t{9007199254740995}));
  CHECK(value_of("1.5e3") == Value(1500));
  CHECK(value_of("\"5\" + 1") == Value(6));
}

TEST_CASE("hcl: a template that is one interpolation keeps the type, others are text") {
  CHECK(value_of("\"${var.count}\"") == Value(3));
  CHECK(value_of("\"n=${var.count} ${true} ${0.5}\"") == Value("n=3 true 0.5"));
  CHECK(value_of("\"${var.list}\"") == list({"a", "b"}));
  CHECK(error_of("\"x${var.list}\"") == "x:1:5: A list cannot stand within a text; try jsonencode() or join()");
}

TEST_CASE("hcl: escapes in strings") {
  CHECK(value_of(R"("a\tb\n\"\\ \u00e9 \U0001F600")") == Value("a\tb\n\"\\ \u00e9 \U0001F600"));
  CHECK(value_of(R"("$${x} %%{y} $x $$ %")") == Value("${x} %{y} $x $$ %"));
  CHECK(error_of(R"("\q")") ==
        "x:1:2: Unknown escape; known are \\n \\r \\t \\\" \\\\ \\uXXXX \\UXXXXXXXX "
        "(a backslash itself is \\\\)");
  CHECK(error_of(R"("\uD800")") == "x:1:4: This is no Unicode character");
  CHECK(error_of("\"a\nb\"") ==
        "x:1:3: A string must end on its line; write \\n, or <<EOF for text over several lines");
}

TEST_CASE("hcl: bytes that are no UTF-8 are an error in a text and in a name; comments may hold any") {
  const std::string reason = ": These bytes are no UTF-8, in which job files are written";
  CHECK(error_of("\"h\xed\"") == "x:1:3" + reason);
  CHECK(error_of("<<EOF\nab\n\xff\nEOF\n") == "x:3:1" + reason);
  CHECK(body_error("a\x80 = 1\n") == "f:1:2" + reason);
  CHECK(error_of("var.a\xc3") == "x:1:6" + reason);
  CHECK(value_of("\"\xc3\xa9\" # \xff") == Value("\xc3\xa9"));
}

TEST_CASE("hcl: heredocs keep their text, with - they lose the common indent") {
  CHECK(value_of("<<EOF\n  a\\n\n ${var.name}\nEOF\n") == Value("  a\\n\n web\n"));
  CHECK(value_of("<<-EOF\n    a\n\n      b ${var.count}\n    EOF\n") == Value("a\n\n  b 3\n"));
  CHECK(value_of("<<-EOF\n    a\n  ${var.name}\n  EOF\n") == Value("  a\nweb\n"));
  CHECK(value_of("<<EOF\nEOF\n") == Value(""));
  CHECK(value_of("[<<A\nx\nA\n, 1]") == list({"x\n", 1}));
  CHECK(error_of("<<EOF\nabc\n") == "x:1:1: This text does not end: no line holds EOF alone");
}

TEST_CASE("hcl: directives in templates") {
  CHECK(value_of("\"%{ if var.count > 2 }many%{ else }few%{ endif }!\"") == Value("many!"));
  CHECK(value_of("\"%{ for x in var.list }<${x}>%{ endfor }\"") == Value("<a><b>"));
  CHECK(value_of("\"%{ for k, v in {a = 1} }${k}=${v}%{ endfor }\"") == Value("a=1"));
  CHECK(value_of("\"a  ${~ var.name ~}  b\"") == Value("awebb"));
  CHECK(value_of("<<EOF\n%{ for x in var.list ~}\n- ${x}\n%{ endfor ~}\nEOF\n") == Value("- a\n- b\n"));
  CHECK(error_of("\"%{ if true }x\"") == "x:1:15: %{ endif } or %{ endfor } is missing");
  CHECK(error_of("\"%{ endif }\"") == "x:1:2: %{ endif } stands alone");
}

TEST_CASE("hcl: collections, loops and paths") {
  CHECK(value_of("[1, \"a\",\n  true,\n]") == list({1, "a", true}));
  CHECK(value_of("{ a = 1, \"b\" : 2\n (var.name) = 3 }") == Value(Value::Object{{"a", 1}, {"b", 2}, {"web", 3}}));
  CHECK(value_of("var.map.inner.x + var.map[\"k\"]") == Value(3));
  CHECK(value_of("var.list[1]") == Value("b"));
  CHECK(value_of("[for x in var.list : upper(x)]") == list({"A", "B"}));
  CHECK(value_of("[for i, x in var.list : i if x == \"b\"]") == list({1}));
  CHECK(value_of("{for x in var.list : x => 1}") == Value(Value::Object{{"a", 1}, {"b", 1}}));
  CHECK(value_of("{for x in [1, 2, 3] : x > 1 ? \"big\" : \"small\" => x...}") ==
        Value(Value::Object{{"big", list({2, 3})}, {"small", list({1})}}));
  CHECK(value_of("[{a = 1}, {a = 2}][*].a") == list({1, 2}));
  CHECK(value_of("[{a = 1}].*.a") == list({1}));
  // An index behind .* takes one of the list; behind [*] one of each.
  CHECK(value_of("[{a = [1, 2]}, {a = [3, 4]}].*.a[1]") == list({3, 4}));
  CHECK(value_of("[{a = [1, 2]}, {a = [3, 4]}][*].a[1]") == list({2, 4}));
  CHECK(value_of("[{a = {b = 1}}, {a = {b = 2}}].*.a.b[0]") == Value(1));
  CHECK(value_of("[[5], [6]].*.0[1]") == Value(6));
  CHECK(error_of("var.list[2]") == "x:1:9: This list of 2 has no item \"2\"");
  CHECK(error_of("var.map.nope") == "x:1:9: This object has no \"nope\"");
}

TEST_CASE("hcl: names that nobody here knows stay as they are written") {
  CHECK(value_of("attr.kernel.name") == Value("${attr.kernel.name}"));
  CHECK(value_of("\"${ NOMAD_PORT_http }\"") == Value("${ NOMAD_PORT_http }"));
  CHECK(value_of("\"a-${env[\"HOME\"]}-b\"") == Value("a-${env[\"HOME\"]}-b"));
  CHECK(value_of("\"${attr.network.dev-us-east1.external-ip.0}\"") ==
        Value("${attr.network.dev-us-east1.external-ip.0}"));
  CHECK(value_of("join(\",\", [NOMAD_IP_a, \"x\"])") == Value("${NOMAD_IP_a},x"));
  CHECK(error_of("\"${NOMAD_PORT_http + 1}\"") ==
        "x:1:4: ${NOMAD_PORT_http} is only known when the task runs: it cannot be used in arithmetic");
  CHECK(error_of("var.nope") == "x:1:1: The variable \"nope\" is not declared: no variable \"nope\" { } here");
  CHECK(error_of("local.nope") == "x:1:1: There is no local \"nope\" in a locals { } block");
}

TEST_CASE("hcl: functions") {
  CHECK(value_of("format(\"%s-%03d %.1f%% %q\", \"a\", 7, 1.25, \"b\")") == Value("a-007 1.2% \"b\""));
  CHECK(value_of("join(\"-\", split(\",\", \"a,b,c\"))") == Value("a-b-c"));
  CHECK(value_of("replace(\"a.b.c\", \".\", \"-\")") == Value("a-b-c"));
  CHECK(value_of("lookup(var.map, \"none\", \"d\")") == Value("d"));
  CHECK(value_of("merge({a = 1, b = 1}, {b = 2})") == Value(Value::Object{{"a", 1}, {"b", 2}}));
  CHECK(value_of("jsonencode({a = [1, \"<\"]})") == Value("{\"a\":[1,\"\\u003c\"]}"));
  CHECK(value_of("jsondecode(\"{\\\"a\\\": 1.5}\").a") == Value::number(1.5));
  CHECK(value_of("base64decode(base64encode(\"hi\"))") == Value("hi"));
  CHECK(value_of("length(uuidv4())") == Value(36));
  CHECK(value_of("length([1, 2]) + length({a = 1}) + length(\"\u00e9\")") == Value(4));
  CHECK(value_of("concat([1], [2, 3]...)") == Value("error x:1:1: concat(): argument 2 must be a list, not a number"));
  CHECK(value_of("max([1, 5, 3]...)") == Value(5));
  CHECK(value_of("try(var.nope, \"fallback\")") == Value("fallback"));
  CHECK(value_of("can(var.nope)") == Value(false));
  CHECK(value_of("range(3)") == list({0, 1, 2}));
  CHECK(value_of("sort(distinct([\"b\", \"a\", \"b\"]))") == list({"a", "b"}));
  CHECK(value_of("reverse([1, \"a\"])") == list({"a", 1}));
  CHECK(value_of("[reverse(\"h\u00e9\"), strrev(\"h\u00e9\"), reverse(12)]") == list({"\u00e9h", "\u00e9h", "21"}));
  CHECK(value_of("substr(\"hello\", 1, 3)") == Value("ell"));
  CHECK(value_of("substr(\"hello\", -3, -1)") == Value("llo"));
  CHECK(value_of("element([1, 2], 3)") == Value(2));
  CHECK(value_of("trimsuffix(trimprefix(\"xay\", \"x\"), \"y\")") == Value("a"));
  CHECK(value_of("replace(\"x/a/y\", \"/a/\", \"-\")") == Value("x-y"));
  CHECK(value_of("formatlist(\"%s-%s\", [\"a\", \"b\"], 1)") == list({"a-1", "b-1"}));
  CHECK(value_of("coalescelist([], [1], [2])") == list({1}));
  CHECK(value_of("chunklist([1, 2, 3], 2)") == list({list({1, 2}), list({3})}));
  CHECK(value_of("setunion([\"b\"], [\"a\", \"b\"])") == list({"a", "b"}));
  CHECK(value_of("setintersection([\"a\", \"b\"], [\"b\", \"c\"])") == list({"b"}));
  CHECK(value_of("setproduct([1, 2], [\"a\"])") == list({list({1, "a"}), list({2, "a"})}));
  CHECK(value_of("basename(\"/a/b.c/\")") == Value("b.c"));
  CHECK(value_of("[dirname(\"/a/b.c\"), dirname(\"/a\"), dirname(\"a\"), dirname(\"a/./b\")]") ==
        list({"/a", "/", ".", "a"}));
  CHECK(error_of("frob(1)") == "x:1:1: There is no function named \"frob\"");
  CHECK(error_of("upper()") == "x:1:1: upper() takes at least 1 arguments, not 0");
  CHECK(error_of("file(\"x\")") == "x:1:1: file(): files are not read here: this file is parsed by a server");
}

TEST_CASE("hcl: regular expressions are Go's") {
  CHECK(value_of("regex(\"[a-z]+\", \"12ab34\")") == Value("ab"));
  CHECK(value_of("regex(\"([a-z]+)([0-9]+)(x)?\", \"ab34\")") == list({"ab", "34", Value()}));
  CHECK(value_of("regex(\"(?P<n>[0-9]+)\", \"ab34\").n") == Value("34"));
  CHECK(value_of("regexall(\"[0-9]\", \"a1b2\")") == list({"1", "2"}));
  CHECK(value_of("regexall(\"x*\", \"axb\")") == list({"", "x", ""}));
  CHECK(value_of("regex_replace(\"a1b2\", \"([a-z])([0-9])\", \"$2$${1}.\")") == Value("1a.2b."));
  CHECK(value_of("regex_replace(\"ab\", \"\", \"-\")") == Value("-a-b-"));
  CHECK(error_of("regex(\"x\", \"y\")") == "x:1:1: regex(): the regular expression matches no part of the text");
  CHECK(error_of("regex(\"(\", \"y\")") == "x:1:1: regex(): the regular expression: missing ): (");
}

TEST_CASE("hcl: sums of decimal fractions are decimal fractions") {
  CHECK(value_of("\"=${0.1 + 0.2}\"") == Value("=0.3"));
  CHECK(value_of("0.1 + 0.2 == 0.3") == Value(true));
  CHECK(value_of("\"${1.1 * 3} ${1 - 0.9} ${0.7 / 7}\"") == Value("3.3 0.1 0.1"));
  CHECK(value_of("\"=${1 / 3}\"") == Value("=0.3333333333333333"));
  CHECK(value_of("\"=${0.1234567890123456 + 0}\"") == Value("=0.1234567890123456"));
}

TEST_CASE("hcl: errors in bodies name their place and what to write instead") {
  CHECK(body_error("a = 1\na = 2\n") == "f:2:1: The attribute \"a\" was already set at line 1, column 1");
  CHECK(body_error("b {\n  \"k\" = 1\n}\n") ==
        "f:2:3: Names of attributes and blocks are written without quotes: name = value");
  CHECK(body_error("a = 1, b = 2\n") == "f:1:6: Commas do not separate attributes; put each on its own line");
  CHECK(body_error("a = 1 b = 2\n") == "f:1:7: An attribute must end with its line; begin a new line before \"b\"");
  CHECK(body_error("b { a = 1, c = 2 }\n") ==
        "f:1:10: A block on one line holds at most one attribute; put each attribute on its own line");
  CHECK(body_error("b { c { } }\n") ==
        "f:1:5: A block on one line holds at most one attribute; give a nested block its own lines");
  CHECK(body_error("b \"x\"\n{\n}\n") == "f:1:6: The { of the block \"b\" must stand on its line, after its labels");
  CHECK(body_error("b {\n") == "f:2:1: A block is not closed: } is missing");
  CHECK(body_error("}\n") == "f:1:1: This } closes nothing");
  CHECK(body_error("a = \"${VAR:-x}\"\n") ==
        "f:1:11: Expected } to end this ${, not \":\"; for a literal ${ write $${");
  CHECK(body_error("a = [[.x]]\n") ==
        "f:1:6: [[ ]] of another template tool must be rendered before this file is read");
  CHECK(body_error("a = 10s\n") ==
        "f:1:5: A number ends in a letter here; put quotes around text such as \"10s\" or \"128mb\"");
  CHECK(body_error("\xEF\xBB\xBF"
                   "a = 1\n") == "f:1:1: The file begins with a byte order mark; save it as plain UTF-8");
  CHECK(body_error("/* x\n") == "f:1:1: This comment does not end: */ is missing");
  CHECK(body_error("\u00e9 = \u00e9 \u00e9\n") ==
        "f:1:7: An attribute must end with its line; begin a new line before \"\u00e9\"");
}

TEST_CASE("hcl: line ends may be CR LF, the last may be missing") {
  CHECK(body_error("a = 1\r\nb {\r\n  c = <<E\r\nx\r\nE\r\n}\r\nd = 2") == "no error");
}

TEST_CASE("hcl: nesting, sizes and loops have limits") {
  CHECK(value_of(std::string(40, '[') + std::string(40, ']')).is_list());
  CHECK(error_of(std::string(5000, '[') + std::string(5000, ']')) == "x:1:65: This expression is nested too deeply");
  CHECK(error_of(std::string(5000, '!') + "true").ends_with("This expression is nested too deeply"));
  std::string sum = "1";
  for (int i = 0; i < 5000; ++i) sum += "+1";
  CHECK(error_of(sum).ends_with("is nested too deeply or has too many operators"));
  std::string blocks;
  for (int i = 0; i < 5000; ++i) blocks += "b {\n";
  CHECK(body_error(blocks).ends_with("Blocks are nested too deeply here"));
  CHECK(error_of("range(20000)").ends_with("more than 10000 items"));
  CHECK(error_of("[for i in range(9999) : [for j in range(9999) : [for k in range(9999) : \"xxxx\"]]]") != "no error");
  std::string long_text(100'000, 'x');
  CHECK(error_of("replace(\"" + long_text + "\", \"x\", \"" + long_text + "\")")
            .ends_with("the result is larger than 4194304 bytes"));
  CHECK(body_error(std::string(2 * 1024 * 1024, ' ')) == "f is larger than 1048576 bytes");
}
