#include "routing/short_form.h"

#include "routing/expression.h"
#include "weir/base/text.h"

namespace weir::routing {

std::string any_of_term(std::string_view matcher, const std::vector<std::string>& values) {
  std::vector<std::string> terms;
  for (const std::string& value : values) terms.push_back(std::string(matcher) + "(`" + value + "`)");
  std::string joined = join(terms, " || ");
  return terms.size() > 1 ? "(" + joined + ")" : joined;
}

Result<std::string> short_rule(const std::vector<std::string>& hosts, const std::vector<std::string>& path_prefixes,
                               const std::vector<std::string>& paths) {
  std::vector<std::string> terms;
  for (const auto& [matcher, values] :
       {std::pair("Host", &hosts), std::pair("PathPrefix", &path_prefixes), std::pair("Path", &paths)}) {
    for (const std::string& value : *values) {
      if (value.find('`') != std::string::npos) return fail(ErrorCode::invalid, "\"" + value + "\" holds a `");
      auto parsed = parse_expression(any_of_term(matcher, {value}));
      if (!parsed) return fail(ErrorCode::invalid, "\"" + value + "\": " + parsed.error().message);
    }
    std::string term = any_of_term(matcher, *values);
    if (!term.empty()) terms.push_back(std::move(term));
  }
  if (terms.empty()) return fail(ErrorCode::invalid, "no host, path_prefix or path");
  return join(terms, " && ");
}

}  // namespace weir::routing
