#pragma once

#include <sys/resource.h>

#include <csignal>

#include "catch.h"

namespace weir {

/// While it lives no file grows beyond so many bytes: writing more fails, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t file_bytes_max = 1'000) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual_) == 0);
    const rlimit small{.rlim_cur = file_bytes_max, .rlim_max = usual_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  ~FullDisk() {
    CHECK(::setrlimit(RLIMIT_FSIZE, &usual_) == 0);
    std::signal(SIGXFSZ, usual_action_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit usual_{};
  void (*usual_action_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

}  // namespace weir
