// Functions that encode and decode, and the two that are not pure: file() and uuidv4(). See functions.h.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"
#include "scheduler/job_json_parts.h"
#include "weir/base/file.h"
#include "weir/base/random.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

Result<Value> jsonencode(const Arguments& arguments) {
  using Json = nlohmann::json;
  std::string text = value_to_json(arguments[0]).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (auto fits = within_text_limit(text.size()); !fits) return fail(fits.error());
  // As Go's encoder: the result may be pasted into HTML.
  text = replace_all(replace_all(replace_all(text, "<", "\\u003c"), ">", "\\u003e"), "&", "\\u0026");
  return Value(std::move(text));
}

/// Brackets in brackets, whatever stands in strings: an upper bound, good enough to keep recursion short.
int bracket_depth(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (char c : text) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

Result<Value> jsondecode(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  if (bracket_depth(*text) > kNestingDepthMax) return fail(ErrorCode::too_large, "the JSON is nested too deeply");
  auto json = nlohmann::json::parse(*text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::invalid, "the text is not JSON");
  return value_from_json(json);
}

Result<Value> base64encode(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  return Value(base64_encode(*text));
}

Result<Value> base64decode(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto bytes = base64_decode(*text);
  if (!bytes) return fail(ErrorCode::invalid, "the text is not base64");
  return Value(std::move(*bytes));
}

Result<Value> urlencode(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  return Value(replace_all(percent_encode(*text), "%20", "+"));
}

Result<Value> uuid(const Arguments&) { return Value(make_uuid()); }

Result<Value> file(const Arguments& arguments) {
  auto path = text_argument(arguments, 0);
  if (!path) return fail(path.error());
  if (!arguments.files.folder)
    return fail(ErrorCode::refused, "files are not read here: this file is parsed by a server");
  bool is_absolute = path->starts_with("/");
  auto content = read_file(is_absolute ? *path : *arguments.files.folder + "/" + *path, kSourceBytesMax);
  if (!content) return fail(content.error().code, content.error().message);
  return Value(std::move(*content));
}

constexpr Function kFunctions[] = {
    {"jsonencode", 1, 1, jsonencode},
    {"jsondecode", 1, 1, jsondecode},
    {"base64encode", 1, 1, base64encode},
    {"base64decode", 1, 1, base64decode},
    {"urlencode", 1, 1, urlencode},
    {"uuidv4", 0, 0, uuid},
    {"file", 1, 1, file},
};

}  // namespace

std::span<const Function> encoding_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
