#pragma once
// What stands between a source of ready-made definitions and the table: the safety brake.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "provider/safety_brake.h"
#include "weir/base/clock.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// Hands on definitions, but for those that would take most routers and services away at once, or leave none: then what
/// is lost stays for the hold time, while additions and changes apply. As SafetyBrake does for catalogs; here objects
/// are counted by name, and one that was refused is not lost. Ends early when little is missing any more.
/// Owned by a provider; its loop's thread.
class DefinitionGate {
 public:
  using OnDefinitions = std::function<void(std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us)>;

  /// `on_definitions` is called from within put(), or when a hold ends.
  /// `age_ms_max`: what has been in doubt for longer is handed on without anybody who serves; 0: it never is.
  DefinitionGate(event::Loop& loop, const Clock& clock, BrakeLimits limits, uint64_t age_ms_max,
                 OnDefinitions on_definitions);

  void put(std::shared_ptr<const routing::Definitions> wanted, uint64_t seen_us);
  /// What is here, or is put next, was good so long ago and cannot be confirmed. A doubt that there is already stays.
  void doubt(uint64_t age_ms);
  /// It has been confirmed.
  void trust();
  /// Called when half of the time is over, and in any case before nobody serves: who asks with an index may wait for
  /// long at a source that has nothing new to tell. May come from within doubt().
  void set_on_doubt(std::function<void()> ask_afresh) { ask_afresh_ = std::move(ask_afresh); }
  /// Nobody is sent to what is here: it has been in doubt for too long.
  [[nodiscard]] bool stale() const { return stale_; }
  /// Null before the first put.
  [[nodiscard]] const std::shared_ptr<const routing::Definitions>& applied() const { return applied_; }
  [[nodiscard]] bool holding() const { return release_at_ms_ != 0; }
  /// For people; "" when nothing is held.
  [[nodiscard]] std::string held_text() const;

 private:
  void evaluate(uint64_t seen_us);
  void begin_hold(uint64_t now_ms);
  void end_hold(bool released);
  void on_time();
  void expire();
  void hand_on(uint64_t seen_us);

  // constant after construction
  const Clock& clock_;
  const BrakeLimits limits_;
  const uint64_t age_ms_max_;
  const OnDefinitions on_definitions_;
  // loop's thread
  std::shared_ptr<const routing::Definitions> wanted_;
  std::shared_ptr<const routing::Definitions> applied_;
  uint64_t release_at_ms_ = 0;  // 0: nothing is held
  size_t lost_ = 0;             // objects, when last weighed
  size_t before_ = 0;           // of so many
  bool stale_ = false;
  bool stale_said_ = false;  // in the log
  event::Timer release_;
  std::function<void()> ask_afresh_;
  uint64_t left_ms_ = 0;  // when half of the time is over; 0: it is
  event::Timer expiry_;   // runs while there is a doubt
};

}  // namespace weir::provider
