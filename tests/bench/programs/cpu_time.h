#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace weir::bench {

/// Nanoseconds on a CPU of the processes `roots` and all below them, every thread (field 1 of schedstat: exact, where
/// utime and stime are sampled). What ended in between is not counted, so it is for servers whose threads stay.
uint64_t cpu_ns_of_trees(const std::vector<pid_t>& roots);

/// Nanoseconds on a CPU of this process.
uint64_t own_cpu_ns();

}  // namespace weir::bench
