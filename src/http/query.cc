#include <algorithm>

#include "weir/base/text.h"
#include "weir/http/server.h"

namespace weir::http {

std::string_view find_header(const HeaderFields& headers, std::string_view name) {
  for (const auto& [its_name, value] : headers) {
    if (equals_ignore_case(its_name, name)) return value;
  }
  return {};
}

const std::string* Request::parameter(std::string_view name) const {
  for (const QueryParameter& candidate : query) {
    if (candidate.name == name) return &candidate.value;
  }
  return nullptr;
}

bool parse_query(std::string_view text, std::vector<QueryParameter>& out) {
  bool well_formed = true;
  auto decode = [&](std::string_view piece) {
    std::string spaced(piece);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    auto decoded = percent_decode(spaced);
    well_formed = well_formed && decoded.has_value();
    return decoded.value_or(std::move(spaced));
  };
  for (std::string_view pair : split(text, '&')) {
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    out.push_back({decode(pair.substr(0, equals)), decode(value)});
  }
  return well_formed;
}

}  // namespace weir::http
