#include "weir/event/signal.h"

#include <uv.h>

#include <utility>

#include "weir/event/loop.h"

namespace weir::event {

/// Owns itself; freed in the close callback.
struct Signal::Cell {
  uv_signal_t signal{};
  Loop& loop;
  std::function<void()> on_signal;
};

Signal::Signal(Loop& loop, int number, std::function<void()> on_signal)
    : cell_(new Cell{{}, loop, std::move(on_signal)}) {
  uv_signal_init(loop.raw(), &cell_->signal);
  cell_->signal.data = cell_;
  uv_signal_start(
      &cell_->signal, [](uv_signal_t* handle, int) { static_cast<Cell*>(handle->data)->on_signal(); }, number);
  uv_unref(reinterpret_cast<uv_handle_t*>(&cell_->signal));
}

Signal::~Signal() {
  uv_close(reinterpret_cast<uv_handle_t*>(&cell_->signal),
           [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
}

/// Owns itself; freed in the close callback.
struct FolderWatch::Cell {
  uv_fs_event_t event{};
  Loop& loop;
  std::function<void()> on_change;
};

Result<FolderWatch> FolderWatch::watch(Loop& loop, const std::string& folder, std::function<void()> on_change) {
  auto* cell = new Cell{{}, loop, std::move(on_change)};
  uv_fs_event_init(loop.raw(), &cell->event);
  cell->event.data = cell;
  FolderWatch made(cell);
  int status = uv_fs_event_start(
      &cell->event, [](uv_fs_event_t* handle, const char*, int, int) { static_cast<Cell*>(handle->data)->on_change(); },
      folder.c_str(), 0);
  if (status < 0) return fail(system_error("watch " + folder, status));
  uv_unref(reinterpret_cast<uv_handle_t*>(&cell->event));
  return made;
}

FolderWatch::FolderWatch(FolderWatch&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}

FolderWatch& FolderWatch::operator=(FolderWatch&& other) noexcept {
  std::swap(cell_, other.cell_);
  return *this;
}

FolderWatch::~FolderWatch() {
  if (cell_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&cell_->event),
           [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
}

}  // namespace weir::event
