#pragma once
// All allocations of this node: created, changed and removed as the server says, kept on disk, reported back.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "scheduler/agent/agent_store.h"
#include "scheduler/agent/alloc_runner.h"
#include "scheduler/agent/server_link.h"

namespace weir::scheduler {

inline constexpr size_t kTerminalAllocsMax = 50;  // folders of ended allocations kept for their logs

/// Owned by the agent; loop's thread.
class AllocSet final : public AllocRunner::Observer {
 public:
  struct Context {
    event::Loop& loop;
    RegistrySync& registry;
    CheckPoll& checks;
    const std::map<std::string, Driver*>& drivers;
    const NodeFacts& node;
    AgentStore& store;
  };
  AllocSet(const Context& context, ServerLink& server);

  /// Takes over what an earlier agent wrote down.
  void restore();
  void apply(AllocPull pull);
  /// Ends all of them, each in its order; nothing begins any more. `done` comes when no task runs.
  void stop_all(std::function<void()> done);
  /// The same at once: `done` comes when no process of them runs.
  void kill_all(std::function<void()> done);
  /// Writes what has changed to disk.
  void save_changes();

  /// nullptr when this node does not have it (any more).
  [[nodiscard]] AllocRunner* find(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<AllocRunner>>& all() const { return runners_; }

 private:
  void on_alloc_changed(const std::string& id) override;

  void begin(Allocation alloc, bool held);
  [[nodiscard]] bool must_wait(const Allocation& alloc) const;
  void release_waiting();
  void reject(const Allocation& alloc, const std::string& reason);
  void collect(const std::string& id);
  void collect_oldest();
  void destroy_unwanted();
  void look_whether_stopped();
  void destroy(const std::string& id);
  void schedule();
  void flush();
  void send();
  [[nodiscard]] AllocRunner::Context runner_context();

  const Context context_;
  ServerLink& server_;
  std::map<std::string, std::unique_ptr<AllocRunner>> runners_;
  std::set<std::string> unwanted_;      // the server has forgotten them: destroyed when they have ended
  std::set<std::string> awaiting_;      // as the server said last: their previous allocation has not ended
  std::set<std::string> waiting_here_;  // for a port that another one here still has
  std::set<std::string> unsaved_;
  std::set<std::string> unreported_;
  std::map<std::string, AllocUpdate> rejected_;  // reports on allocations that never got a runner
  bool reporting_ = false;
  uint32_t report_failures_ = 0;
  event::Timer flush_timer_;
  event::Timer destroy_timer_;  // never from a runner's own call
  event::Timer release_timer_;  // the same
  std::function<void()> on_stopped_;
  event::Timer stopped_timer_;  // the same; once on_stopped_ is waited for
  bool stopping_ = false;
  bool killing_ = false;
};

}  // namespace weir::scheduler
