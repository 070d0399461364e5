#include "provider/connect_json.h"

#include <initializer_list>
#include <utility>

#include "provider/json_answer.h"

namespace weir::provider {

Result<ConnectLeaf> decode_connect_leaf(std::string_view body) {
  auto parsed = parse_answer(body);
  if (!parsed) return fail(parsed.error());
  if (!parsed->is_object()) return malformed("a leaf is no object");
  ConnectLeaf leaf;
  std::initializer_list<std::pair<const char*, std::string*>> texts = {{"Service", &leaf.service},
                                                                       {"ServiceURI", &leaf.uri},
                                                                       {"CertPEM", &leaf.chain_pem},
                                                                       {"PrivateKeyPEM", &leaf.key_pem}};
  for (const auto& [key, text] : texts) {
    if (Status read = read_text(*parsed, key, *text, true); !read) return fail(read.error());
    if (text->empty()) return malformed(std::string("a leaf without ") + key);
  }
  return leaf;
}

Result<std::string> decode_connect_roots(std::string_view body) {
  auto parsed = parse_answer(body);
  if (!parsed) return fail(parsed.error());
  if (!parsed->is_object()) return malformed("roots are no object");
  const nlohmann::json* roots = member(*parsed, "Roots");
  if (roots == nullptr || !roots->is_array() || roots->empty()) return malformed("no roots: is Connect enabled?");
  if (roots->size() > kConnectRootsMax) return too_many("roots", kConnectRootsMax);
  std::string out;
  for (const nlohmann::json& root : *roots) {
    if (!root.is_object()) return malformed("a root is no object");
    std::string pem;
    if (Status read = read_text(root, "RootCert", pem, true); !read) return fail(read.error());
    out += pem + "\n";
  }
  return out;
}

}  // namespace weir::provider
