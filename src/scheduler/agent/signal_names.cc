#include "scheduler/agent/signal_names.h"

#include <csignal>
#include <string>

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

struct Name {
  std::string_view name;
  int number;
};
constexpr Name kNames[] = {
    {"SIGABRT", SIGABRT}, {"SIGALRM", SIGALRM},   {"SIGBUS", SIGBUS},   {"SIGCHLD", SIGCHLD}, {"SIGCONT", SIGCONT},
    {"SIGFPE", SIGFPE},   {"SIGHUP", SIGHUP},     {"SIGILL", SIGILL},   {"SIGINT", SIGINT},   {"SIGIO", SIGIO},
    {"SIGIOT", SIGIOT},   {"SIGKILL", SIGKILL},   {"SIGPIPE", SIGPIPE}, {"SIGPROF", SIGPROF}, {"SIGQUIT", SIGQUIT},
    {"SIGSEGV", SIGSEGV}, {"SIGSTOP", SIGSTOP},   {"SIGSYS", SIGSYS},   {"SIGTERM", SIGTERM}, {"SIGTRAP", SIGTRAP},
    {"SIGTSTP", SIGTSTP}, {"SIGTTIN", SIGTTIN},   {"SIGTTOU", SIGTTOU}, {"SIGURG", SIGURG},   {"SIGUSR1", SIGUSR1},
    {"SIGUSR2", SIGUSR2}, {"SIGWINCH", SIGWINCH}, {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ}};

}  // namespace

std::optional<int> parse_signal(std::string_view name) {
  for (const Name& known : kNames) {
    if (equals_ignore_case(name, known.name) || equals_ignore_case(name, known.name.substr(3))) return known.number;
  }
  return std::nullopt;
}

std::string_view signal_names() {
  static const std::string all = [] {
    std::string out;
    for (const Name& known : kNames) out.append(out.empty() ? "" : ",").append(known.name);
    return out;
  }();
  return all;
}

}  // namespace weir::scheduler
