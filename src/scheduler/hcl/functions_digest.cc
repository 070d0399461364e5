// Digests in hexadecimal digits, and the UUID that is one. See functions.h.

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/hcl/functions.h"
#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::scheduler::hcl {
namespace {

template <std::string (*Digest)(std::string_view)>
Result<Value> digits_of(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  return Value(hex_encode(Digest(*text)));
}

/// RFC 4122, appendix C.
constexpr std::pair<std::string_view, std::string_view> kNamespaces[] = {
    {"dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
    {"url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"},
    {"oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"},
    {"x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"},
};

/// The bytes of a UUID, also in braces, behind urn:uuid: or without dashes.
std::optional<std::string> uuid_bytes(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (equals_ignore_case(text.substr(0, kUrn.size()), kUrn)) {
    text.remove_prefix(kUrn.size());
    if (!is_uuid(text)) return std::nullopt;
  } else if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, 36);
  }
  std::string digits(text);
  if (is_uuid(text)) std::erase(digits, '-');
  if (digits.size() != 32) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t byte = 0;
    const char* end = digits.data() + i + 2;
    auto [stop, failure] = std::from_chars(digits.data() + i, end, byte, 16);
    if (failure != std::errc() || stop != end) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

Result<Value> uuidv5(const Arguments& arguments) {
  auto space = text_argument(arguments, 0);
  if (!space) return fail(space.error());
  auto name = text_argument(arguments, 1);
  if (!name) return fail(name.error());
  const auto* known = std::find_if(std::begin(kNamespaces), std::end(kNamespaces),
                                   [&](const auto& candidate) { return candidate.first == *space; });
  auto bytes = uuid_bytes(known == std::end(kNamespaces) ? std::string_view(*space) : known->second);
  if (!bytes) {
    return fail(ErrorCode::invalid, "\"" + *space + "\" is no namespace: it must be dns, url, oid, x500 or a UUID");
  }
  return Value(uuid_text(tls::sha1(*bytes + *name), 5));
}

constexpr Function kFunctions[] = {
    {"md5", 1, 1, digits_of<tls::md5>},
    {"sha1", 1, 1, digits_of<tls::sha1>},
    {"sha256", 1, 1, digits_of<tls::sha256>},
    {"sha512", 1, 1, digits_of<tls::sha512>},
    {"uuidv5", 2, 2, uuidv5},
};

}  // namespace

std::span<const Function> digest_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
