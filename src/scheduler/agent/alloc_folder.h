#pragma once
// Where an allocation's files are: Nomad's layout.

#include <string>
#include <vector>

#include "weir/base/result.h"

namespace weir::scheduler {

/// <root>/alloc/{logs,data,tmp} for all tasks, <root>/<task>/{local,secrets,tmp} for each.
class AllocFolder {
 public:
  explicit AllocFolder(std::string root) : root_(std::move(root)) {}

  Status create(const std::vector<std::string>& tasks) const;
  /// With everything in it.
  Status remove() const;

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string shared() const { return root_ + "/alloc"; }
  [[nodiscard]] std::string logs() const { return root_ + "/alloc/logs"; }
  [[nodiscard]] std::string task(const std::string& name) const { return root_ + "/" + name; }
  [[nodiscard]] std::string task_local(const std::string& name) const { return root_ + "/" + name + "/local"; }
  [[nodiscard]] std::string task_secrets(const std::string& name) const { return root_ + "/" + name + "/secrets"; }

 private:
  std::string root_;
};

}  // namespace weir::scheduler
