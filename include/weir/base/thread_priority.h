#pragma once
// Which threads of the process go first.

namespace weir {

/// Lowers the calling thread's own priority by 10 of nice(1): where it shares a core with a worker, a request does not
/// wait for it. Call once a thread. Always allowed.
void give_way();

}  // namespace weir
