#include "scheduler/hcl/functions.h"

#include <charconv>
#include <cmath>

#include "scheduler/hcl/limits.h"

namespace weir::scheduler::hcl {

const Function* find_function(std::string_view name) {
  for (auto functions :
       {text_functions(), collection_functions(), number_functions(), regexp_functions(), encoding_functions(),
        csv_functions(), digest_functions(), network_functions(), time_functions()}) {
    for (const Function& function : functions) {
      if (function.name == name) return &function;
    }
  }
  return nullptr;
}

tl::unexpected<Error> bad_argument(size_t i, std::string_view must_be, const Value& value) {
  return fail(ErrorCode::invalid, "argument " + std::to_string(i + 1) + " must be " + std::string(must_be) +
                                      ", not a " + std::string(value.kind()));
}

Result<std::string> text_argument(const Arguments& arguments, size_t i) {
  const Value& value = arguments[i];
  if (value.is_list() || value.is_object() || value.is_null()) return bad_argument(i, "a string", value);
  return value.to_text();
}

Result<double> number_argument(const Arguments& arguments, size_t i) {
  const Value& value = arguments[i];
  if (value.is_number()) return value.as_number();
  if (!value.is_string()) return bad_argument(i, "a number", value);
  const std::string& text = value.as_string();
  double number = 0;
  auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_all = failure == std::errc() && stop == text.data() + text.size() && std::isfinite(number);
  if (!is_all) return bad_argument(i, "a number", value);
  return number;
}

Result<int64_t> whole_argument(const Arguments& arguments, size_t i) {
  auto number = number_argument(arguments, i);
  if (!number) return fail(number.error());
  Value value = arguments[i].is_integer() ? arguments[i] : Value::number(*number);
  if (!value.is_integer()) return bad_argument(i, "a whole number", value);
  return value.as_integer();
}

Result<const Value::List*> list_argument(const Arguments& arguments, size_t i) {
  if (!arguments[i].is_list()) return bad_argument(i, "a list", arguments[i]);
  return &arguments[i].as_list();
}

Status within_text_limit(size_t bytes) {
  if (bytes <= kTextBytesMax) return {};
  return fail(ErrorCode::too_large, "the result is larger than " + std::to_string(kTextBytesMax) + " bytes");
}

}  // namespace weir::scheduler::hcl
