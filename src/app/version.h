#pragma once
// Which Weir this is.

namespace weir::app {
inline constexpr const char* kVersion = WEIR_VERSION;  // meson.build's project version
}
