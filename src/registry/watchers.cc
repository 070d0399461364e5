#include "registry/watchers.h"

namespace weir::registry {

void Waiter::stop_waiting() {
  if (watchers_ != nullptr) watchers_->unlink(*this);
}

void Watchers::wait(Waiter& waiter, std::vector<Resource> resources) {
  waiter.stop_waiting();
  waiter.watchers_ = this;
  for (Resource& resource : resources) {
    auto [at, added] = lists_.try_emplace(resource);
    if (added && resource.kind == Resource::Kind::kv_prefix) ++prefix_lengths_[resource.name.size()];
    at->second.push_back(&waiter);
    waiter.links_.push_back({std::move(resource), &at->second, std::prev(at->second.end())});
  }
  if (!waiter.links_.empty()) ++waiter_count_;
}

void Watchers::unlink(Waiter& waiter) {
  if (waiter.links_.empty()) return;
  for (Waiter::Link& link : waiter.links_) {
    link.list->erase(link.at);
    if (link.list == &woken_ || !link.list->empty()) continue;
    if (link.resource.kind == Resource::Kind::kv_prefix) forget_prefix(link.resource.name.size());
    lists_.erase(link.resource);
  }
  waiter.links_.clear();
  --waiter_count_;
}

void Watchers::notify(const std::vector<Resource>& changed) {
  for (const Resource& resource : changed) {
    gather(resource);
    if (resource.kind == Resource::Kind::kv_key) gather_prefixes_of(resource.name);
  }
  call_woken();
}

// Moves the waiters of a list to woken_, so that a call to one of them may destroy any other.
void Watchers::gather(const Resource& resource) {
  auto at = lists_.find(resource);
  if (at == lists_.end()) return;
  size_t count = at->second.size();  // the list dies with its last waiter
  for (; count > 0; --count) {
    Waiter* waiter = at->second.front();
    unlink(*waiter);
    woken_.push_back(waiter);
    waiter->links_.push_back({{}, &woken_, std::prev(woken_.end())});
    ++waiter_count_;
  }
}

// By the lengths that are watched, which are few, not by the key's, which a client chooses.
void Watchers::gather_prefixes_of(const std::string& key) {
  auto at = prefix_lengths_.begin();
  while (at != prefix_lengths_.end() && at->first <= key.size()) {
    size_t length = at->first;
    gather({Resource::Kind::kv_prefix, key.substr(0, length)});
    at = prefix_lengths_.upper_bound(length);  // the entry goes with its last waiter
  }
}

void Watchers::forget_prefix(size_t length) {
  auto at = prefix_lengths_.find(length);
  if (--at->second == 0) prefix_lengths_.erase(at);
}

void Watchers::call_woken() {
  while (!woken_.empty()) {
    Waiter* waiter = woken_.front();
    unlink(*waiter);
    waiter->on_changed();
  }
}

}  // namespace weir::registry
