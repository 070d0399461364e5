#include "scheduler/agent/alloc_services.h"

#include <algorithm>

namespace weir::scheduler {
namespace {

bool good(const CheckRegistration& check, const CheckStatuses& statuses) {
  auto at = statuses.find(check.id);
  if (at == statuses.end()) return false;
  if (check.on_update == "ignore") return true;
  const std::string& status = at->second.status;
  return status == "passing" || (status == "warning" && check.on_update == "ignore_warnings");
}

}  // namespace

void AllocServices::define(ByOwner services) {
  std::set<std::string> kept;
  for (const auto& [owner, list] : services) {
    for (const ServiceRegistration& service : list) kept.insert(service.id);
  }
  for (const auto& [owner, list] : services_) {
    for (const ServiceRegistration& service : list) {
      if (!kept.contains(service.id) && maybe_there_.erase(service.id) > 0) registry_.remove(service.id);
    }
  }
  bool first = services_.empty();
  services_ = std::move(services);
  if (first && known_before_) maybe_there_ = std::move(kept);
  for (const std::string& owner : std::set<std::string>(up_)) up(owner);
}

void AllocServices::up(const std::string& owner) {
  if (stopping_) return;
  up_.insert(owner);
  for (const ServiceRegistration& service : services_[owner]) {
    maybe_there_.insert(service.id);
    registry_.put(service);
  }
}

void AllocServices::down(const std::string& owner) {
  if (up_.erase(owner) == 0) return;
  for (const ServiceRegistration& service : services_[owner]) registry_.remove(service.id);
}

void AllocServices::stop() { stopping_ = true; }

std::unique_ptr<RegistrySync::Withdrawal> AllocServices::withdraw(const std::vector<std::string>& owners,
                                                                  RegistrySync::OnWithdrawn on_withdrawn) {
  std::vector<std::string> ids;
  for (const std::string& owner : owners) {
    up_.erase(owner);
    for (const ServiceRegistration& service : services_[owner]) {
      if (maybe_there_.erase(service.id) > 0) ids.push_back(service.id);
    }
  }
  return registry_.withdraw(ids, std::move(on_withdrawn));
}

bool AllocServices::passing(const CheckStatuses* statuses) const {
  for (const auto& [owner, list] : services_) {
    for (const ServiceRegistration& service : list) {
      if (!up_.contains(owner) || !registry_.confirmed(service.id)) return false;
      if (service.checks.empty()) continue;
      if (statuses == nullptr) return false;
      bool all_good = std::all_of(service.checks.begin(), service.checks.end(),
                                  [&](const CheckRegistration& check) { return good(check, *statuses); });
      if (!all_good) return false;
    }
  }
  return true;
}

}  // namespace weir::scheduler
