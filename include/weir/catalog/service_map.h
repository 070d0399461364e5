#pragma once
// The services of a snapshot by name, with the face of a std::map. Copies share what is equal: see shared_list.h.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "weir/base/shared_list.h"

namespace weir::catalog {

struct Service;
std::string_view key_of(const Service& service);
const std::string& name_of(const Service& service);

/// Name -> service, sorted. A value; a change costs what it touches and n/1024 pointers. A service's own name is its
/// key: whoever puts it under another one breaks the map.
class ServiceMap {
 public:
  using Pointer = std::shared_ptr<const Service>;

  struct Entry {
    const std::string& first;
    const Pointer& second;
  };
  class Iterator {
   public:
    explicit Iterator(SharedList<Service>::Iterator at) : at_(at) {}
    Entry operator*() const { return {name_of(**at_), *at_}; }
    struct Arrow {
      Entry entry;
      const Entry* operator->() const { return &entry; }
    };
    Arrow operator->() const { return {**this}; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    SharedList<Service>::Iterator at_;
  };

  [[nodiscard]] size_t size() const { return list_.size(); }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] Iterator begin() const { return Iterator(list_.begin()); }
  [[nodiscard]] Iterator end() const { return Iterator(list_.end()); }
  [[nodiscard]] Iterator find(std::string_view name) const {
    return list_.find(name) != nullptr ? Iterator(list_.lower_bound(name)) : end();
  }
  [[nodiscard]] bool contains(std::string_view name) const { return list_.find(name) != nullptr; }
  /// It must be there.
  [[nodiscard]] const Pointer& at(std::string_view name) const { return *list_.find(name); }
  [[nodiscard]] const SharedList<Service>& list() const { return list_; }
  /// Of all services together.
  [[nodiscard]] size_t live_instances() const { return live_instances_; }

  void put(Pointer service);
  void erase(std::string_view name);

  /// The same objects, not only equal ones.
  bool operator==(const ServiceMap& other) const { return list_ == other.list_; }

 private:
  SharedList<Service> list_;
  size_t live_instances_ = 0;
};

}  // namespace weir::catalog
