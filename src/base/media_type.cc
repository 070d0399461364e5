#include "weir/base/media_type.h"

#include <algorithm>
#include <utility>

#include "weir/base/field_name.h"
#include "weir/base/quoted_string.h"
#include "weir/base/text.h"

namespace weir {
namespace {

/// A token or a quoted string at the beginning of `text`, which is what follows it then.
std::optional<std::string> take_value(std::string_view& text) {
  if (text.starts_with('"')) return take_quoted_string(text);
  const std::string_view token = text.substr(0, text.find_first_of("; \t"));
  text.remove_prefix(token.size());
  if (!is_token(token)) return {};
  return std::string(token);
}

}  // namespace

std::optional<MediaType> MediaType::parse(std::string_view text) {
  const std::string_view name = trim(text.substr(0, text.find(';')));
  const size_t slash = name.find('/');
  if (!is_token(name.substr(0, slash))) return {};
  if (slash != std::string_view::npos && !is_token(name.substr(slash + 1))) return {};
  MediaType out{to_lower(name), {}};
  text.remove_prefix(std::min(text.find(';'), text.size()));
  while (!text.empty()) {
    if (text.front() != ';') return {};
    text = trim(text.substr(1));
    if (text.empty() || text.front() == ';') continue;  // it may stand at the end
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || !is_token(text.substr(0, equals))) return {};
    std::string key = to_lower(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = take_value(text);
    if (!value || !out.parameters.emplace(std::move(key), *std::move(value)).second) return {};
    text = trim(text);
  }
  return out;
}

}  // namespace weir
