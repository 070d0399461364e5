#pragma once
// The access log: one line an exchange, written in batches.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/config/config.h"

namespace weir::proxy {

/// What a line says. Views are valid during the call.
struct AccessRecord {
  IpAddress client;
  std::string_view method;
  std::string_view host;
  std::string_view target;
  uint8_t version_minor = 1;
  uint16_t status = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  uint64_t duration_ms = 0;
  uint64_t upstream_ms = 0;  // from the request's last attempt to the answer's head
  std::string_view referer;
  std::string_view user_agent;
  std::string_view entry_point;
  std::string_view router;  // "" where none matched
  std::string_view service;
  std::string_view endpoint;
  uint32_t retries = 0;
  uint64_t generation = 0;  // of the routing table
  std::string_view error;   // ProxyError's word, "" when all went well
};

/// A worker's own writer to the shared file (opened for appending: each batch is one write). Its thread only.
/// Lines wait at most a second. A full disk loses lines, says so once, and serving goes on.
class AccessLog {
 public:
  AccessLog() = default;
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  Status open(const config::AccessLogConfig& config);
  /// After a rotation: the file of that name, as it is now.
  void reopen();
  [[nodiscard]] bool enabled() const { return config_.format != config::AccessLogFormat::off; }
  void write(const AccessRecord& record);
  void flush();

 private:
  static constexpr size_t kBatchBytes = 64 * 1024;

  config::AccessLogConfig config_;
  int fd_ = -1;
  bool failing_ = false;
  std::string batch_;
};

/// One line with its newline. Control characters, quotes and high bytes from the client come out escaped.
void append_access_line(std::string& out, const AccessRecord& record, config::AccessLogFormat format, int64_t wall_ns);

}  // namespace weir::proxy
