#include "scheduler/agent/alloc_folder.h"

#include <filesystem>

#include "weir/base/file.h"

namespace weir::scheduler {

Status AllocFolder::create(const std::vector<std::string>& tasks) const {
  for (const char* part : {"/logs", "/data", "/tmp"}) {
    if (Status made = make_directories(shared() + part); !made) return made;
  }
  for (const std::string& name : tasks) {
    for (const std::string& folder : {task_local(name), task(name) + "/tmp"}) {
      if (Status made = make_directories(folder); !made) return made;
    }
    if (Status made = make_directories(task_secrets(name), 0700); !made) return made;
  }
  return {};
}

Status AllocFolder::remove() const {
  std::error_code error;
  std::filesystem::remove_all(root_, error);
  if (error) return fail(system_error("remove " + root_, error.value()));
  return {};
}

}  // namespace weir::scheduler
