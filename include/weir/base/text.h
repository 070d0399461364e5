#pragma once
// Small pure functions on text. ASCII only where case matters: HTTP and host names are ASCII.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

[[nodiscard]] constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
/// Space, tab, CR and LF: what trim() takes away.
[[nodiscard]] constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool has_upper(std::string_view text);
[[nodiscard]] bool equals_ignore_case(std::string_view a, std::string_view b);
/// Removes blanks at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);
/// "a,,b" at ',' -> {"a", "", "b"}; "" -> {""}.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/// Pieces trimmed, empty ones dropped: "a, ,b" -> {"a", "b"}.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text, char separator = ',');
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// Digits only, whole text, no sign; nothing on overflow.
[[nodiscard]] std::optional<uint64_t> parse_u64(std::string_view text);
/// As parse_u64, with an optional leading '-'.
[[nodiscard]] std::optional<int64_t> parse_i64(std::string_view text);

/// %41 -> A. Nothing when a % is not followed by two hex digits. '+' stays.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// All but RFC 3986 unreserved characters become %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Standard alphabet with padding; nothing when malformed.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);
[[nodiscard]] std::string hex_encode(std::string_view bytes);

/// & < > " ' as entities, for HTML text and attributes.
[[nodiscard]] std::string html_escape(std::string_view text);

/// 64-bit FNV-1a: stable over runs and machines.
[[nodiscard]] uint64_t fnv1a(std::string_view bytes, uint64_t seed = 14695981039346656037ULL);
/// To tell long texts apart within one process; never 0. Eight bytes at a time: a megabyte takes some 0.1 ms.
[[nodiscard]] uint64_t content_hash(std::string_view bytes);

}  // namespace weir
