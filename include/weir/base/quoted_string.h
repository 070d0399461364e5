#pragma once
// Quoted strings of header fields (RFC 9110 section 5.6.4).

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// What the quoted string says that `text` begins with; `text` is what follows it then. Nothing, and `text` as it was,
/// where none begins there or it does not end.
[[nodiscard]] std::optional<std::string> take_quoted_string(std::string_view& text);

}  // namespace weir
