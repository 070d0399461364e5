#include "proxy/worker_loads.h"

namespace weir::proxy {

size_t WorkerLoads::take_seat(size_t own) {
  uint32_t own_seats = seats_[own].taken.fetch_add(1, std::memory_order_acq_rel) + 1;
  uint64_t sum = 0;
  size_t least = own;
  uint32_t least_seats = own_seats;
  for (size_t i = 0; i < seats_.size(); ++i) {
    uint32_t taken = seats_[i].taken.load(std::memory_order_acquire);
    sum += taken;
    if (taken >= least_seats || seats_[i].closed.load(std::memory_order_acquire)) continue;
    least = i;
    least_seats = taken;
  }
  if (!carries_too_much(own_seats, least_seats, sum, seats_.size())) return own;
  // First there, then not here any more: at no time is the connection nobody's.
  seats_[least].taken.fetch_add(1, std::memory_order_acq_rel);
  leave_seat(own);
  return least;
}

void WorkerLoads::leave_seat(size_t worker) { seats_[worker].taken.fetch_sub(1, std::memory_order_acq_rel); }

}  // namespace weir::proxy
