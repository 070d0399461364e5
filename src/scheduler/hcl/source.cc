#include "scheduler/hcl/source.h"

#include <algorithm>
#include <utility>

#include "weir/base/text.h"

namespace weir::scheduler::hcl {

Source::Source(std::string name, std::string_view text)
    : name_(std::move(name)), text_(replace_all(text, "\r\n", "\n")) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(static_cast<uint32_t>(i + 1));
  }
}

std::string_view Source::slice(uint32_t begin, uint32_t end) const {
  return std::string_view(text_).substr(begin, end - begin);
}

uint32_t Source::line_of(uint32_t offset) const {
  auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return static_cast<uint32_t>(after - line_starts_.begin());
}

uint32_t Source::column_of(uint32_t offset) const {
  uint32_t column = 1;
  for (uint32_t i = line_starts_[line_of(offset) - 1]; i < offset && i < text_.size(); ++i) {
    bool continues = (static_cast<unsigned char>(text_[i]) & 0xC0) == 0x80;  // the second and later bytes of UTF-8
    if (!continues) ++column;
  }
  return column;
}

std::string Source::place_of(uint32_t offset) const {
  return "line " + std::to_string(line_of(offset)) + ", column " + std::to_string(column_of(offset));
}

Error Source::error_at(uint32_t offset, std::string message) const {
  return Error{ErrorCode::invalid, std::move(message), name_, line_of(offset), column_of(offset)};
}

}  // namespace weir::scheduler::hcl
