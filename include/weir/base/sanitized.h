#pragma once
// Whether AddressSanitizer watches this build: memory of our own gives way to malloc's there.

namespace weir {

#if defined(__SANITIZE_ADDRESS__)  // gcc's way of saying so
inline constexpr bool kAddressSanitized = true;
#elif defined(__has_feature)  // clang's
inline constexpr bool kAddressSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kAddressSanitized = false;
#endif

}  // namespace weir
