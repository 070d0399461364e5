#pragma once
// A registry and a driver that do as the test says, and remember what was asked of them.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/agent/driver.h"
#include "weir/base/url.h"
#include "weir/event/timer.h"
#include "weir/http/server.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// What happened, in order, over registry and driver.
using Trace = std::vector<std::string>;

/// An HTTP server with the calls of a Consul agent that our agent uses.
class ScriptedRegistry {
 public:
  enum class Manner { answers, refuses, hangs };

  ScriptedRegistry(event::Loop& loop, Trace& trace);
  [[nodiscard]] Url url() const;

  void set_manner(Manner manner) { manner_ = manner; }
  /// Answers that long after the request; the trace shows both moments.
  void set_delay_ms(uint64_t delay_ms) { delay_ms_ = delay_ms; }
  /// Every check of every service has this status from now on.
  void set_check_status(std::string status) { check_status_ = std::move(status); }
  /// Closes the port: connections are refused.
  void close() { server_.reset(); }
  void forget_all() { services_.clear(); }
  void add_foreign(const std::string& id, const std::string& node_id);

  [[nodiscard]] bool has(const std::string& id_part) const;
  [[nodiscard]] size_t service_count() const { return services_.size(); }
  /// The registration body of the only service.
  [[nodiscard]] const std::string& only_body() const { return services_.begin()->second; }
  [[nodiscard]] size_t registrations() const { return registrations_; }
  /// The loop's time when the last deregistration was answered.
  [[nodiscard]] uint64_t deregistered_ms() const { return deregistered_ms_; }

 private:
  void on_request(const http::Request& request, const std::shared_ptr<http::Responder>& responder);
  void answer(const http::Request& request, http::Responder& responder);
  [[nodiscard]] std::string services_json() const;
  [[nodiscard]] std::string checks_json() const;

  event::Loop& loop_;
  Trace& trace_;
  Manner manner_ = Manner::answers;
  uint64_t delay_ms_ = 0;
  std::string check_status_ = "critical";
  std::map<std::string, std::string> services_;  // id -> registration body
  size_t registrations_ = 0;
  uint64_t deregistered_ms_ = 0;
  std::vector<std::shared_ptr<http::Responder>> hanging_;
  std::vector<std::unique_ptr<event::Timer>> delays_;
  std::unique_ptr<http::Server> server_;
};

class FakeDriver;

class FakeProcess final : public TaskProcess {
 public:
  FakeProcess(FakeDriver& driver, std::string name, Observer& observer);
  ~FakeProcess() override;
  void stop(int signal, uint32_t kill_after_ms) override;
  Status send_signal(int signal) override;
  [[nodiscard]] pid_t root_pid() const override { return 1; }

  void exit(int code, int signal = 0);

 private:
  friend class FakeDriver;
  FakeDriver& driver_;
  const std::string name_;
  Observer& observer_;
  event::Timer later_;
};

/// Processes that start at once and end when they are told to, or when the test says.
class FakeDriver final : public Driver {
 public:
  FakeDriver(event::Loop& loop, Trace& trace) : loop_(loop), trace_(trace) {}

  [[nodiscard]] std::string_view name() const override { return "raw_exec"; }
  [[nodiscard]] DriverState fingerprint() const override { return {.detected = true, .healthy = true}; }
  [[nodiscard]] int default_kill_signal() const override { return 2; }
  Result<std::unique_ptr<TaskProcess>> start(const TaskLaunch& launch, TaskProcess::Observer& observer) override;
  std::unique_ptr<TaskProcess> reattach(const std::string&, TaskProcess::Observer&) override { return nullptr; }
  void forget(const std::string&) override {}

  /// Makes start() fail with this from now on.
  void fail_starts_with(Error error) { start_error_ = std::move(error); }
  void ignore_signals() { obedient_ = false; }
  /// The running process of that task, or nullptr.
  [[nodiscard]] FakeProcess* process(const std::string& task) const;
  [[nodiscard]] const std::map<std::string, TaskLaunch>& launches() const { return launches_; }

 private:
  friend class FakeProcess;
  event::Loop& loop_;
  Trace& trace_;
  bool obedient_ = true;
  std::optional<Error> start_error_;
  std::map<std::string, FakeProcess*> processes_;
  std::map<std::string, TaskLaunch> launches_;
};

/// A canonical service job with one group "g" and one task "srv", a group service "web" with an HTTP check on port
/// "http", no shutdown delay, restarts after 0 s.
Job example_job();
/// Its allocation on node "node-1" with port http = 20001.
Allocation example_alloc(const Job& job);

/// Where in the trace the first entry with this text stands; the trace's size when there is none.
size_t position(const Trace& trace, std::string_view text);

}  // namespace weir::scheduler
