#pragma once
// Signals and file changes as loop callbacks.

#include <functional>
#include <string>

#include "weir/base/result.h"

namespace weir::event {

class Loop;

/// Calls back when the process gets `number`. Owned by value; does not keep run() from returning.
class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> on_signal);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

 private:
  struct Cell;
  Cell* cell_;
};

/// Calls back when something in a folder is created, changed, renamed or removed. May call more often than that; the
/// receiver compares. Does not keep run() from returning.
class FolderWatch {
 public:
  static Result<FolderWatch> watch(Loop& loop, const std::string& folder, std::function<void()> on_change);
  FolderWatch(FolderWatch&& other) noexcept;
  FolderWatch& operator=(FolderWatch&& other) noexcept;
  ~FolderWatch();

 private:
  struct Cell;
  explicit FolderWatch(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

}  // namespace weir::event
