#include "routing/default_rule.h"

#include "weir/base/text.h"

namespace weir::routing {

std::string normalize_name(std::string_view name) {
  std::string out;
  bool gap = false;
  for (char c : name) {
    char lower = ascii_lower(c);
    bool kept = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (kept) {
      if (gap && !out.empty()) out += '-';
      out += c;
    }
    gap = !kept;
  }
  return out;
}

Result<std::string> expand_default_rule(std::string_view rule_template, std::string_view service_name) {
  std::string out;
  while (true) {
    size_t open = rule_template.find("{{");
    out += rule_template.substr(0, open);
    if (open == std::string_view::npos) return out;
    size_t close = rule_template.find("}}", open);
    if (close == std::string_view::npos) return fail(ErrorCode::invalid, "default rule: {{ without }}");
    std::string inner;
    for (std::string_view word : split_list(rule_template.substr(open + 2, close - open - 2), ' ')) {
      if (!inner.empty()) inner += ' ';
      inner += word;
    }
    if (inner == ".Name") {
      out += service_name;
    } else if (inner == "normalize .Name") {
      out += normalize_name(service_name);
    } else {
      return fail(ErrorCode::invalid,
                  "default rule: only {{ .Name }} and {{ normalize .Name }} are known, not {{ " + inner + " }}");
    }
    rule_template.remove_prefix(close + 2);
  }
}

}  // namespace weir::routing
