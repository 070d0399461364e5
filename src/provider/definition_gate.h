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
  DefinitionGate(event::Loop& loop, const Clock& clock, BrakeLimits limits, OnDefinitions on_definitions);

  void put(std::shared_ptr<const routing::Definitions> wanted, uint64_t seen_us);
  /// Null before the first put.
  [[nodiscard]] const std::shared_ptr<const routing::Definitions>& applied() const { return applied_; }
  [[nodiscard]] bool holding() const { return release_at_ms_ != 0; }
  /// For people; "" when nothing is held.
  [[nodiscard]] std::string held_text() const;

 private:
  void evaluate(uint64_t seen_us);
  void begin_hold(uint64_t now_ms);
  void end_hold(bool released);

  // constant after construction
  const Clock& clock_;
  const BrakeLimits limits_;
  const OnDefinitions on_definitions_;
  // loop's thread
  std::shared_ptr<const routing::Definitions> wanted_;
  std::shared_ptr<const routing::Definitions> applied_;
  uint64_t release_at_ms_ = 0;  // 0: nothing is held
  size_t lost_ = 0;             // objects, when last weighed
  size_t before_ = 0;           // of so many
  event::Timer release_;
};

}  // namespace weir::provider
