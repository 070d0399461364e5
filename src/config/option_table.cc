#include "config/option_table.h"

#include "config/option_rows.h"
#include "weir/base/text.h"

namespace weir::config {

std::span<const Option> option_table() {
  static const std::vector<Option> kTable = [] {
    std::vector<Option> rows;
    for (const auto& part : {entry_point_options(), provider_options(), log_options(), request_options()}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
  }();
  return kTable;
}

std::string describe_type(const Option& option) {
  Config config;
  EntryPointConfig entry_point;
  Slot slot = option.slot(config, entry_point);
  bool list = std::holds_alternative<std::vector<std::string>*>(slot);
  if (option.shape == Shape::one_of) {
    return (list ? "a list of " : "one of ") + replace_all(option.choices, "|", ", ");
  }
  if (option.shape == Shape::url) return "a list of URLs";
  if (option.shape == Shape::path) return "a path";
  if (list) return "a list of strings";
  if (std::holds_alternative<std::vector<Cidr>*>(slot)) return "a list of networks";
  if (std::holds_alternative<std::vector<StatusRange>*>(slot)) return "a list of statuses and ranges of them";
  if (std::holds_alternative<bool*>(slot)) return "true or false";
  if (std::holds_alternative<std::string*>(slot)) return "a string";
  if (!std::holds_alternative<uint32_t*>(slot)) return "an address, ip:port";
  std::string text = "a whole number";
  if (option.max != kAnyNumber) return text + ", " + std::to_string(option.min) + " to " + std::to_string(option.max);
  return option.min == 0 ? text : text + ", at least " + std::to_string(option.min);
}

}  // namespace weir::config
