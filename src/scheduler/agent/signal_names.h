#pragma once
// Signals by the names that job files use.

#include <optional>
#include <string_view>

namespace weir::scheduler {

/// "SIGTERM" or "TERM", in any case.
std::optional<int> parse_signal(std::string_view name);
/// All names, comma-separated: the attribute os.signals.
std::string_view signal_names();

}  // namespace weir::scheduler
