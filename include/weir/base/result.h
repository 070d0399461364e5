#pragma once
// Result<T>: a value or an Error. No exceptions cross a function boundary in this code base.

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace weir {

/// What kind of failure it was: for the caller to decide on, not for people to read.
enum class ErrorCode : uint8_t {
  invalid,      // the input is wrong; trying again cannot help
  not_found,    // the thing does not exist
  conflict,     // it exists already, or has changed meanwhile
  too_large,    // a limit was reached
  io,           // a file or socket failed
  refused,      // nobody listens, or we are not let in
  timeout,      // a deadline passed
  closed,       // the other side went away
  unavailable,  // not now: loading, draining, no leader
  cancelled,    // our own side gave up
};

/// One failure. `message` is for a person. `file`, `line` and `column` (both from 1; 0 = unknown) name the place
/// in the input it speaks of.
struct Error {
  ErrorCode code = ErrorCode::invalid;
  std::string message;
  std::string file = {};
  uint32_t line = 0;
  uint32_t column = 0;

  /// "routes.toml:3:7: message", with as much of the place as is known.
  [[nodiscard]] std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// Success without a value is `{}`.
using Status = tl::expected<void, Error>;

/// `return fail(ErrorCode::invalid, "...")` from any function that returns a Result.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// An io Error from an errno or libuv code (both negative and positive numbers are understood), with what was tried.
[[nodiscard]] Error system_error(std::string_view what, int errno_or_uv);

}  // namespace weir
