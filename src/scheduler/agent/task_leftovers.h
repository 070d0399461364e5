#pragma once
// What a task leaves behind when its supervisor is killed.

#include <string>
#include <vector>

#include "scheduler/agent/process_identity.h"

namespace weir::scheduler {

/// SIGKILL to every process of the task: those in the session of its dead supervisor, and those that have all of
/// `marks` ("NAME=value") in their environment, wherever they went. Nobody else would end them, and they may hold the
/// task's ports.
void kill_leftovers(const ProcessIdentity& supervisor, const std::vector<std::string>& marks);

}  // namespace weir::scheduler
