#pragma once
// How the kernel shares a core between a worker and whoever else wants it.

namespace weir::proxy {

/// Asks for slices of 0.1 ms instead of some 3 for the calling thread. Who asks for short ones has no larger share of
/// the core, but is let in at once when it wakes: a request does not wait until a thread that computes has had its
/// slice. Linux 6.12 and later; others refuse or ignore it, and nothing is lost.
void ask_for_short_slices();

}  // namespace weir::proxy
