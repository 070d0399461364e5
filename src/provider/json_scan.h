#pragma once
// Where one is in a JSON text, byte by byte, without reading what it says.

#include <cstddef>

namespace weir::provider {

/// A value. Of text that is no JSON it tells what its brackets and quotes amount to.
class JsonScan {
 public:
  void take(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (quoted_) {
      escaped_ = c == '\\';
      quoted_ = c != '"';
    } else if (c == '"') {
      quoted_ = true;
    } else if (c == '[' || c == '{') {
      ++depth_;
    } else if ((c == ']' || c == '}') && depth_ > 0) {
      --depth_;
    }
  }
  /// Brackets that are open.
  [[nodiscard]] size_t depth() const { return depth_; }
  /// Within a string, or a name.
  [[nodiscard]] bool quoted() const { return quoted_; }

 private:
  size_t depth_ = 0;
  bool quoted_ = false;
  bool escaped_ = false;
};

}  // namespace weir::provider
