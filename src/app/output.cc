#include "app/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "weir/base/clock.h"
#include "weir/base/duration.h"

namespace weir::app {

std::string columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string key_values(const std::vector<std::pair<std::string, std::string>>& pairs) {
  size_t width = 0;
  for (const auto& [key, value] : pairs) width = std::max(width, key.size());
  std::string out;
  for (const auto& [key, value] : pairs) out += key + std::string(width - key.size(), ' ') + " = " + value + "\n";
  return out;
}

std::string short_id(const std::string& id, bool whole) { return whole ? id : id.substr(0, 8); }

std::string time_text(int64_t wall_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  return wall_ns == 0 ? "-" : format_rfc3339(wall_ns / kSecond * kSecond);
}

std::string ago_text(int64_t wall_ns) {
  if (wall_ns == 0) return "-";
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t passed = std::max<int64_t>(0, SystemClock().wall_ns() - wall_ns) / kSecond * kSecond;
  return format_duration(passed) + " ago";
}

std::string_view last_lines(std::string_view text, uint64_t lines) {
  if (lines == 0) return {};
  for (size_t at = text.size(); at-- > 0;) {
    bool before_a_line = text[at] == '\n' && at + 1 < text.size();
    if (before_a_line && --lines == 0) return text.substr(at + 1);
  }
  return text;
}

int flush_output(int code) {
  bool failed = std::ferror(stdout) != 0;
  failed = std::fflush(stdout) != 0 || failed;
  if (!failed) return code;
  if (code == 0) std::fprintf(stderr, "weir: standard output: %s\n", std::strerror(errno));
  return code == 0 ? 1 : code;
}

}  // namespace weir::app
