#include "weir/base/thread_priority.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "catch.h"

TEST_CASE("thread priority: a thread that gives way does so alone") {
  constexpr int kLeast = 19;
  const int before = ::getpriority(PRIO_PROCESS, 0);
  int within = before;
  std::thread([&] {
    weir::give_way();
    within = ::getpriority(PRIO_PROCESS, 0);
  }).join();
  CHECK(within == std::min(before + 10, kLeast));
  CHECK(::getpriority(PRIO_PROCESS, 0) == before);
}
