#include "weir/proxy/path.h"

#include "weir/base/text.h"

namespace weir::proxy {
namespace {

bool is_unreserved(unsigned char c) {
  char lower = ascii_lower(static_cast<char>(c));
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Whether a path could be anything but its own normal form: one pass, true for few.
bool is_suspicious(std::string_view path) {
  char before = 0;
  for (char c : path) {
    if (c == '%' || static_cast<unsigned char>(c) >= 0x80 || (before == '/' && (c == '/' || c == '.'))) return true;
    before = c;
  }
  return false;
}

void append_escape(unsigned char byte, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
}

std::string decode_unreserved(std::string_view path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      auto decoded = percent_decode(path.substr(i, 3));
      const auto byte = decoded ? static_cast<unsigned char>((*decoded)[0]) : '%';
      if (is_unreserved(byte)) out += *decoded;
      if (byte <= ' ' || byte >= 0x80) append_escape(byte, out);  // one way of writing it, for rules that name it
      if (is_unreserved(byte) || byte <= ' ' || byte >= 0x80) {
        i += 2;
        continue;
      }
    }
    const auto raw = static_cast<unsigned char>(path[i]);
    if (raw >= 0x80) {
      append_escape(raw, out);
    } else {
      out += path[i];
    }
  }
  return out;
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

}  // namespace

NormalTarget normalise_target(std::string_view target, std::string& storage) {
  NormalTarget out;
  size_t question = target.find('?');
  out.path = target.substr(0, question);
  if (question != std::string_view::npos) {
    out.has_query = true;
    out.query = target.substr(question + 1);
  }
  if (!out.path.starts_with('/') || !is_suspicious(out.path)) return out;
  storage = remove_dot_segments(decode_unreserved(out.path));
  out.rewritten = storage != out.path;
  out.path = storage;
  return out;
}

std::string_view port_of(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const bool named = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return named ? authority.substr(colon + 1) : std::string_view();
}

std::string_view normalise_host(std::string_view authority, std::string& storage) {
  // The port goes; the colons of an IPv6 literal stand within brackets.
  if (authority.find(':') != std::string_view::npos) {
    size_t colon = authority.rfind(':');
    if (authority.find(']', colon) == std::string_view::npos) authority = authority.substr(0, colon);
  }
  if (authority.ends_with('.')) authority.remove_suffix(1);
  if (!has_upper(authority)) return authority;
  storage = to_lower(authority);
  return storage;
}

}  // namespace weir::proxy
