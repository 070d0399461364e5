#pragma once
// What the agent keeps on its disk, so that it finds itself and its allocations again while the server is away.

#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// Files under <data>/state, each written atomically. Owned by the agent; blocking; loop's thread.
///   node               id and secret          tasks/<alloc>.<task>.*  the driver's, by task
///   allocs/<id>.json   the allocation as last known, our own states in it
class AgentStore {
 public:
  struct Identity {
    std::string node_id;
    std::string secret_id;
  };

  /// Creates the folders. A conflict when another agent has the data folder.
  static Result<AgentStore> open(const std::string& data_dir);

  /// The same for ever, made at the first call.
  Result<Identity> identity();
  Status save(const Allocation& alloc);
  void remove(const std::string& alloc_id);
  /// A file that cannot be read is put aside (.bad) and reported in the log: the others still count.
  std::vector<Allocation> load();

  [[nodiscard]] std::string tasks_folder() const { return state_ + "/tasks"; }
  [[nodiscard]] std::string alloc_folder(const std::string& alloc_id) const { return data_ + "/alloc/" + alloc_id; }

 private:
  /// Held as long as it lives; the kernel lets go of it when the process dies.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();

   private:
    int fd_;
  };

  explicit AgentStore(std::string data_dir) : data_(std::move(data_dir)), state_(data_ + "/state") {}
  [[nodiscard]] std::string alloc_path(const std::string& id) const { return state_ + "/allocs/" + id + ".json"; }

  std::string data_;
  std::string state_;
  std::unique_ptr<Lock> lock_;
};

}  // namespace weir::scheduler
