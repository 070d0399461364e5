#pragma once
// How many connections each worker carries, so that new ones go where there are fewer.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::proxy {

/// The kernel spreads connections over the workers' sockets by a hash of their addresses: by chance, not by load.
/// Shared by the workers, touched when a connection comes and goes, never by a request. Any thread; nothing waits.
class WorkerLoads {
 public:
  explicit WorkerLoads(size_t workers) : seats_(workers) {}

  /// A seat for a connection that `own` has accepted: there, or, where that one carries too much, at the least loaded.
  /// Returns whose seat it is.
  [[nodiscard]] size_t take_seat(size_t own);
  void leave_seat(size_t worker);
  /// Connections of that worker, with those that are on their way to it.
  [[nodiscard]] uint32_t seats(size_t worker) const { return seats_[worker].taken.load(std::memory_order_acquire); }
  /// It drains: no other worker hands anything over to it from here on.
  void close(size_t worker) { seats_[worker].closed.store(true, std::memory_order_release); }

  /// More than 1.25 times the mean, and two more than the least, so that handing over evens out.
  static bool carries_too_much(uint64_t own, uint64_t least, uint64_t sum, uint64_t workers) {
    return own * workers * 4 > sum * 5 && own >= least + 2;
  }

 private:
  struct alignas(64) Seats {
    std::atomic<uint32_t> taken{0};
    std::atomic<bool> closed{false};
  };
  std::vector<Seats> seats_;
};

}  // namespace weir::proxy
