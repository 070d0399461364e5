#include "weir/base/quoted_string.h"

namespace weir {

std::optional<std::string> take_quoted_string(std::string_view& text) {
  if (!text.starts_with('"')) return {};
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] == '\\' && ++i == text.size()) break;
    out += text[i];
  }
  return {};
}

}  // namespace weir
