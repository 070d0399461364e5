#include "catch.h"
#include "config/option_table.h"
#include "weir/config/config.h"

using namespace weir;
using namespace weir::config;

namespace {

std::vector<std::string> errors_of(std::string_view text, std::vector<Override> overrides = {}) {
  std::vector<std::string> out;
  for (const Error& error : load_config(text, "/etc/weir/weir.toml", overrides).errors) out.push_back(error.text());
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("config: every error is reported with its place, not only the first") {
  Texts errors = errors_of(
      "workers = \"two\"\n"
      "[timeouts]\n"
      "idel_ms = 5\n"
      "connect_ms = 1\n"
      "[log]\n"
      "level = \"loud\"\n");
  REQUIRE(errors.size() == 4);
  CHECK(errors[0] == "/etc/weir/weir.toml:1:11: workers: expected a whole number, 0 to 256, found a string");
  CHECK(errors[1] == "/etc/weir/weir.toml:3:1: unknown key timeouts.idel_ms; did you mean \"idle_ms\"?");
  CHECK(errors[2] == "/etc/weir/weir.toml:4:14: timeouts.connect_ms: expected a whole number, 10 to 86400000, found 1");
  CHECK(errors[3] ==
        "/etc/weir/weir.toml:6:9: log.level: expected one of trace, debug, info, warn, error, off, found \"loud\"");
}

TEST_CASE("config: a text that is no TOML gives its one error and the defaults") {
  LoadOutcome outcome = load_config("workers = = 1", "weir.toml");
  REQUIRE(outcome.errors.size() == 1);
  CHECK(outcome.errors[0].line == 1);
  CHECK(outcome.config.timeouts.connect_ms == 3000);
}

TEST_CASE("config: an unknown key points to where the option is") {
  CHECK(errors_of("idle_ms = 5") ==
        Texts{"/etc/weir/weir.toml:1:1: unknown key idle_ms; did you mean timeouts.idle_ms?"});
  CHECK(errors_of("[entrypoint.web]\naddress = \":80\"\n") ==
        Texts{"/etc/weir/weir.toml:1:2: unknown key entrypoint; did you mean \"entrypoints\"?"});
  CHECK(errors_of("[entrypoints.web]\naddress = \":80\"\nadress = \":81\"\n") ==
        Texts{"/etc/weir/weir.toml:3:1: unknown key entrypoints.web.adress; did you mean \"address\"?"});
  CHECK(errors_of("xyzzy_quux = 5") == Texts{"/etc/weir/weir.toml:1:1: unknown key xyzzy_quux"});
}

TEST_CASE("config: a table where a value belongs and a value where a table belongs are errors") {
  CHECK(errors_of("workers = {}") ==
        Texts{"/etc/weir/weir.toml:1:11: workers: expected a whole number, 0 to 256, found a table"});
  CHECK(errors_of("timeouts = 5") ==
        Texts{"/etc/weir/weir.toml:1:12: timeouts: expected a table, found a whole number"});
  CHECK(errors_of("[[entrypoints]]\naddress = \":80\"\n").size() == 1);
  CHECK(errors_of("entrypoints.web = \":80\"") ==
        Texts{"/etc/weir/weir.toml:1:19: entrypoints.web: expected a table, found a string"});
}

TEST_CASE("config: numbers are taken at their limits and refused one beyond") {
  CHECK(errors_of("workers = 256").empty());
  CHECK(errors_of("workers = 257").size() == 1);
  CHECK(errors_of("workers = -1").size() == 1);
  CHECK(errors_of("limits.head_bytes_max = 1024").empty());
  CHECK(errors_of("limits.head_bytes_max = 1023").size() == 1);
  CHECK(errors_of("limits.head_bytes_max = 65537").size() == 1);
  CHECK(errors_of("limits.requests_per_connection_max = 4294967296").size() == 1);
  CHECK(errors_of("workers = 1.0").size() == 1);
}

TEST_CASE("config: each bad item of a list is reported and the list keeps its default") {
  LoadOutcome outcome = load_config(
      "[entrypoints.web]\naddress = \":80\"\nforwarded_headers_trusted_cidrs = [\"10.0.0.0/8\", \"ten\", 3, "
      "\"::/129\"]\n",
      "weir.toml");
  REQUIRE(outcome.errors.size() == 3);
  CHECK(outcome.errors[0].column == 50);
  CHECK(outcome.config.entry_points[0].forwarded_headers_trusted_cidrs.empty());
  CHECK(errors_of("providers.consul.addresses = [\"ftp://x\"]").size() == 1);
  CHECK(errors_of("providers.consul.strict_checks = [\"passing\", \"fine\"]").size() == 1);
}

TEST_CASE("config: entry points need an address of their own and a plain name") {
  CHECK(errors_of("[entrypoints.web]\n") == Texts{"/etc/weir/weir.toml:1:14: entrypoints.web: no address"});
  CHECK(errors_of("[entrypoints.\"a b\"]\naddress = \":80\"\n").size() == 1);
  CHECK(errors_of("[entrypoints.web]\naddress = \"localhost:80\"\n").size() == 1);
  CHECK(errors_of("[entrypoints.a]\naddress = \":80\"\n[entrypoints.b]\naddress = \"0.0.0.0:80\"\n") ==
        Texts{"/etc/weir/weir.toml:4:11: entrypoints.b.address: 0.0.0.0:80 is also the address of entrypoints.a"});
  CHECK(errors_of("[entrypoints.a]\naddress = \"0.0.0.0:80\"\n[entrypoints.b]\naddress = \"[::]:80\"\n") ==
        Texts{"/etc/weir/weir.toml:4:11: entrypoints.b.address: [::]:80 is also the address of entrypoints.a"});
  CHECK(errors_of("[entrypoints.a]\naddress = \"127.0.0.1:8081\"\n") ==
        Texts{"/etc/weir/weir.toml:2:11: entrypoints.a.address: 127.0.0.1:8081 is also the address of admin"});
  CHECK(errors_of("[entrypoints.a]\naddress = \":0\"\n[entrypoints.b]\naddress = \":0\"\n").empty());
}

TEST_CASE("config: redirects of entry points may follow one another, but not in a circle") {
  auto with = [](std::string_view of_last) {
    return "[entrypoints.a]\naddress = \":1\"\nredirect_to = \"b\"\n"
           "[entrypoints.b]\naddress = \":2\"\nredirect_to = \"c\"\n"
           "[entrypoints.c]\naddress = \":3\"\n" +
           std::string(of_last);
  };
  CHECK(errors_of(with("")).empty());
  CHECK(errors_of(with("redirect_to = \"c\"\n")) ==
        Texts{"/etc/weir/weir.toml:9:15: entrypoints.c.redirect_to: an entry point cannot redirect to itself"});
  CHECK(errors_of(with("redirect_to = \"b\"\n")) ==
        Texts{"/etc/weir/weir.toml:6:15: entrypoints.b.redirect_to: the redirects lead back to \"b\"",
              "/etc/weir/weir.toml:9:15: entrypoints.c.redirect_to: the redirects lead back to \"c\""});
  CHECK(errors_of(with("redirect_to = \"a\"\n")).size() == 3);
}

TEST_CASE("config: 64 entry points are taken, 65 are not") {
  std::string text;
  for (int i = 0; i < 64; ++i) text += "[entrypoints.e" + std::to_string(i) + "]\naddress = \":0\"\n";
  CHECK(errors_of(text).empty());
  CHECK(errors_of(text + "[entrypoints.last]\naddress = \":0\"\n").size() == 1);
}

TEST_CASE(
    "config: what makes no sense for the registry is an error: two tokens, dotted prefixes, no health that serves") {
  for (const char* provider : {"consul", "consulkv", "nomad"}) {
    INFO(provider);
    CHECK(errors_of(std::string("[providers.") + provider + "]\ntoken = \"a\"\ntoken_file = \"b\"\n").size() == 1);
  }
  CHECK(errors_of("[providers.http]\nendpoint = \"https://a/b\"\nheaders = [\"A: b\"]\n").empty());
  CHECK(errors_of("[providers.http]\nendpoint = \"ftp://a\"\nheaders = [\"A\", \": b\"]\n").size() == 3);
  CHECK(errors_of("[providers.consul]\ndatacenters = [\"a\", \"b\"]\n").empty());
  for (const char* datacenters :
       {"datacenter = \"a\"\ndatacenters = [\"a\"]", "datacenters = [\"a\", \"a\"]", "datacenters = [\"\"]"}) {
    INFO(datacenters);
    CHECK(errors_of(std::string("[providers.consul]\n") + datacenters + "\n").size() == 1);
  }
  for (const char* provider : {"consul", "nomad"}) {
    auto with = [&](const std::string& prefix) {
      return errors_of("[providers." + std::string(provider) + "]\ntag_prefixes = [\"" + prefix + "\"]\n").size();
    };
    CHECK(with("a.b-c.d") == 0);
    CHECK((with("") == 1 && with("a.") == 1 && with(".a") == 1 && with("a..b") == 1 && with("a b") == 1));
  }
  CHECK(errors_of("[providers.consul]\nstrict_checks = []\n").size() == 1);
}

TEST_CASE("config: without an entry point there is web at port 8080") {
  LoadOutcome outcome = load_config("", "weir.toml");
  REQUIRE(outcome.errors.empty());
  REQUIRE(outcome.config.entry_points.size() == 1);
  CHECK(outcome.config.entry_points[0].name == "web");
  CHECK(outcome.config.entry_points[0].address.text() == "0.0.0.0:8080");
}

TEST_CASE("config: values arrive where they belong") {
  LoadOutcome outcome = load_config(
      "workers = 3\ndata_dir = \"state\"\n"
      "[entrypoints.web]\naddress = \"[::1]:80\"\nforwarded_headers_trusted_cidrs = [\"10.0.0.0/8\"]\n"
      "[entrypoints.alt]\naddress = \"127.0.0.1:81\"\n"
      "[admin]\naddress = \"\"\n"
      "[providers.consul]\naddresses = [\"http://c:8500\"]\nconsistency = \"stale\"\nwait_s = 600\n"
      "[providers.file]\ndirectory = \"/abs\"\nwatch = false\n"
      "[log]\nlevel = \"debug\"\nformat = \"json\"\n[access_log]\nformat = \"json\"\n",
      "/etc/weir/weir.toml");
  REQUIRE(outcome.errors.empty());
  const Config& config = outcome.config;
  CHECK(config.workers == 3);
  CHECK(config.data_dir == "/etc/weir/state");
  REQUIRE(config.entry_points.size() == 2);
  CHECK(config.entry_points[0].name == "alt");
  CHECK(config.entry_points[1].address.text() == "[::1]:80");
  CHECK(config.entry_points[1].forwarded_headers_trusted_cidrs.size() == 1);
  CHECK_FALSE(config.admin_address);
  CHECK(config.consul.addresses == Texts{"http://c:8500"});
  CHECK(config.consul.consistency == Consistency::stale);
  CHECK(config.consul.wait_s == 600);
  CHECK(config.consul.tag_prefixes == Texts{"weir", "traefik"});
  CHECK(config.file.directory == "/abs");
  CHECK_FALSE(config.file.watch);
  CHECK(config.log.level == log::Level::debug);
  CHECK(config.log.format == log::Format::json);
  CHECK(config.access_log.format == AccessLogFormat::json);
}

TEST_CASE("config: a configuration that nobody loaded has the defaults") {
  Config config;
  CHECK(config.entry_points.empty());
  CHECK(config.admin_address->text() == "127.0.0.1:8081");
  CHECK(config.consul.addresses.empty());
  CHECK(config.limits.headers_max == 100);
  CHECK(config.safety.hold_ms == 30000);
  CHECK(config.log.level == log::Level::info);
}

TEST_CASE("config: a flag wins over the file and its errors name the flag") {
  std::vector<Override> good = {{"entrypoints.web.address", "127.0.0.1:9000", "--entrypoint"},
                                {"providers.consul.addresses", "http://a:1, http://b:2", "--consul"},
                                {"providers.file.directory", "here", "--routes"},
                                {"workers", "2", "--workers"},
                                {"providers.file.watch", "false", "--set"}};
  LoadOutcome outcome = load_config("workers = 9\n[entrypoints.web]\naddress = \":80\"\n", "/etc/weir.toml", good);
  REQUIRE(outcome.errors.empty());
  CHECK(outcome.config.entry_points[0].address.text() == "127.0.0.1:9000");
  CHECK(outcome.config.consul.addresses == Texts{"http://a:1", "http://b:2"});
  CHECK(outcome.config.file.directory == "here");
  CHECK(outcome.config.workers == 2);
  CHECK_FALSE(outcome.config.file.watch);

  CHECK(errors_of("", {{"workers", "many", "--workers"},
                       {"timeouts.idel_ms", "5", "--set"},
                       {"entrypoints.a/b.address", ":80", "--entrypoint"},
                       {"", "5", "--set"}}) ==
        Texts{"--workers: workers: expected a whole number, 0 to 256, found a string",
              "--set: unknown option timeouts.idel_ms; did you mean \"idle_ms\"?",
              "--entrypoint: the entry point's name \"a/b\" must be 1 to 64 letters, digits, - or _",
              "--set: unknown option "});
}
