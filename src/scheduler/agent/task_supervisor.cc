// Plain POSIX and poll(): it runs once per task, so it must be small.

#include "weir/scheduler/task_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/agent/process_identity.h"
#include "scheduler/agent/rotating_log.h"
#include "scheduler/agent/task_files.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"

namespace weir::scheduler {
namespace {

constexpr size_t kReadBytes = 64 * 1024;       // what a pipe holds by default
constexpr uint64_t kReapMaxMs = 10'000;        // SIGKILLed processes that hang in the kernel are given up then
constexpr uint64_t kSweepMs = 50;              // how often the descendants are killed again until none is left
constexpr int kRecordAttemptsMax = 60;         // one a second: the disk may be full for a while
constexpr uint32_t kTerminateGraceMs = 5'000;  // when the supervisor itself gets SIGTERM

void close_files_from(unsigned first) { ::syscall(SYS_close_range, first, ~0U, 0); }

/// One of the task's two streams: the pipe's read end and where its bytes go.
struct OutputStream {
  int read_fd = -1;
  int write_fd = -1;
  std::optional<RotatingLog> log;
};

class Supervisor {
 public:
  Supervisor(TaskSpec spec, int ready_fd) : spec_(std::move(spec)), ready_fd_(ready_fd) {}
  int run();

 private:
  enum class Ended : uint8_t { no, yes };

  Status prepare();
  Status open_streams();
  Status start_task();
  [[noreturn]] void become_task(int error_fd);
  void tell_ready(int code);

  void watch();
  void on_signals();
  void obey(SupervisorOrder order);
  void reap();
  void copy_output(OutputStream& stream);
  void kill_everything();
  void drain();
  bool write_record();

  TaskSpec spec_;
  int ready_fd_;
  int signal_fd_ = -1;
  int lock_fd_ = -1;
  std::array<OutputStream, 2> streams_;
  TaskRecord record_;
  Ended ended_ = Ended::no;
  uint64_t kill_at_ms_ = 0;  // 0: not
  SystemClock clock_;
};

int Supervisor::run() {
  if (Status prepared = prepare(); !prepared) {
    bool taken = prepared.error().code == ErrorCode::conflict;
    record_.error = prepared.error().text();
    if (!taken) {
      record_.phase = TaskRecord::Phase::not_started;
      write_record();
    }
    tell_ready(taken ? kSupervisorTaken : kSupervisorTaskFailed);
    return 0;
  }
  Status started = start_task();
  record_.phase = started ? TaskRecord::Phase::running : TaskRecord::Phase::not_started;
  if (!started) record_.error = started.error().text();
  // A task that no record tells of could never be found again.
  bool keep = write_record() && started;
  tell_ready(keep ? kSupervisorStarted : kSupervisorTaskFailed);
  if (!keep) kill_everything();
  if (!started) return 0;
  watch();
  drain();
  record_.phase = TaskRecord::Phase::exited;
  write_record();
  return 0;
}

Status Supervisor::prepare() {
  ::setsid();
  if (::chdir("/") != 0) return fail(system_error("enter /", errno));  // holds no volume
  ::prctl(PR_SET_NAME, "weir-task");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans of the task become ours, so they can be found and killed
  lock_fd_ = ::open(spec_.lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return fail(system_error("open " + spec_.lock_path, errno));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) return fail(ErrorCode::conflict, "another supervisor has this task");
  record_.run = spec_.run;
  record_.boot = boot_id();
  record_.supervisor = identify_process(::getpid()).value_or(ProcessIdentity{});

  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, kSupervisorOrderSignal})
    sigaddset(&watched, signal);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  signal_fd_ = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd_ < 0) return fail(system_error("signalfd", errno));
  return open_streams();
}

Status Supervisor::open_streams() {
  constexpr const char* kNames[] = {".stdout", ".stderr"};
  for (size_t i = 0; i < streams_.size(); ++i) {
    OutputStream& stream = streams_[i];
    if (spec_.log_disabled) {
      stream.write_fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      continue;
    }
    auto log = RotatingLog::open({.folder = spec_.log_folder,
                                  .name = spec_.log_name + kNames[i],
                                  .file_bytes_max = spec_.log_file_bytes_max,
                                  .files_max = spec_.log_files_max});
    if (!log) return fail(log.error());
    stream.log.emplace(std::move(*log));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("pipe", errno));
    stream.read_fd = ends[0];
    stream.write_fd = ends[1];
    ::fcntl(stream.read_fd, F_SETFL, O_NONBLOCK);
  }
  return {};
}

/// Returns when the new program runs, or with the reason why it does not.
Status Supervisor::start_task() {
  int error_pipe[2];
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) return fail(system_error("pipe", errno));
  pid_t pid = ::fork();
  if (pid < 0) return fail(system_error("fork", errno));
  if (pid == 0) become_task(error_pipe[1]);
  ::setpgid(pid, pid);
  ::close(error_pipe[1]);
  for (OutputStream& stream : streams_) ::close(std::exchange(stream.write_fd, -1));
  int failure[2] = {0, 0};  // errno and which step; nothing arrives when exec closed the pipe
  ssize_t got;
  do {
    got = ::read(error_pipe[0], failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  ::close(error_pipe[0]);
  if (got > 0) {
    ::waitpid(pid, nullptr, 0);
    return fail(system_error(failure[1] == 0 ? "enter " + spec_.cwd : "run " + spec_.argv[0], failure[0]));
  }
  record_.task = identify_process(pid).value_or(ProcessIdentity{pid, 0});
  record_.started_at_ns = clock_.wall_ns();
  return {};
}

void Supervisor::become_task(int error_fd) {
  auto give_up = [&](int step) {
    int failure[2] = {errno, step};
    [[maybe_unused]] ssize_t sent = ::write(error_fd, failure, sizeof failure);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a task must not outlive its supervisor: nobody could record its end
  if (::getppid() != record_.supervisor.pid) ::_exit(127);
  ::prctl(PR_SET_NAME, "weir-starting");
  int null_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(streams_[0].write_fd, STDOUT_FILENO);
  ::dup2(streams_[1].write_fd, STDERR_FILENO);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!spec_.cwd.empty() && ::chdir(spec_.cwd.c_str()) != 0) give_up(0);

  std::vector<char*> argv;
  std::vector<char*> env;
  for (std::string& argument : spec_.argv) argv.push_back(argument.data());
  for (std::string& variable : spec_.env) env.push_back(variable.data());
  argv.push_back(nullptr);
  env.push_back(nullptr);
  environ = env.data();  // execvp looks for PATH there
  ::execvp(argv[0], argv.data());
  give_up(1);
  ::_exit(127);
}

void Supervisor::tell_ready(int code) {
  char byte = static_cast<char>(code);
  [[maybe_unused]] ssize_t sent = ::write(ready_fd_, &byte, 1);
  ::close(ready_fd_);
}

void Supervisor::watch() {
  while (ended_ == Ended::no) {
    uint64_t now_ms = clock_.monotonic_ms();
    if (kill_at_ms_ != 0 && now_ms >= kill_at_ms_) {
      kill_at_ms_ = 0;
      kill_everything();
    }
    int wait_ms = kill_at_ms_ == 0 ? -1 : static_cast<int>(kill_at_ms_ - now_ms);
    pollfd polled[] = {{signal_fd_, POLLIN, 0}, {streams_[0].read_fd, POLLIN, 0}, {streams_[1].read_fd, POLLIN, 0}};
    if (::poll(polled, std::size(polled), wait_ms) < 0) continue;
    for (size_t i = 0; i < streams_.size(); ++i) {
      if (polled[i + 1].revents != 0) copy_output(streams_[i]);
    }
    if (polled[0].revents != 0) on_signals();
  }
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == static_cast<uint32_t>(kSupervisorOrderSignal)) obey(SupervisorOrder::unpack(info.ssi_int));
    if (info.ssi_signo == SIGTERM) obey({.signal = SIGTERM, .kill_after_ms = kTerminateGraceMs});
  }
  reap();
}

void Supervisor::obey(SupervisorOrder order) {
  if (order.signal == SIGKILL) return kill_everything();
  // The task has not been waited for yet, so its number is still its own.
  if (order.signal != 0 && ended_ == Ended::no) ::kill(record_.task.pid, order.signal);
  if (order.kill_after_ms == 0) return;
  uint64_t at_ms = clock_.monotonic_ms() + order.kill_after_ms;
  kill_at_ms_ = kill_at_ms_ == 0 ? at_ms : std::min(kill_at_ms_, at_ms);
}

/// Waits for every child that has ended: the task itself, and orphans of it.
void Supervisor::reap() {
  while (true) {
    siginfo_t info{};
    // Looks first: while the task is not waited for, its number names its process group and nothing else.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (info.si_pid == record_.task.pid && ended_ == Ended::no) {
      ended_ = Ended::yes;
      record_.finished_at_ns = clock_.wall_ns();
      bool exited = info.si_code == CLD_EXITED;
      record_.exit_code = exited ? info.si_status : 0;
      record_.signal = exited ? 0 : info.si_status;
      ::kill(-record_.task.pid, SIGKILL);
    }
    ::waitpid(info.si_pid, nullptr, 0);
  }
}

void Supervisor::copy_output(OutputStream& stream) {
  static char buffer[kReadBytes];
  ssize_t got = ::read(stream.read_fd, buffer, sizeof buffer);
  if (got > 0) return stream.log->write({buffer, static_cast<size_t>(got)});
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  ::close(std::exchange(stream.read_fd, -1));  // poll() skips a negative number
}

/// SIGKILL to the task's group and to all other children, who are orphans of it. Grandchildren elsewhere become
/// children when their parents die: the caller repeats this until there is none.
void Supervisor::kill_everything() {
  if (ended_ == Ended::no) ::kill(-record_.task.pid, SIGKILL);
  pid_t self = ::getpid();
  for (pid_t pid : list_processes()) {
    auto stat = read_process_stat(pid);
    if (stat && stat->parent == self && stat->state != 'Z') ::kill(pid, SIGKILL);
  }
}

/// Ends what the task left behind and takes the rest of its output.
void Supervisor::drain() {
  uint64_t give_up_at_ms = clock_.monotonic_ms() + kReapMaxMs;
  while (clock_.monotonic_ms() < give_up_at_ms) {
    kill_everything();
    reap();
    siginfo_t none{};
    bool childless = ::waitid(P_ALL, 0, &none, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    for (OutputStream& stream : streams_) {
      for (size_t chunks = 0; stream.read_fd >= 0 && chunks < 16; ++chunks) copy_output(stream);
    }
    bool drained = streams_[0].read_fd < 0 && streams_[1].read_fd < 0;
    if (childless && drained) return;
    pollfd polled[] = {{signal_fd_, POLLIN, 0}, {streams_[0].read_fd, POLLIN, 0}, {streams_[1].read_fd, POLLIN, 0}};
    ::poll(polled, std::size(polled), static_cast<int>(kSweepMs));
    signalfd_siginfo ignored{};
    while (::read(signal_fd_, &ignored, sizeof ignored) > 0) continue;
  }
}

bool Supervisor::write_record() {
  std::string text = encode_task_record(record_);
  int attempts_max = record_.phase == TaskRecord::Phase::exited ? kRecordAttemptsMax : 1;
  for (int attempt = 1; !write_file_atomic(spec_.record_path, text, 0600); ++attempt) {
    if (attempt >= attempts_max) return false;
    ::poll(nullptr, 0, 1000);
  }
  return true;
}

}  // namespace

int run_task_supervisor(int argc, char** argv) {
  if (argc < 2) return kSupervisorBadSpec;
  auto text = read_file(argv[argc - 1], 4 * 1024 * 1024);
  if (!text) return kSupervisorBadSpec;
  auto spec = decode_task_spec(*text);
  int ready[2];
  if (!spec || ::pipe2(ready, O_CLOEXEC) != 0) return kSupervisorBadSpec;
  pid_t supervisor = ::fork();
  if (supervisor < 0) return kSupervisorBadSpec;
  if (supervisor == 0) {
    ::dup2(ready[1], 3);
    ::fcntl(3, F_SETFD, FD_CLOEXEC);
    close_files_from(4);
    ::umask(022);
    ::_exit(Supervisor(std::move(*spec), 3).run());
  }
  ::close(ready[1]);
  char code = static_cast<char>(kSupervisorTaskFailed);
  ssize_t got;
  do {
    got = ::read(ready[0], &code, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 ? code : kSupervisorTaskFailed;
}

}  // namespace weir::scheduler
