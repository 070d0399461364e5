#pragma once
// The text of one file and the way from an offset in it to a line and column.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::scheduler::hcl {

/// Owned by whoever reads the file; outlives every Body and Expression made from it (they hold offsets).
class Source {
 public:
  Source(std::string name, std::string_view text);

  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// [begin, end) of the text.
  [[nodiscard]] std::string_view slice(uint32_t begin, uint32_t end) const;
  /// From 1; columns count characters, not bytes.
  [[nodiscard]] uint32_t line_of(uint32_t offset) const;
  [[nodiscard]] uint32_t column_of(uint32_t offset) const;
  /// "line 3, column 7"
  [[nodiscard]] std::string place_of(uint32_t offset) const;
  [[nodiscard]] Error error_at(uint32_t offset, std::string message) const;

 private:
  std::string name_;
  std::string text_;  // line ends are all "\n"
  std::vector<uint32_t> line_starts_;
};

}  // namespace weir::scheduler::hcl
