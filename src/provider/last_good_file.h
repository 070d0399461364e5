#pragma once
// The last good answer of a source that is one text, on disk: an edge that starts while the source is down serves from
// it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "provider/disk_writer.h"
#include "weir/base/clock.h"
#include "weir/base/result.h"

namespace weir::provider {

/// One line "weir-answer 1 <fnv1a of the rest, 16 hex digits>", one of when it was saved and whose it is, then the
/// text. Owned by a provider; its loop's thread. Destroying it saves what still waits to be saved.
class LastGoodFile {
 public:
  static constexpr uint64_t kResaveMs = 300'000;

  struct Saved {
    std::string text;
    int64_t wall_ns = 0;
  };

  /// `subject` is what was asked: what another question brought is not taken. `path` "": nothing is kept.
  LastGoodFile(const Clock& clock, std::string path, std::string subject, uint64_t resave_ms = kResaveMs);

  /// Nothing where there is no file; one that is damaged or another's is logged.
  [[nodiscard]] std::optional<Saved> load() const;
  void save(std::string text);
  /// The source has just confirmed what was saved last: it is saved again now and then, so that its age is honest.
  void confirm();
  [[nodiscard]] std::string error() const { return writer_ ? writer_->error() : ""; }

  static std::string encode(const std::string& text, const std::string& subject, int64_t wall_ns);
  static Result<Saved> decode(std::string_view file, std::string_view subject);

 private:
  static constexpr uint64_t kSavePeriodMs = 1'000;

  const Clock& clock_;
  const std::string path_;
  const std::string subject_;
  const uint64_t resave_ms_;
  std::shared_ptr<const std::string> text_;  // saved last; null: nothing
  uint64_t saved_at_ms_ = 0;
  std::unique_ptr<DiskWriter> writer_;  // null: nothing is kept
};

}  // namespace weir::provider
