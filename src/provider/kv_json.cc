#include "provider/kv_json.h"

#include <algorithm>

#include "provider/json_answer.h"
#include "weir/base/text.h"

namespace weir::provider {

Result<std::vector<KvPair>> decode_kv_pairs(std::string_view body) {
  std::vector<KvPair> out;
  if (body.empty()) return out;
  auto parsed = parse_array(body, kKvPairsMax, "keys");
  if (!parsed) return fail(parsed.error());
  for (const nlohmann::json& row : *parsed) {
    if (!row.is_object()) return malformed("a key is no object");
    KvPair pair;
    if (Status read = read_text(row, "Key", pair.key, true); !read) return fail(read.error());
    if (pair.key.size() > kKvKeyBytesMax) return too_many("bytes in a key", kKvKeyBytesMax);
    if (const nlohmann::json* value = member(row, "Value")) {
      auto text = value->is_string() ? base64_decode(value->get_ref<const std::string&>()) : std::nullopt;
      if (!text) return malformed("the value of key " + pair.key + " is no base64");
      pair.value = std::move(*text);
    }
    out.push_back(std::move(pair));
  }
  std::sort(out.begin(), out.end(), [](const KvPair& a, const KvPair& b) { return a.key < b.key; });
  return out;
}

}  // namespace weir::provider
