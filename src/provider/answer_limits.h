#pragma once
// How much of a JSON answer is believed, whoever gives it.

#include <cstddef>

namespace weir::provider {

struct AnswerLimits {
  static constexpr size_t kDepthMax = 32;             // nested arrays and objects
  static constexpr size_t kTagsMax = 4'096;           // of one instance, or of one name in a list
  static constexpr size_t kTextBytesMax = 16 * 1024;  // one name, tag or value
};

}  // namespace weir::provider
