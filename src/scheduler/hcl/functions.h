#pragma once
// The functions a job file may call. Pure but for file() and uuidv4().

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/scheduler/value.h"

namespace weir::scheduler::hcl {

/// Where file() may read from: nothing = it may not.
struct FileAccess {
  std::optional<std::string> folder;
};

struct Arguments {
  const std::vector<Value>& values;
  const FileAccess& files;
  [[nodiscard]] const Value& operator[](size_t i) const { return values[i]; }
  [[nodiscard]] size_t size() const { return values.size(); }
};

struct Function {
  static constexpr size_t kAnyCount = 255;
  std::string_view name;
  size_t arguments_min;
  size_t arguments_max;                               // kAnyCount: no limit
  Result<Value> (*call)(const Arguments& arguments);  // errors carry a message and no place
};

/// nullptr when there is none. try() and can() are not here: the evaluator has them.
const Function* find_function(std::string_view name);

std::span<const Function> text_functions();
std::span<const Function> collection_functions();
std::span<const Function> number_functions();
std::span<const Function> regexp_functions();
std::span<const Function> encoding_functions();
std::span<const Function> csv_functions();
std::span<const Function> digest_functions();
std::span<const Function> network_functions();
std::span<const Function> time_functions();

// For the functions' own use: an argument as what it should be, numbers and bools turning into text and back.
Result<std::string> text_argument(const Arguments& arguments, size_t i);
Result<double> number_argument(const Arguments& arguments, size_t i);
Result<int64_t> whole_argument(const Arguments& arguments, size_t i);
Result<const Value::List*> list_argument(const Arguments& arguments, size_t i);
tl::unexpected<Error> bad_argument(size_t i, std::string_view must_be, const Value& value);
/// An error when `bytes` is more than one string may have.
Status within_text_limit(size_t bytes);

}  // namespace weir::scheduler::hcl
