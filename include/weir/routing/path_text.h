#pragma once
// A path's one form: what rules, middlewares and upstreams see of it, and how what people write in rules comes to it.
//
// Three kinds of characters, by RFC 3986. Unreserved ones (letters, digits, - . _ ~) stand as they are. Reserved ones
// (: / ? # [ ] @ ! $ & ' ( ) * + , ; =) and the percent sign mean another thing when they are escaped: each stays as it
// was sent, the digits of an escape in upper case. All others (blanks, quotes, letters of other alphabets) stand
// escaped. So a path that was sent in several spellings is one text, and comparing texts is comparing paths.

#include <string>
#include <string_view>

namespace weir::routing {

/// The form of a request's path (without query, begins with '/'): characters as above, and no dot or empty segments
/// but a last empty one (RFC 3986 sections 5.2.4 and 6.2.2). So /a/../b, /%62 and //b are /b, and an upstream that
/// resolves them itself cannot be led past a rule. Uses `storage` only where something has to change.
[[nodiscard]] std::string_view normal_path(std::string_view path, std::string& storage);

/// What a person has written as a path or its beginning, in that form. Segments stay: nobody's path holds `/../`.
[[nodiscard]] std::string path_text(std::string_view written);

/// The same of a path that is to be sent: there `?` and `#` are characters of the path.
[[nodiscard]] std::string sent_path_text(std::string_view written);

/// What regular expressions see, as in Traefik: escapes of characters that are not reserved are decoded, so that
/// `^/caf\xC3\xA9/[^ ]+$` can be written. `path` is normal; uses `storage` only where it holds an escape.
[[nodiscard]] std::string_view decoded_path(std::string_view path, std::string& storage);

/// How much of a normal path its first `decoded_bytes` decoded ones are.
[[nodiscard]] size_t encoded_bytes(std::string_view path, size_t decoded_bytes);

}  // namespace weir::routing
