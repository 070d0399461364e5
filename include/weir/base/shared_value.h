#pragma once
// A value that may be missing and that many refer to.

#include <memory>
#include <utility>

namespace weir {

/// A T or none, const and shared. Equal where the values are equal, not only where they are one object.
template <typename T>
class SharedValue {
 public:
  SharedValue() = default;
  explicit SharedValue(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  explicit operator bool() const { return value_ != nullptr; }
  const T* operator->() const { return value_.get(); }
  const T& operator*() const { return *value_; }
  bool operator==(const SharedValue& other) const {
    return value_ == other.value_ || (value_ != nullptr && other.value_ != nullptr && *value_ == *other.value_);
  }

 private:
  std::shared_ptr<const T> value_;
};

}  // namespace weir
