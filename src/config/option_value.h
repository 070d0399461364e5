#pragma once
// One value into its place: types, limits and shapes, with an error for each that does not fit.

#include <string>
#include <string_view>
#include <vector>

#include "config/option_table.h"
#include "weir/config/document.h"

namespace weir::config {

/// Checks `value` against the row and stores it in `slot`. What does not fit is added to `errors` with its place and
/// `key`, and the slot keeps what it had. `folder` goes before relative paths; "" leaves them.
void set_option(const Option& option, std::string_view key, const Node& value, std::string_view folder,
                const Slot& slot, std::vector<Error>& errors);

/// A flag's text as the value its option takes: lists are split at commas. `flag` becomes the place of errors.
Node value_from_text(const Slot& slot, std::string_view text, const std::string& flag);

}  // namespace weir::config
