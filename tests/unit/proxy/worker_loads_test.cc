#include "proxy/worker_loads.h"

#include <thread>
#include <vector>

#include "catch.h"

using namespace weir::proxy;

TEST_CASE("worker loads: handed over above 1.25 times the mean, and only where that evens out") {
  CHECK_FALSE(WorkerLoads::carries_too_much(1, 0, 1, 2));  // the other would then have the one too many
  CHECK(WorkerLoads::carries_too_much(2, 0, 2, 2));
  CHECK_FALSE(WorkerLoads::carries_too_much(125, 75, 200, 2));  // exactly 1.25
  CHECK(WorkerLoads::carries_too_much(126, 74, 200, 2));
  CHECK_FALSE(WorkerLoads::carries_too_much(7, 7, 7, 1));
}

TEST_CASE("worker loads: whoever accepts all keeps its share only") {
  for (size_t workers : {1, 2, 3, 8}) {
    WorkerLoads loads(workers);
    for (int i = 0; i < 1000; ++i) static_cast<void>(loads.take_seat(0));
    uint32_t sum = 0;
    for (size_t i = 0; i < workers; ++i) {
      sum += loads.seats(i);
      CHECK(loads.seats(i) * workers * 4 <= 1000 * 5 + workers * 4);
    }
    CHECK(sum == 1000);
  }
}

TEST_CASE("worker loads: a worker that drains is given nothing, and one that lost its connections is given again") {
  WorkerLoads loads(2);
  loads.close(1);
  for (int i = 0; i < 10; ++i) CHECK(loads.take_seat(0) == 0);
  WorkerLoads open(2);
  for (int i = 0; i < 4; ++i) CHECK(open.take_seat(1) == (i % 2 == 0 ? 1 : 0));
  open.leave_seat(0);
  open.leave_seat(0);
  CHECK(open.take_seat(1) == 0);
}

TEST_CASE("worker loads: threads that come and go at once leave no seat taken") {
  WorkerLoads loads(4);
  std::vector<std::thread> threads;
  for (size_t own = 0; own < 4; ++own) {
    threads.emplace_back([&loads, own] {
      for (int i = 0; i < 5000; ++i) {
        size_t first = loads.take_seat(own);
        size_t second = loads.take_seat(own);
        loads.leave_seat(first);
        loads.leave_seat(second);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < 4; ++i) CHECK(loads.seats(i) == 0);
}
