// The option table as text for people: conf/weir.toml.

#include "config/option_table.h"
#include "weir/base/text.h"

namespace weir::config {

namespace {

/// Words of `text` in lines of at most `columns_max` with `indent` before each.
std::string wrap(std::string_view text, std::string_view indent, size_t columns_max) {
  std::string out;
  std::string line(indent);
  for (std::string_view word : split_list(text, ' ')) {
    if (line.size() > indent.size() && line.size() + 1 + word.size() > columns_max) {
      out += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

std::string limits_text(const Option& option) {
  std::string out = describe_type(option);
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  if (option.fallback.empty()) return out + "; must be given.";
  return out + "; default " + std::string(option.fallback) + ".";
}

std::string_view section_of(std::string_view key) {
  size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

}  // namespace

std::string commented_config() {
  std::string out =
      "# Weir's edge: every option, with its default. `weir edge --config weir.toml` reads this file, and\n"
      "# `weir config check weir.toml` only checks it. A flag of the command line wins over the file.\n"
      "# Relative paths are taken from the folder of this file. Generated from src/config/option_table.cc.\n";
  std::string_view section;
  for (const Option& option : option_table()) {
    if (section_of(option.key) != section) {
      section = section_of(option.key);
      out += "\n[" + replace_all(section, "*", "web") + "]\n";
    }
    out += "\n" + wrap(option.help, "# ", 100) + wrap(limits_text(option), "# ", 100);
    std::string_view name = section.empty() ? option.key : option.key.substr(section.size() + 1);
    out += std::string(name) + " = " + std::string(option.shipped.empty() ? option.fallback : option.shipped) + "\n";
  }
  return out;
}

}  // namespace weir::config
