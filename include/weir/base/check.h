#pragma once
// CHECK: an invariant of ours that must hold in every build. ASSERT: the same for hot paths; absent in release builds.
// Never used on input from outside: that is a Result.

namespace weir {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) ((condition) ? static_cast<void>(0) : ::weir::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define ASSERT(condition) static_cast<void>(0)
#else
#define ASSERT(condition) CHECK(condition)
#endif
