#pragma once
// Content codings (RFC 9110 section 8.4.1), and which of them a client takes. Pure.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir {

enum class ContentCoding : uint8_t { identity, gzip, br, zstd };
inline constexpr size_t kContentCodings = 4;

/// As it stands in Content-Encoding.
[[nodiscard]] std::string_view coding_name(ContentCoding coding);
/// The coding of that name, without regard to case; "x-gzip" too. Nothing: it is none of these.
[[nodiscard]] std::optional<ContentCoding> parse_coding(std::string_view name);

/// What a request's Accept-Encoding fields say (RFC 9110 section 12.5.3). A value.
class AcceptedCodings {
 public:
  /// One such field's value. What it says of codings that are none of these, or with a weight that is none, says
  /// nothing.
  void add(std::string_view field);
  /// Of those offered the one with the greatest weight, of equals the first; identity where it wants none of them, or
  /// the body as it is rather than any. `unasked`: what a client gets that says nothing, or that all are the same.
  [[nodiscard]] ContentCoding choose(std::span<const ContentCoding> offered, ContentCoding unasked) const;

 private:
  static constexpr int kUnsaid = -1;
  void add_item(std::string_view item);
  [[nodiscard]] int weight(ContentCoding coding) const;

  // in thousandths
  std::array<int, kContentCodings> weights_ = {kUnsaid, kUnsaid, kUnsaid, kUnsaid};
  int others_ = kUnsaid;  // "*"
  bool said_ = false;     // there is such a field, though it may be empty
};

}  // namespace weir
