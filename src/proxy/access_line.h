#pragma once
// One access record as a line of text. Pure.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/access_record.h"
#include "proxy/access_rules.h"
#include "weir/config/config.h"
#include "weir/http/message.h"

namespace weir::proxy {

/// Writes lines in one format. Keeps the dates that most lines share. Nothing from outside can end its line
/// or its field: control bytes, quotes and all bytes above 0x7e come out escaped.
class AccessLineWriter {
 public:
  explicit AccessLineWriter(const config::AccessLogConfig& config);

  /// Appends the line with its newline. `started_wall_us` is microseconds since 1970.
  void append(std::string& out, const AccessRecord& record, int64_t started_wall_us);
  /// Appends what the rules say of these fields, as members for AccessRecord::headers. `prefix` is "request_",
  /// "origin_" or "downstream_". Stops at kHeadersBytesMax.
  void append_headers(std::string& out, std::string_view prefix, std::span<const http::Header> headers) const;
  [[nodiscard]] bool has_headers() const { return has_headers_; }

  static constexpr size_t kHeadersBytesMax = 32 * 1024;

 private:
  /// A second's texts.
  struct Dates {
    int64_t second = -1;
    char clf[40] = {};
    size_t clf_size = 0;
    char iso[24] = {};  // "2026-11-21T10:00:00"
    size_t iso_size = 0;
    char local[24] = {};  // the same in this machine's zone
    size_t local_size = 0;
    char zone[8] = {};  // "+01:00", "Z"
    size_t zone_size = 0;
  };
  char* write_clf(char* begin, const AccessRecord& record, int64_t started_wall_us);
  char* write_json(char* begin, const AccessRecord& record, int64_t started_wall_us);
  const Dates& dates(int64_t second);

  const config::AccessLogFormat format_;
  FieldRules headers_;
  bool has_headers_ = false;
  uint64_t dropped_fields_ = 0;      // a bit for each JSON field
  std::unique_ptr<char[]> scratch_;  // the line being written
  size_t scratch_bytes_ = 0;
  std::array<Dates, 4> dates_;  // requests that took a while begin and end in different seconds
};

}  // namespace weir::proxy
