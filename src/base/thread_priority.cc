#include "weir/base/thread_priority.h"

#include <sys/resource.h>

namespace weir {

void give_way() {
  constexpr int kNicer = 10;
  // 0 is the calling thread on Linux.
  const int now = ::getpriority(PRIO_PROCESS, 0);
  ::setpriority(PRIO_PROCESS, 0, now + kNicer);
}

}  // namespace weir
