#include "proxy/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "weir/base/clock.h"
#include "weir/base/log.h"

namespace weir::proxy {
namespace {

/// Text from outside, safe within quotes: \xHH as nginx and Apache write it, \u00HH in JSON.
void append_escaped(std::string& out, std::string_view text, bool json) {
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20 || c >= 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, json ? "\\u%04x" : "\\x%02X", c);
      out += escaped;
    } else {
      out += static_cast<char>(c);
    }
  }
}

void append_quoted_or_dash(std::string& out, std::string_view text) {
  if (text.empty()) text = "-";
  out += '"';
  append_escaped(out, text, false);
  out += '"';
}

void append_common(std::string& out, const AccessRecord& record, int64_t wall_ns) {
  std::time_t seconds = wall_ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char when[40];
  std::strftime(when, sizeof when, " - - [%d/%b/%Y:%H:%M:%S +0000] \"", &parts);
  out += record.client.text();
  out += when;
  append_escaped(out, record.method, false);
  out += ' ';
  append_escaped(out, record.target, false);
  out += record.version_minor == 0 ? " HTTP/1.0\" " : " HTTP/1.1\" ";
  out += std::to_string(record.status) + " " + std::to_string(record.response_bytes) + " ";
  append_quoted_or_dash(out, record.referer);
  out += ' ';
  append_quoted_or_dash(out, record.user_agent);
  // Traefik's CLF goes on with router, server and duration; so do we.
  out += ' ';
  append_quoted_or_dash(out, record.router);
  out += ' ';
  append_quoted_or_dash(out, record.endpoint);
  out += " " + std::to_string(record.duration_ms) + "ms";
  if (!record.error.empty()) (out += ' ') += record.error;
}

void append_json(std::string& out, const AccessRecord& record, int64_t wall_ns) {
  auto text = [&](const char* key, std::string_view value) {
    (out += ",\"") += key;
    out += "\":\"";
    append_escaped(out, value, true);
    out += '"';
  };
  auto number = [&](const char* key, uint64_t value) {
    (out += ",\"") += key;
    (out += "\":") += std::to_string(value);
  };
  out += "{\"StartUTC\":\"" + format_rfc3339(wall_ns - static_cast<int64_t>(record.duration_ms) * 1'000'000) + "\"";
  text("ClientHost", record.client.text());
  text("RequestMethod", record.method);
  text("RequestHost", record.host);
  text("RequestPath", record.target);
  text("RequestProtocol", record.version_minor == 0 ? "HTTP/1.0" : "HTTP/1.1");
  number("RequestContentSize", record.request_bytes);
  number("DownstreamStatus", record.status);
  number("DownstreamContentSize", record.response_bytes);
  number("Duration", record.duration_ms * 1'000'000);  // ns, as Traefik's
  number("OriginDuration", record.upstream_ms * 1'000'000);
  text("entryPointName", record.entry_point);
  text("RouterName", record.router);
  text("ServiceName", record.service);
  text("ServiceURL", record.endpoint);
  number("RetryAttempts", record.retries);
  number("TableGeneration", record.generation);
  text("request_Referer", record.referer);
  text("request_User-Agent", record.user_agent);
  if (!record.error.empty()) text("Error", record.error);
  out += '}';
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, config::AccessLogFormat format, int64_t wall_ns) {
  if (format == config::AccessLogFormat::json) {
    append_json(out, record, wall_ns);
  } else {
    append_common(out, record, wall_ns);
  }
  out += '\n';
}

AccessLog::~AccessLog() {
  flush();
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

Status AccessLog::open(const config::AccessLogConfig& config) {
  config_ = config;
  if (!enabled()) return {};
  if (config.path.empty()) {
    fd_ = STDOUT_FILENO;
    return {};
  }
  fd_ = ::open(config.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) return fail(system_error("open access log " + config.path, errno));
  return {};
}

void AccessLog::reopen() {
  if (!enabled() || config_.path.empty()) return;
  flush();
  int fresh = ::open(config_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fresh < 0) {
    log::error("access log not reopened, the old file is kept",
               {{"error", system_error("open " + config_.path, errno)}});
    return;
  }
  ::close(fd_);
  fd_ = fresh;
}

void AccessLog::write(const AccessRecord& record) {
  append_access_line(batch_, record, config_.format, SystemClock().wall_ns());
  if (batch_.size() >= kBatchBytes) flush();
}

void AccessLog::flush() {
  std::string_view left = batch_;
  while (!left.empty()) {
    ssize_t written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (!failing_) log::error("access log lines lost", {{"error", system_error("write", errno)}});
      failing_ = true;
      break;
    }
    failing_ = false;
    left.remove_prefix(static_cast<size_t>(written));
  }
  batch_.clear();
}

}  // namespace weir::proxy
