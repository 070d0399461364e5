#include "weir/http/h2_budget.h"

#include <algorithm>

namespace weir::http {
namespace {
// Clients give a window back at the latest when half of 64 KiB is used, for the stream and for the connection.
constexpr size_t kBytesPerWindowUpdate = 1024;
}  // namespace

H2Budget::Rate H2Budget::rate(Cost cost) {
  // In the order of the enum. Bursts are what a page that is left, a gRPC client that measures its bandwidth by pings,
  // or a browser that arranges its streams was seen to need, several times over.
  static constexpr Rate kRates[kCosts] = {
      {400, 100}, {100, 10}, {500, 100}, {50, 5}, {1000, 200}, {2000, 500}, {200, 20}, {200, 20},
  };
  return kRates[static_cast<size_t>(cost)];
}

bool H2Budget::spend(Cost cost, uint64_t now_ms) {
  if (refilled_ms_ == 0) {
    for (size_t i = 0; i < kCosts; ++i) left_[i] = rate(static_cast<Cost>(i)).burst;
    refilled_ms_ = now_ms;
  }
  if (uint64_t seconds = (now_ms - refilled_ms_) / 1000; seconds > 0) {
    refilled_ms_ += seconds * 1000;
    for (size_t i = 0; i < kCosts; ++i) {
      Rate its = rate(static_cast<Cost>(i));
      left_[i] = static_cast<uint32_t>(std::min<uint64_t>(its.burst, left_[i] + seconds * its.a_second));
    }
  }
  uint32_t& left = left_[static_cast<size_t>(cost)];
  if (left == 0) return false;
  --left;
  return true;
}

void H2Budget::earn(Cost cost, size_t count) {
  uint32_t& left = left_[static_cast<size_t>(cost)];
  left = static_cast<uint32_t>(std::min<size_t>(rate(cost).burst, left + count));
}

void H2Budget::earn_by_body(size_t bytes, bool whole) {
  bytes_sent_ += bytes;
  size_t earned = bytes_sent_ / kBytesPerWindowUpdate + (whole ? 1 : 0);
  bytes_sent_ %= kBytesPerWindowUpdate;
  if (earned == 0) return;
  earn(Cost::ping, earned);
  earn(Cost::window_update, 2 * earned);  // the stream's and the connection's
}

}  // namespace weir::http
