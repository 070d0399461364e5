#include "provider/dynamic_json.h"

#include <cmath>

#include "provider/json_answer.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

using nlohmann::json;

/// The depth is bounded by parse_answer.
Status flatten(const json& node, std::vector<std::string>& path, std::vector<routing::ConfigValue>& out) {
  auto descend = [&](std::string segment, const json& child) {
    path.push_back(std::move(segment));
    Status done = flatten(child, path, out);
    path.pop_back();
    return done;
  };
  if (node.is_object() && !node.empty()) {
    for (const auto& [key, child] : node.items()) {
      if (Status done = descend(key, child); !done) return done;
    }
    return {};
  }
  if (node.is_array()) {
    size_t number = 0;
    for (const json& child : node) {
      if (Status done = descend(std::to_string(number++), child); !done) return done;
    }
    return {};
  }
  if (node.is_null()) return {};
  if (out.size() == routing::kConfigValuesMax) return too_many("values", routing::kConfigValuesMax);
  std::string value = "true";  // of an empty object
  if (node.is_string()) value = node.get<std::string>();
  if (node.is_primitive() && !node.is_string()) value = node.dump();
  // 1e3 is a whole number; 2^53 and more would not be told exactly.
  if (node.is_number_float()) {
    const auto number = node.get<double>();
    if (std::abs(number) < 9e15 && std::trunc(number) == number) value = std::to_string(static_cast<int64_t>(number));
  }
  out.push_back({path, std::move(value), join(path, ".")});
  return {};
}

}  // namespace

Result<std::vector<routing::ConfigValue>> decode_dynamic_document(std::string_view body) {
  auto document = parse_answer(body);
  if (!document) return fail(document.error());
  if (!document->is_object()) return malformed("expected a JSON object");
  std::vector<routing::ConfigValue> out;
  if (document->empty()) return out;
  std::vector<std::string> path;
  if (Status done = flatten(*document, path, out); !done) return fail(done.error());
  return out;
}

}  // namespace weir::provider
