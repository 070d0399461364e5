#pragma once
// What stands between a catalog's answers and the routing table: gathering, comparing, the safety brake, the disk.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "provider/disk_writer.h"
#include "provider/safety_brake.h"
#include "provider/service_ages.h"
#include "provider/snapshot_json.h"
#include "weir/base/clock.h"
#include "weir/catalog/catalog.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/event/turn_end.h"

namespace weir::provider {

struct GateOptions {
  std::string provider;  // "consul"
  std::string path;      // of the last good catalog; "": nothing is kept
  BrakeLimits brake;
  uint64_t coalesce_ms = 1;  // snapshots are this far apart; what comes in the turn of a change goes with it
  uint64_t save_period_ms = 1'000;
  uint64_t resave_ms = 300'000;  // an unchanged catalog is saved again this often, so that its age on disk is honest
};

/// Collects what is positively known of each service and hands out whole snapshots when their content changed.
/// Owned by a catalog provider; its loop's thread. Destroying it saves what still waits to be saved.
class SnapshotGate final : private event::TurnEnd {
 public:
  /// `seen_us`: when the first answer that brought this change arrived.
  using OnSnapshot = std::function<void(std::shared_ptr<const catalog::CatalogSnapshot>, uint64_t seen_us)>;

  SnapshotGate(event::Loop& loop, const Clock& clock, GateOptions options, OnSnapshot on_snapshot);

  /// Takes the last good catalog from disk and hands it out, after `on_loaded` has been told when it was saved. The
  /// same time; 0 when there is none (a damaged file is logged and ignored). Before anything else is put.
  int64_t load(const std::function<void(int64_t saved_wall_ns)>& on_loaded = {});
  /// A positive answer about one service. Equal content changes nothing.
  void put_service(std::shared_ptr<const catalog::Service> service, uint64_t seen_us);
  /// A positive answer that it is gone, or not to be routed any more.
  void remove_service(std::string_view name, uint64_t seen_us);
  void set_index(uint64_t index) { index_ = index; }
  /// Services that are handed out as they are known, but not as fresh; all others are. The brake and the disk know
  /// nothing of it.
  void mark(FreshnessMap marks);
  /// This one is fresh again.
  void unmark(std::string_view name);
  /// Everything that can be known is known: hands out the snapshot even if it is empty or equals the loaded one.
  void complete();
  /// The catalog has just confirmed what we have.
  void confirm();

  [[nodiscard]] bool knows(std::string_view name) const { return known_.contains(name); }
  [[nodiscard]] const catalog::ServiceMap& known() const { return known_; }
  [[nodiscard]] const catalog::CatalogSnapshot& applied() const { return *applied_; }
  /// The same as it was handed out last, with its marks.
  [[nodiscard]] const catalog::CatalogSnapshot& served() const { return *served_; }
  [[nodiscard]] const FreshnessMap& marks() const { return marks_; }
  /// What the brake holds back, for people; "" when nothing.
  [[nodiscard]] std::string held_text() const;
  [[nodiscard]] std::string save_error() const { return writer_ ? writer_->error() : ""; }

 private:
  void touch(uint64_t seen_us);
  void on_turn_end() override { evaluate(); }
  void evaluate();
  void note_brake(const BrakeVerdict& verdict);
  void save();
  void hand_out(uint64_t seen_us);

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  const GateOptions options_;
  const OnSnapshot on_snapshot_;
  // loop's thread
  catalog::ServiceMap known_;
  std::shared_ptr<const catalog::CatalogSnapshot> applied_;
  std::shared_ptr<const catalog::CatalogSnapshot> served_;
  FreshnessMap marks_;
  SafetyBrake brake_;
  BrakeVerdict held_;  // the newest verdict that held something
  uint64_t index_ = 0;
  uint64_t changed_us_ = 0;  // the first change not handed out yet; 0: none
  bool complete_once_ = false;
  bool hand_out_anyway_ = false;
  bool save_anyway_ = false;
  uint64_t saved_at_ms_ = 0;
  uint64_t evaluated_at_ms_ = 0;  // the loop's time
  event::Timer coalesce_;
  event::Timer release_;
  std::unique_ptr<DiskWriter> writer_;
};

}  // namespace weir::provider
