#include "config/option_table.h"

#include <set>

#include "catch.h"
#include "weir/base/file.h"
#include "weir/base/text.h"

using namespace weir;
using namespace weir::config;

TEST_CASE("option table: keys are unique, helped, and grouped by section as TOML needs") {
  std::set<std::string_view> keys;
  std::set<std::string_view> closed_sections;
  std::string_view section;
  for (const Option& option : option_table()) {
    INFO(option.key);
    CHECK(keys.insert(option.key).second);
    CHECK(option.help.ends_with("."));
    CHECK(option.key.size() <= 64);
    size_t dot = option.key.rfind('.');
    std::string_view own = dot == std::string_view::npos ? "" : option.key.substr(0, dot);
    if (own != section) CHECK(closed_sections.insert(section = own).second);
  }
}

TEST_CASE("option table: a number's name ends in its unit or says that it counts") {
  Config config;
  EntryPointConfig point;
  for (const Option& option : option_table()) {
    if (!std::holds_alternative<uint32_t*>(option.slot(config, point))) continue;
    INFO(option.key);
    bool named = option.key == "workers";
    for (const char* end : {"_ms", "_s", "_max", "_min", "_percent", "_days"})
      named = named || option.key.ends_with(end);
    CHECK(named);
    CHECK(option.min < option.max);
  }
}

TEST_CASE("option table: the committed conf/weir.toml is what the table generates") {
  auto committed = read_file(WEIR_CONF_DIR "/weir.toml");
  REQUIRE(committed);
  if (*committed != commented_config()) {
    // The way to update it: write what this prints.
    UNSCOPED_INFO(commented_config());
    FAIL("conf/weir.toml differs from the option table; it should read:");
  }
}

TEST_CASE("option table: conf/weir.toml loads without an error and sets every option") {
  LoadOutcome outcome = load_config(commented_config(), WEIR_CONF_DIR "/weir.toml");
  for (const Error& error : outcome.errors) FAIL_CHECK(error.text());
  CHECK(outcome.config.file.directory == WEIR_CONF_DIR "/routes.d");
  CHECK(outcome.config.consul.addresses.size() == 1);
  for (std::string_view line : split(commented_config(), '\n')) CHECK(line.size() <= 100);
}

TEST_CASE("option table: docs/limits.md has every limit and deadline, with its default, and no other") {
  auto text = read_file(WEIR_CONF_DIR "/../docs/limits.md");
  REQUIRE(text);
  std::set<std::string> rows;
  for (std::string_view line : split(*text, '\n')) {
    if (!line.starts_with("| `")) continue;
    auto cells = split(line, '|');
    REQUIRE(cells.size() == 6);
    std::string_view key = trim(cells[1]);
    std::string_view fallback = trim(cells[2]);
    CHECK_FALSE(trim(cells[3]).empty());
    CHECK_FALSE(trim(cells[4]).empty());
    bool single = rows.insert(std::string(key) + " " + std::string(fallback.substr(0, fallback.find(' ')))).second;
    INFO(line);
    CHECK(single);
  }
  std::set<std::string> options;
  for (const Option& option : option_table()) {
    std::string_view key = option.key;
    bool entry_point_limit = key.starts_with("entrypoints.*.") && key.ends_with("_max");
    bool is_retry_number = key.starts_with("retry.") && option.max > 0;
    bool is_document_number = key.starts_with("providers.http.") && option.max > 0;
    bool is_health_number = key.starts_with("health.") && option.max > 0;
    if (!key.starts_with("limits.") && !key.starts_with("timeouts.") && !entry_point_limit && !is_retry_number &&
        !is_document_number && !is_health_number)
      continue;
    options.insert("`" + std::string(key) + "` " + std::string(option.fallback));
  }
  for (const std::string& row : rows) CHECK((options.contains(row) ? "" : row) == "");
  for (const std::string& option : options) CHECK((rows.contains(option) ? "" : option) == "");
}
