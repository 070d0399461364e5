#include "weir/event/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "weir/event/loop.h"

namespace weir::event {
namespace {

// glibc 2.36 declares these only in headers that not every supported system has.
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(const ChildOptions& options) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_RDWR, 0);
  }
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);  // an ignored SIGPIPE would be inherited
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  int error = ::posix_spawn(&pid, options.argv[0].c_str(), &files, &attributes, pointers(options.argv).data(),
                            pointers(options.env).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail(system_error("start " + options.argv[0], error));
  return pid;
}

ExitStatus reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return {.code = -1};
  }
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status)};
}

}  // namespace

/// Owns itself; freed in the close callback.
struct ProcessWatch::Cell {
  uv_poll_t poll{};
  Loop& loop;
  int pidfd;
  OnEnd on_end;
};

Result<ProcessWatch> ProcessWatch::watch(Loop& loop, pid_t pid, OnEnd on_end) {
  int pidfd = open_pidfd(pid);
  if (pidfd < 0 && errno == ESRCH) return fail(ErrorCode::not_found, "process " + std::to_string(pid) + " has ended");
  if (pidfd < 0) return fail(system_error("watch process " + std::to_string(pid), errno));
  auto* cell = new Cell{{}, loop, pidfd, std::move(on_end)};
  int status = uv_poll_init(loop.raw(), &cell->poll, pidfd);
  if (status < 0) {
    ::close(pidfd);
    delete cell;
    return fail(system_error("watch process " + std::to_string(pid), status));
  }
  cell->poll.data = cell;
  uv_poll_start(&cell->poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* ended = static_cast<Cell*>(handle->data);
    uv_poll_stop(handle);
    ended->on_end();  // may destroy the ProcessWatch; the cell stays until its close callback
  });
  return ProcessWatch(cell);
}

ProcessWatch::~ProcessWatch() {
  if (cell_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&cell_->poll), [](uv_handle_t* handle) {
    auto* cell = static_cast<Cell*>(handle->data);
    ::close(cell->pidfd);
    delete cell;
  });
}

Status ProcessWatch::send(int signal, int value) const {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  if (::syscall(SYS_pidfd_send_signal, cell_->pidfd, signal, &info, 0) == 0) return {};
  if (errno == ESRCH) return fail(ErrorCode::not_found, "the process has ended");
  return fail(system_error("signal a process", errno));
}

Result<Child> Child::start(Loop& loop, const ChildOptions& options, OnExit on_exit) {
  auto pid = spawn(options);
  if (!pid) return fail(pid.error());
  auto watch = ProcessWatch::watch(loop, *pid, [pid = *pid, on_exit = std::move(on_exit)] { on_exit(reap(pid)); });
  if (!watch) return fail(watch.error());
  return Child(*pid, std::move(*watch));
}

}  // namespace weir::event
