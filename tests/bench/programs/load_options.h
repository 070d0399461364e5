#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace weir::bench {

/// What bench-load is asked to do; load_options.cc says what each flag means.
struct LoadOptions {
  enum class Traffic { get, upload, websocket, idle };

  uint16_t port = 0;
  Traffic traffic = Traffic::get;
  uint64_t connections = 64;
  double warm_s = 1;
  double slice_s = 5;
  uint64_t slices = 1;
  uint64_t requests_max = 0;  // 0: until the slices are over
  double rate_per_s = 0;      // 0: closed loop
  bool poisson = false;
  uint64_t hosts = 1;
  uint64_t body_bytes = 100;
  uint64_t upload_bytes = 0;
  bool connection_per_request = false;
  bool tolerate_errors = false;
  std::vector<pid_t> cpu_of;
};

LoadOptions read_load_options(int argc, char** argv);

}  // namespace weir::bench
