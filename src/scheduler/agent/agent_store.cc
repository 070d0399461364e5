#include "scheduler/agent/agent_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {
namespace {

constexpr std::string_view kAllocEnding = ".json";

}  // namespace

AgentStore::Lock::~Lock() { ::close(fd_); }

Result<AgentStore> AgentStore::open(const std::string& data_dir) {
  AgentStore store(data_dir);
  // State holds environments with secrets; the allocations' folders are for the tasks.
  for (const std::string& folder : {store.state_, store.state_ + "/allocs", store.tasks_folder()}) {
    if (Status made = make_directories(folder, 0700); !made) return fail(made.error());
  }
  if (Status made = make_directories(data_dir + "/alloc"); !made) return fail(made.error());
  std::string path = store.state_ + "/lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(system_error("open " + path, errno));
  store.lock_ = std::make_unique<Lock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return fail(ErrorCode::conflict, data_dir + " belongs to a running agent");
  return store;
}

Result<AgentStore::Identity> AgentStore::identity() {
  std::string path = state_ + "/node";
  auto text = read_file(path, 4096);
  if (text) {
    auto lines = split(*text, '\n');
    if (lines.size() >= 2 && is_uuid(lines[0]) && is_uuid(lines[1])) {
      return Identity{.node_id = std::string(lines[0]), .secret_id = std::string(lines[1])};
    }
    // A new id would leave the old node's allocations without an owner: people decide.
    return fail(ErrorCode::invalid, path + " does not hold a node id and a secret; remove it to become a new node");
  }
  if (text.error().code != ErrorCode::not_found) return fail(text.error());
  Identity made{.node_id = make_uuid(), .secret_id = make_uuid()};
  if (Status saved = write_file_atomic(path, made.node_id + "\n" + made.secret_id + "\n", 0600); !saved) {
    return fail(saved.error());
  }
  return made;
}

Status AgentStore::save(const Allocation& alloc) {
  return write_file_atomic(alloc_path(alloc.id), encode_alloc_pull({.allocs = {alloc}}), 0600);
}

void AgentStore::remove(const std::string& alloc_id) { ::unlink(alloc_path(alloc_id).c_str()); }

std::vector<Allocation> AgentStore::load() {
  std::vector<Allocation> out;
  auto names = list_files(state_ + "/allocs", kAllocEnding);
  if (!names) {
    log::error("allocations cannot be restored", {{"error", names.error()}});
    return out;
  }
  for (const std::string& name : *names) {
    std::string path = state_ + "/allocs/" + name;
    auto text = read_file(path);
    auto pull = text ? decode_alloc_pull(*text) : Result<AllocPull>(fail(text.error()));
    if (pull && pull->allocs.size() == 1 && pull->allocs[0].job != nullptr) {
      out.push_back(std::move(pull->allocs[0]));
      continue;
    }
    log::error("allocation cannot be restored",
               {{"file", path}, {"error", pull ? "no allocation in it" : pull.error().text()}});
    std::rename(path.c_str(), (path + ".bad").c_str());
  }
  return out;
}

}  // namespace weir::scheduler
