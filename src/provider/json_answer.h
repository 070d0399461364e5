#pragma once
// What the decoders of JSON answers have in common: nothing is trusted, and what is not as expected is an error.
// For *_json.cc only.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "provider/answer_limits.h"
#include "weir/base/result.h"

namespace weir::provider {

tl::unexpected<Error> malformed(std::string what);
tl::unexpected<Error> too_many(std::string_view what, size_t limit);

Result<nlohmann::json> parse_answer(std::string_view body);
Result<nlohmann::json> parse_array(std::string_view body, size_t items_max, std::string_view what);
/// Null where it is absent or null: Go writes null for an unset list or map.
const nlohmann::json* member(const nlohmann::json& object, const char* key);
Result<std::string> text_of(const nlohmann::json& value, std::string_view what);
Status read_text(const nlohmann::json& object, const char* key, std::string& out, bool required = false);
/// `list` may be null.
Status read_texts(const nlohmann::json* list, std::string_view what, std::vector<std::string>& out);
/// A whole number that fits; outside of the range it becomes the nearest end of it.
Status read_number(const nlohmann::json& object, const char* key, int64_t least, int64_t most, int64_t& out);

}  // namespace weir::provider
