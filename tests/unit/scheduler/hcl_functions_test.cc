// Functions that reckon with addresses, times, digests and tables, as Nomad's libraries document and test them.
#include "catch.h"
#include "hcl_fixture.h"

using namespace weir;
using namespace weir::scheduler;
using namespace weir::scheduler::hcl;

namespace {

/// The result or the error of a call with these texts, in which anything may stand.
std::string answer(std::string_view function, const std::vector<Value>& values) {
  FileAccess files;
  auto result = find_function(function)->call(Arguments{values, files});
  return result ? result->to_text() : "error " + result.error().message;
}

std::string formatted(std::string_view format, std::string_view time = "2006-01-02T15:04:05Z") {
  return answer("formatdate", {Value(format), Value(time)});
}

Result<Value> decoded(std::string_view csv) {
  FileAccess files;
  return find_function("csvdecode")->call(Arguments{{Value(csv)}, files});
}

std::string csv_error(std::string_view csv) {
  auto result = decoded(csv);
  return result ? "no error" : result.error().message;
}

}  // namespace

TEST_CASE("hcl functions: digests are hexadecimal") {
  CHECK(value_of("md5(\"hello world\")") == Value("5eb63bbbe01eeed093cb22bb8f5acdc3"));
  CHECK(value_of("md5(\" tada \")") == Value("aadf191a583e53062de2d02c008141c4"));
  CHECK(value_of("md5(\"\")") == Value("d41d8cd98f00b204e9800998ecf8427e"));
  CHECK(value_of("sha1(\"test\")") == Value("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"));
  CHECK(value_of("sha256(\"test\")") == Value("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
  CHECK(value_of("sha512(\"test\")") == Value("ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db2"
                                              "7ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff"));
  CHECK(value_of("sha1(12) == sha1(\"12\")") == Value(true));
  CHECK(error_of("[1, sha256([])]") == "x:1:5: sha256(): argument 1 must be a string, not a list");
}

TEST_CASE("hcl functions: uuidv5() names one thing within a namespace") {
  CHECK(value_of("uuidv5(\"dns\", \"tada\")") == Value("faa898db-9b9d-5b75-86a9-149e7bb8e3b8"));
  CHECK(value_of("uuidv5(\"url\", \"tada\")") == Value("2c1ff6b4-211f-577e-94de-d978b0caa16e"));
  CHECK(value_of("uuidv5(\"oid\", \"tada\")") == Value("61eeea26-5176-5288-87fc-232d6ed30d2f"));
  CHECK(value_of("uuidv5(\"x500\", \"tada\")") == Value("7e12415e-f7c9-57c3-9e43-52dc9950d264"));
  for (const char* dns : {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
                          "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "URN:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                          "6ba7b8109dad11d180b400c04fd430c8"}) {
    INFO(dns);
    CHECK(answer("uuidv5", {Value(dns), Value("tada")}) == "faa898db-9b9d-5b75-86a9-149e7bb8e3b8");
  }
  CHECK(error_of("uuidv5(\"tada\", \"x\")") ==
        "x:1:1: uuidv5(): \"tada\" is no namespace: it must be dns, url, oid, x500 or a UUID");
  for (const char* none : {"", "DNS", "6ba7b8109dad11d180b400c04fd430c", "6ba7b8109dad11d180b400c04fd430cg",
                           "urn:uuid:6ba7b8109dad11d180b400c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8-"}) {
    INFO(none);
    CHECK(answer("uuidv5", {Value(none), Value("x")}).starts_with("error "));
  }
}

TEST_CASE("hcl functions: cidrhost() counts from the first address, and back from the last") {
  CHECK(value_of("cidrhost(\"10.12.112.0/20\", 16)") == Value("10.12.112.16"));
  CHECK(value_of("cidrhost(\"10.12.112.0/20\", 268)") == Value("10.12.113.12"));
  CHECK(value_of("cidrhost(\"10.12.112.0/20\", -1)") == Value("10.12.127.255"));
  CHECK(value_of("cidrhost(\"fd00:fd12:3456:7890:00a2::/72\", 34)") == Value("fd00:fd12:3456:7890::22"));
  CHECK(value_of("cidrhost(\"192.168.1.7/24\", \"5\")") == Value("192.168.1.5"));
  CHECK(value_of("cidrhost(\"192.168.1.0/24\", -256)") == Value("192.168.1.0"));
  CHECK(value_of("cidrhost(\"10.0.0.1/32\", 0)") == Value("10.0.0.1"));
  CHECK(value_of("cidrhost(\"::/0\", -1)") == Value("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  CHECK(value_of("cidrhost(\"::/64\", 65536)") == Value("::1:0"));
  CHECK(value_of("cidrhost(\"fd00::/8\", 9223372036854775807)") == Value("fd00::7fff:ffff:ffff:ffff"));
  CHECK(error_of("cidrhost(\"192.168.1.0/30\", 4)") ==
        "x:1:1: cidrhost(): prefix of 30 does not accommodate a host numbered 4");
  CHECK(error_of("cidrhost(\"192.168.1.0/30\", -5)") ==
        "x:1:1: cidrhost(): prefix of 30 does not accommodate a host numbered -5");
  CHECK(error_of("cidrhost(\"10.0.0.0/8\", 1.5)") ==
        "x:1:1: cidrhost(): argument 2 must be a whole number, not a number");
}

TEST_CASE("hcl functions: what is no network is refused") {
  CHECK(error_of("cidrnetmask(\"not-a-cidr\")") ==
        "x:1:1: cidrnetmask(): invalid CIDR expression: \"not-a-cidr\" must be a network, as 10.0.0.0/8");
  const std::string_view with_nul("10.0.0.0\0/8", 11);
  for (std::string_view none :
       std::vector<std::string_view>{"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.256.0.0/8", "10.0.0/8",
                                     "010.0.0.0/8", "::/129", "/8", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
                                     "fe80::1%lo/64", " 10.0.0.0/8", "10.0.0.0/99999999999999999999", with_nul}) {
    INFO(none);
    CHECK(answer("cidrnetmask", {Value(none)}).starts_with("error invalid CIDR expression: "));
  }
}

TEST_CASE("hcl functions: cidrnetmask() and cidrsubnet()") {
  CHECK(value_of("cidrnetmask(\"172.16.0.0/12\")") == Value("255.240.0.0"));
  CHECK(value_of("cidrnetmask(\"0.0.0.0/0\")") == Value("0.0.0.0"));
  CHECK(value_of("cidrnetmask(\"192.168.1.0/32\")") == Value("255.255.255.255"));
  CHECK(value_of("cidrnetmask(\"1::/64\")") == Value("ffff:ffff:ffff:ffff::"));
  CHECK(value_of("cidrsubnet(\"172.16.0.0/12\", 4, 2)") == Value("172.18.0.0/16"));
  CHECK(value_of("cidrsubnet(\"10.1.2.0/24\", 4, 15)") == Value("10.1.2.240/28"));
  CHECK(value_of("cidrsubnet(\"fd00:fd12:3456:7890::/56\", 16, 162)") == Value("fd00:fd12:3456:7800:a200::/72"));
  CHECK(value_of("cidrsubnet(\"fe80::/48\", 16, 6)") == Value("fe80:0:0:6::/64"));
  CHECK(value_of("cidrsubnet(\"192.168.2.0/20\", 4, 6)") == Value("192.168.6.0/24"));
  CHECK(value_of("cidrsubnet(\"10.1.2.3/8\", 0, 0)") == Value("10.0.0.0/8"));
  CHECK(value_of("cidrsubnet(\"0.0.0.0/0\", 32, 4294967295)") == Value("255.255.255.255/32"));
  CHECK(value_of("cidrsubnet(\"::/0\", 32, 4294967295)") == Value("ffff:ffff::/32"));
  // IPv4 in the spelling of IPv6 is IPv4.
  CHECK(value_of("cidrsubnet(\"::ffff:192.168.0.0/112\", 8, 6)") == Value("192.168.6.0/24"));
  CHECK(error_of("cidrsubnet(\"192.168.0.0/30\", 4, 6)") ==
        "x:1:1: cidrsubnet(): insufficient address space to extend prefix of 30 by 4");
  CHECK(error_of("cidrsubnet(\"192.168.0.0/16\", 2, 4)") ==
        "x:1:1: cidrsubnet(): prefix extension of 2 does not accommodate a subnet numbered 4");
  CHECK(error_of("cidrsubnet(\"192.168.0.0/16\", 2, -1)") ==
        "x:1:1: cidrsubnet(): prefix extension of 2 does not accommodate a subnet numbered -1");
  CHECK(error_of("cidrsubnet(\"fe80::/48\", 33, 6)") ==
        "x:1:1: cidrsubnet(): may not extend prefix by more than 32 bits");
  CHECK(error_of("cidrsubnet(\"10.0.0.0/16\", -8, 0)") ==
        "x:1:1: cidrsubnet(): may not extend prefix by less than 0 bits");
}

TEST_CASE("hcl functions: cidrsubnets() puts one behind the other") {
  CHECK(value_of("cidrsubnets(\"10.1.0.0/16\", 4, 4, 8, 4)") ==
        list({"10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"}));
  CHECK(value_of("cidrsubnets(\"fd00:fd12:3456:7890::/56\", 16, 16, 16, 32)") ==
        list({"fd00:fd12:3456:7800::/72", "fd00:fd12:3456:7800:100::/72", "fd00:fd12:3456:7800:200::/72",
              "fd00:fd12:3456:7800:300::/88"}));
  CHECK(value_of("[for b in cidrsubnets(\"10.0.0.0/8\", 8, 8) : cidrsubnets(b, [4, 4]...)]") ==
        list({list({"10.0.0.0/20", "10.0.16.0/20"}), list({"10.1.0.0/20", "10.1.16.0/20"})}));
  CHECK(value_of("cidrsubnets(\"10.0.0.0/21\", 3, 3, 3, 4, 4, 4, 7, 7, 7)") ==
        list({"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/25", "10.0.3.128/25", "10.0.4.0/25",
              "10.0.4.128/28", "10.0.4.144/28", "10.0.4.160/28"}));
  CHECK(value_of("cidrsubnets(\"255.255.255.254/31\", 1, 1)") == list({"255.255.255.254/32", "255.255.255.255/32"}));
  CHECK(value_of("cidrsubnets(\"10.0.0.0/8\")") == list({}));
  CHECK(error_of("cidrsubnets(\"10.0.0.0/30\", 1, 3)") ==
        "x:1:1: cidrsubnets(): argument 3 would extend prefix to 33 bits, which is too long for an IPv4 address");
  CHECK(error_of("cidrsubnets(\"10.0.0.0/8\", 1, 1, 1)") ==
        "x:1:1: cidrsubnets(): argument 4: not enough remaining address space for a subnet with a prefix of 9 bits "
        "after 10.128.0.0/9");
  CHECK(error_of("cidrsubnets(\"255.255.255.254/31\", 1, 1, 1)").ends_with("after 255.255.255.255/32"));
  CHECK(error_of("cidrsubnets(\"0.0.0.0/8\", 1)").ends_with("after the start of 0.0.0.0/8"));
  CHECK(error_of("cidrsubnets(\"10.0.0.0/8\", 1, 0)") ==
        "x:1:1: cidrsubnets(): argument 3 must extend prefix by at least one bit");
  CHECK(error_of("cidrsubnets(\"fe80::/48\", 1, 33)") ==
        "x:1:1: cidrsubnets(): argument 3 may not extend prefix by more than 32 bits");
}

TEST_CASE("hcl functions: timeadd() keeps the offset and drops the fraction") {
  CHECK(value_of("timeadd(\"2017-11-22T00:00:00Z\", \"10m\")") == Value("2017-11-22T00:10:00Z"));
  CHECK(value_of("timeadd(\"2017-11-22T00:00:00Z\", \"-1.5h\")") == Value("2017-11-21T22:30:00Z"));
  CHECK(value_of("timeadd(\"2016-02-28T23:59:59.75+01:30\", \"250ms\")") == Value("2016-02-29T00:00:00+01:30"));
  CHECK(value_of("timeadd(\"1969-12-31T23:59:59.5-03:00\", \"-600ms\")") == Value("1969-12-31T23:59:58-03:00"));
  CHECK(value_of("timeadd(\"9999-12-31T23:00:00Z\", \"1h\")") == Value("10000-01-01T00:00:00Z"));
  CHECK(value_of("timeadd(\"0000-01-01T00:00:00+00:00\", \"-1s\")") == Value("-0001-12-31T23:59:59Z"));
  CHECK(error_of("timeadd(\"2017-11-22\", \"10m\")") ==
        "x:1:1: timeadd(): not a valid RFC3339 timestamp: missing required time introducer 'T'");
  CHECK(error_of("timeadd(\"2017-11-22T00:00:00Z\", \"ten\")") == "x:1:1: timeadd(): time: invalid duration \"ten\"");
  CHECK(error_of("timeadd(\"2017-11-22T00:00:00Z\", 10)") == "x:1:1: timeadd(): time: missing unit in duration \"10\"");
}

TEST_CASE("hcl functions: formatdate() knows these forms") {
  CHECK(value_of("formatdate(\"DD MMM YYYY hh:mm ZZZ\", \"2018-01-02T23:12:01Z\")") == Value("02 Jan 2018 23:12 UTC"));
  CHECK(value_of("formatdate(\"EEEE, DD-MMM-YY hh:mm:ss ZZZ\", \"2018-01-02T23:12:01Z\")") ==
        Value("Tuesday, 02-Jan-18 23:12:01 UTC"));
  CHECK(value_of("formatdate(\"EEE, DD MMM YYYY hh:mm:ss ZZZ\", \"2018-01-02T23:12:01-08:00\")") ==
        Value("Tue, 02 Jan 2018 23:12:01 -0800"));
  CHECK(value_of("formatdate(\"MMM DD, YYYY\", \"2018-01-02T23:12:01Z\")") == Value("Jan 02, 2018"));
  CHECK(value_of("formatdate(\"HH:mmaa\", \"2018-01-02T23:12:01Z\")") == Value("11:12pm"));
  CHECK(formatted("h'h'mm'm'", "2018-01-02T09:12:01Z") == "9h12m");
  CHECK(formatted("") == "");
  CHECK(formatted("EEE, MMM D ''YY") == "Mon, Jan 2 '06");
  CHECK(formatted("H 'o''clock' AA") == "3 o'clock PM");
  CHECK(formatted("'''quoted'''") == "'quoted'");
  CHECK(formatted("YYYY-MM-DD'T'hh:mm:ssZ") == "2006-01-02T15:04:05Z");
  CHECK(formatted("M MM MMM MMMM|D DD|EEE EEEE") == "1 01 Jan January|2 02|Mon Monday");
  CHECK(formatted("h hh H HH AA aa m mm s ss") == "15 15 3 03 PM pm 4 04 5 05");
  CHECK(formatted("Z ZZZ ZZZZ ZZZZZ") == "Z UTC +0000 +00:00");
  CHECK(formatted("Z ZZZ ZZZZ ZZZZZ", "2006-01-02T15:04:05-03:30") == "-03:30 -0330 -0330 -03:30");
  CHECK(formatted("H HH AA", "2006-01-02T00:00:00Z") == "12 12 AM");
  CHECK(formatted("H aa", "2006-01-02T12:00:00Z") == "12 pm");
  CHECK(formatted("YYYY YY EEEE", "0000-02-29T00:00:00Z") == "0000 00 Tuesday");
  CHECK(formatted("\u00e9 %d") == "error invalid date format verb \"d\"");
  CHECK(formatted("\u00e9\u2192'\u00e9'") == "\u00e9\u2192\u00e9");
}

TEST_CASE("hcl functions: formatdate() names the form that is none") {
  CHECK(error_of("formatdate(\"Y\", \"2018-01-02T23:12:01Z\")") ==
        "x:1:1: formatdate(): invalid date format verb \"Y\": year must be YY or YYYY");
  CHECK(formatted("YYYYY") == "error invalid date format verb \"YYYYY\": year must be YY or YYYY");
  CHECK(formatted("MMMMM") == "error invalid date format verb \"MMMMM\": month must be M, MM, MMM or MMMM");
  CHECK(formatted("DDD") == "error invalid date format verb \"DDD\": day of month must be D or DD");
  CHECK(formatted("EE") == "error invalid date format verb \"EE\": day of week must be EEE or EEEE");
  CHECK(formatted("hhh") == "error invalid date format verb \"hhh\": 24-hour must be h or hh");
  CHECK(formatted("HHH") == "error invalid date format verb \"HHH\": 12-hour must be H or HH");
  CHECK(formatted("A") == "error invalid date format verb \"A\": half of the day must be AA");
  CHECK(formatted("aaa") == "error invalid date format verb \"aaa\": half of the day must be aa");
  CHECK(formatted("mmm") == "error invalid date format verb \"mmm\": minute must be m or mm");
  CHECK(formatted("sss") == "error invalid date format verb \"sss\": second must be s or ss");
  CHECK(formatted("ZZ") == "error invalid date format verb \"ZZ\": time zone must be Z, ZZZ, ZZZZ or ZZZZZ");
  CHECK(formatted("'") == "error argument 1 has an unterminated literal '");
  CHECK(formatted("'blah blah") == "error argument 1 has an unterminated literal '");
  CHECK(formatted("'it''s'") == "it's");
}

TEST_CASE("hcl functions: times are strictly RFC 3339") {
  auto error_in = [](std::string_view time) {
    std::string text = formatted("YYYY", time);
    constexpr std::string_view kBegin = "error not a valid RFC3339 timestamp: ";
    return text.starts_with(kBegin) ? text.substr(kBegin.size()) : "no error: " + text;
  };
  CHECK(error_in("") == "end of string before year");
  CHECK(error_in("2017") == "end of string where \"-\" is expected");
  CHECK(error_in("2017:01:02") == "found \":01:02\" where \"-\" is expected");
  CHECK(error_in("2017-01-02") == "missing required time introducer 'T'");
  CHECK(error_in("2017-12-02t00:00:00Z") == "missing required time introducer 'T'");
  CHECK(error_in("2017-01-02T") == "end of string before hour");
  CHECK(error_in("2017-01-02T00") == "end of string where \":\" is expected");
  CHECK(error_in("2017-01-02T00:00:00") == "end of string before UTC offset");
  CHECK(error_in("2017-01-02T26:00:00Z") == "cannot use \"26\" as hour");
  CHECK(error_in("2017-01-02T24:00:00Z") == "cannot use \"24\" as hour");
  CHECK(error_in("2017-13-02T00:00:00Z") == "cannot use \"13\" as month");
  CHECK(error_in("2017-02-29T00:00:00Z") == "day out of range");
  CHECK(error_in("\"2017-12-02T00:00:00Z\"") == "cannot use \"\"201\" as year");
  CHECK(error_in("2-12-02T00:00:00Z") == "cannot use \"2-12\" as year");
  CHECK(error_in("2000-01-01T1:12:34Z") == "cannot use \"1:\" as hour");
  CHECK(error_in("2000-01-01T01:60:34Z") == "cannot use \"60\" as minute");
  CHECK(error_in("2000-01-01T23:59:60Z") == "cannot use \"60\" as second");
  CHECK(error_in("2000-01-01T00:00:00,5Z") == "cannot use \",5Z\" as UTC offset");
  CHECK(error_in("2000-01-01T00:00:00.Z") == "no digit follows the point");
  CHECK(error_in("2000-01-01T00:00:00z") == "cannot use \"z\" as UTC offset");
  CHECK(error_in("2000-01-01T00:00:00+24:00") == "cannot use \"24\" as UTC offset");
  CHECK(error_in("2000-01-01T00:00:00+00:60") == "cannot use \"60\" as UTC offset");
  CHECK(error_in("2000-01-01T00:00:00Z ") == "extra text: \" \"");
  CHECK(error_in("2000-02-29T00:00:00.1234567890123456789+23:59") == "no error: 2000");
}

TEST_CASE("hcl functions: log()") {
  CHECK(value_of("log(50, 10)") == Value::number(1.6989700043360185));
  CHECK(value_of("log(16, 2)") == Value(4));
  CHECK(value_of("ceil(log(15, 2))") == Value(4));
  CHECK(value_of("log(1, 10)") == Value(0));
  CHECK(value_of("log(10, 0)") == Value(0));
  CHECK(error_of("log(0, 10)") == "x:1:1: log(): the result is out of range");
  CHECK(error_of("log(-1, 10)") == "x:1:1: log(): the result is out of range");
  CHECK(error_of("log(5, 1)") == "x:1:1: log(): the result is out of range");
}

TEST_CASE("hcl functions: csvdecode() makes an object of each row") {
  CHECK(value_of("csvdecode(\"a,b,c\\n1,2,3\\n4,5,6\\n\")") ==
        list({Value(Value::Object{{"a", "1"}, {"b", "2"}, {"c", "3"}}),
              Value(Value::Object{{"a", "4"}, {"b", "5"}, {"c", "6"}})}));
  auto rows = [](std::string_view csv) {
    auto result = decoded(csv);
    REQUIRE(result);
    return *result;
  };
  auto row = [](std::string_view a, std::string_view b) { return Value(Value::Object{{"a", a}, {"b", b}}); };
  CHECK(rows("\"just\",\"header\",\"line\"") == list({}));
  CHECK(rows("not csv at all") == list({}));
  CHECK(rows("a,b\r\n\"1,\"\"x\"\"\",\"\"\r\n\r\n\n 2 , 3") == list({row("1,\"x\"", ""), row(" 2 ", " 3")}));
  CHECK(rows("a,b\n\"1\r\n\n2\",x") == list({row("1\n\n2", "x")}));
  CHECK(rows("a,b\n,\n") == list({row("", "")}));
  CHECK(rows("a,b\n1,2\r") == list({row("1", "2")}));
  CHECK(error_of("csvdecode(\"\")") == "x:1:1: csvdecode(): missing header line");
  CHECK(csv_error("\n\r\n") == "missing header line");
  CHECK(csv_error("a,b,a\n") == "duplicate column name \"a\"");
  CHECK(csv_error("invalid\"thing\"") == "CSV parse error on line 1: bare \" in non-quoted field");
  CHECK(csv_error("a,b\n\"1\"x,2") == "CSV parse error on line 2: extraneous or missing \" in quoted field");
  CHECK(csv_error("a,b\n1,\"2\n3\n") == "CSV parse error on line 3: extraneous or missing \" in quoted field");
  CHECK(csv_error("a,b\n1,\"") == "CSV parse error on line 2: extraneous or missing \" in quoted field");
  CHECK(csv_error("a,b\n\n1,\"2\n3\",4\n") == "CSV parse error on line 3: wrong number of fields");
  CHECK(csv_error("a,b\n1\n") == "CSV parse error on line 2: wrong number of fields");
}

TEST_CASE("hcl functions: csvdecode() has limits") {
  auto repeated = [](std::string_view line, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line;
    return text;
  };
  CHECK(csv_error("a\n" + repeated("x\n", 10'000)) == "no error");
  CHECK(csv_error("a\n" + repeated("x\n", 10'001)) == "the result is too large");
  // A megabyte of name in each of forty rows.
  CHECK(csv_error(std::string(1'000'000, 'n') + "\n" + repeated("x\n", 40)) == "the result is too large");
}

TEST_CASE("hcl functions: what would differ each time or is not needed is refused by name") {
  for (std::string name : {"bcrypt", "convert", "rsadecrypt", "yamldecode", "yamlencode"}) {
    CHECK(error_of(name + "(\"x\")") == "x:1:1: There is no function named \"" + name + "\"");
  }
}
