#include "weir/routing/path_text.h"

#include <array>
#include <cstdint>
#include <optional>

#include "weir/base/byte_block.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

enum class Kind : uint8_t { other, unreserved, reserved };

constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> out{};
  auto set = [&](std::string_view characters, Kind kind) {
    for (char c : characters) out[static_cast<unsigned char>(c)] = kind;
  };
  set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", Kind::unreserved);
  set(":/?#[]@!$&'()*+,;=%", Kind::reserved);
  return out;
}();

/// Bytes that may have to be written in another way: those that are always escaped, and the sign of an escape.
constexpr std::array<bool, 256> kUnsettled = [] {
  std::array<bool, 256> out{};
  for (size_t c = 0; c < out.size(); ++c) out[c] = kKinds[c] == Kind::other || c == '%';
  return out;
}();

Kind kind_of(char c) { return kKinds[static_cast<unsigned char>(c)]; }

/// The byte that an escape at the beginning of `text` stands for; nothing where there is none.
std::optional<char> escaped_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  auto decoded = percent_decode(text.substr(0, 3));
  return decoded ? std::optional((*decoded)[0]) : std::nullopt;
}

void append_escape(char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
}

/// Each character in its one way of writing; `always` are escaped as well.
void append_settled(std::string_view text, std::string_view always, std::string& out) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (auto byte = escaped_byte(text.substr(at))) {
      kind_of(*byte) == Kind::unreserved ? void(out += *byte) : append_escape(*byte, out);
      at += 2;
    } else if (kind_of(text[at]) == Kind::other || always.find(text[at]) != std::string_view::npos) {
      append_escape(text[at], out);
    } else {
      out += text[at];
    }
  }
}

/// Made of what most paths are, and no segment is empty or begins with a dot.
bool is_plain(std::string_view path) {
  auto outside = [](ByteBlock bytes) {
    return ~(bytes.letters() | bytes.within('-', '9') | bytes.equal('_') | bytes.equal('~'));
  };
  auto odd_segment = [](ByteBlock bytes, ByteBlock next) {
    return bytes.equal('/') & (next.equal('/') | next.equal('.'));
  };
  return none_in(outside, path) && none_in(odd_segment, path.substr(0, path.size() - 1), path.substr(1));
}

/// Whether a path could be anything but normal: one pass, true for few.
bool is_suspicious(std::string_view path) {
  if (is_plain(path)) return false;
  char before = 0;
  for (char c : path) {
    if (kUnsettled[static_cast<unsigned char>(c)] || (before == '/' && (c == '/' || c == '.'))) return true;
    before = c;
  }
  return false;
}

/// Removes "." and "..", and empty segments but a last one.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  auto segments = split(path.substr(1), '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    bool last = i + 1 == segments.size();
    std::string_view segment = segments[i];
    if (segment == "." || segment == ".." || segment.empty()) {
      if (segment == "..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (last) out += '/';
      continue;
    }
    out += '/';
    out += segment;
  }
  return out.empty() ? "/" : out;
}

/// The byte that stands escaped at the beginning of a normal path's rest, and that decoding shows.
std::optional<char> shown_byte(std::string_view rest) {
  auto byte = escaped_byte(rest);
  return byte && kind_of(*byte) == Kind::other ? byte : std::nullopt;
}

}  // namespace

std::string_view normal_path(std::string_view path, std::string& storage) {
  if (!is_suspicious(path)) return path;
  std::string settled;
  append_settled(path, "", settled);
  storage = remove_dot_segments(settled);
  return storage;
}

std::string path_text(std::string_view written) {
  std::string out;
  append_settled(written, "", out);
  return out;
}

std::string sent_path_text(std::string_view written) {
  std::string out;
  append_settled(written, "?#", out);
  return out;
}

std::string_view decoded_path(std::string_view path, std::string& storage) {
  if (path.find('%') == std::string_view::npos) return path;
  storage.clear();
  for (size_t at = 0; at < path.size(); ++at) {
    auto byte = shown_byte(path.substr(at));
    storage += byte.value_or(path[at]);
    at += byte ? 2 : 0;
  }
  return storage;
}

size_t encoded_bytes(std::string_view path, size_t decoded_bytes) {
  size_t at = 0;
  for (size_t seen = 0; seen < decoded_bytes && at < path.size(); ++seen) at += shown_byte(path.substr(at)) ? 3 : 1;
  return at;
}

}  // namespace weir::routing
