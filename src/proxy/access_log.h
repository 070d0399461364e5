#pragma once
// A worker's access log: records noted while requests end, made into lines when the turn is over.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/access_line.h"
#include "proxy/access_record.h"
#include "proxy/access_rules.h"
#include "proxy/log_writer.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/proxy/stats.h"

namespace weir::proxy {

/// note() copies a record with its texts, nothing more: the answer leaves first. At the end of the loop's turn all
/// records become lines of a block, which goes to the LogWriter when it is full, and once a second.
/// Owned by a Worker; its thread only. Outlives the loop, whose last turn may still format.
class AccessLog {
 public:
  AccessLog(event::Loop& loop, const config::AccessLogConfig& config);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  /// Before the first request. Without a writer nothing is logged.
  void set_writer(LogWriter* writer);
  [[nodiscard]] bool enabled() const { return writer_ != nullptr; }
  /// Counts a finished request and says whether it gets a line.
  [[nodiscard]] bool wants(uint16_t status, uint64_t duration_us, uint32_t retries);
  /// Sets the record's count.
  void note(AccessRecord& record);
  /// Whether lines have header fields at all, and what of them: see AccessLineWriter.
  [[nodiscard]] bool has_headers() const { return enabled() && line_.has_headers(); }
  void append_headers(std::string& out, std::string_view prefix, std::span<const http::Header> headers) const {
    line_.append_headers(out, prefix, headers);
  }
  /// Gives the writer what there is. Once a second, and at the end.
  void hand_over();
  [[nodiscard]] const AccessLogStats& stats() const { return stats_; }

 private:
  // A record is 400 bytes, its texts are of a head that has 64 KiB at most, or in `headers`, which is shorter.
  static constexpr size_t kPendingBytes = 128 * 1024;

  void format_pending();
  void give_block();
  void read_clock();

  // constant after construction
  event::Loop& loop_;

  // worker thread only
  LogWriter* writer_ = nullptr;
  AccessFilter filter_;
  AccessLineWriter line_;
  std::unique_ptr<char[]> pending_;  // records, each with its texts behind it
  size_t pending_bytes_ = 0;
  bool format_deferred_ = false;
  std::unique_ptr<LogBlock> block_;
  int64_t wall_offset_us_ = 0;  // wall clock minus Loop::now_us(); read once a second
  uint64_t requests_ = 0;
  AccessLogStats stats_;
};

}  // namespace weir::proxy
