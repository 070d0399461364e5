#pragma once
// A fuzz target: one function that takes any bytes and aborts where something that must hold does not.

#include <cstddef>
#include <string_view>

namespace weir::fuzz {

/// `input` ends where its memory ends, so a read beyond it is found.
void run(std::string_view input);

}  // namespace weir::fuzz
