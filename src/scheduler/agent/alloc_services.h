#pragma once
// The registrations of one allocation: which of them are wanted now, and taking them out before anything is stopped.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scheduler/agent/check_poll.h"
#include "scheduler/agent/registry_sync.h"

namespace weir::scheduler {

/// An owner is a task's name, or kGroup. Its services are registered while it is up. Owned by an AllocRunner.
class AllocServices {
 public:
  static constexpr const char* kGroup = "";
  using ByOwner = std::map<std::string, std::vector<ServiceRegistration>>;

  explicit AllocServices(RegistrySync& registry) : registry_(registry) {}

  /// An earlier agent may have registered what define() will name first.
  void assume_known() { known_before_ = true; }
  /// What each owner has; changes of owners that are up are registered at once (in place).
  void define(ByOwner services);
  void up(const std::string& owner);
  void down(const std::string& owner);
  /// From now on nothing is registered any more, whatever happens.
  void stop();
  /// down() for all owners; the callback comes when the registry has confirmed it, or after its limit. What was
  /// withdrawn before is not waited for again.
  [[nodiscard]] std::unique_ptr<RegistrySync::Withdrawal> withdraw(const std::vector<std::string>& owners,
                                                                   RegistrySync::OnWithdrawn on_withdrawn);
  /// Every service of every owner is up, confirmed, and all its checks are good by their on_update rule.
  [[nodiscard]] bool passing(const CheckStatuses* statuses) const;
  [[nodiscard]] const ByOwner& services() const { return services_; }

 private:
  RegistrySync& registry_;
  bool known_before_ = false;
  bool stopping_ = false;
  ByOwner services_;
  std::set<std::string> up_;
  std::set<std::string> maybe_there_;  // ids of services that may be in the registry, if nobody has withdrawn them
};

}  // namespace weir::scheduler
