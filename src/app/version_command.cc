#include <cstdio>

#include "app/commands.h"
#include "app/version.h"

namespace weir::app {

int print_version() {
  std::printf("weir %s\n", kVersion);
  return 0;
}

}  // namespace weir::app
