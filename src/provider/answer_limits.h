#pragma once
// How much of a JSON answer is believed, whoever gives it.

#include <cstddef>

namespace weir::provider {

struct AnswerLimits {
  static constexpr size_t kDepthMax = 32;             // nested arrays and objects
  static constexpr size_t kTextBytesMax = 16 * 1024;  // one name or value; of tags there is no limit but the answer's
};

}  // namespace weir::provider
