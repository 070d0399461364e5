#pragma once
// Time. Deadlines use the monotonic clock, what people read uses the wall clock. Tests use FakeClock.

#include <cstdint>
#include <string>

namespace weir {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds that never go back; the zero is arbitrary.
  [[nodiscard]] virtual uint64_t monotonic_ms() const = 0;
  /// Nanoseconds since 1970, UTC; may jump.
  [[nodiscard]] virtual int64_t wall_ns() const = 0;
};

/// The machine's clocks. Stateless; any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ms() const override;
  [[nodiscard]] int64_t wall_ns() const override;
};

/// Microseconds of SystemClock's monotonic clock: for how long something took, never for what is to come.
[[nodiscard]] uint64_t steady_us();

/// Stands still until told. For tests.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ms() const override { return now_ms_; }
  [[nodiscard]] int64_t wall_ns() const override { return epoch_ns_ + static_cast<int64_t>(now_ms_) * 1'000'000; }
  void advance_ms(uint64_t ms) { now_ms_ += ms; }

 private:
  uint64_t now_ms_ = 1'000;
  int64_t epoch_ns_ = 1'700'000'000'000'000'000;
};

/// 2026-11-21T10:00:00.123456789Z, Go's RFC3339Nano in UTC (trailing zeros of the fraction dropped).
std::string format_rfc3339(int64_t wall_ns);

}  // namespace weir
