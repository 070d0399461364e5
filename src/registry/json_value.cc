#include "registry/json_value.h"

#include <cstdio>

#include "weir/base/utf8.h"

namespace weir::registry {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quote_character(char c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  if (c == '\n') return "'\\n'";
  if (c == '\r') return "'\\r'";
  if (c == '\t') return "'\\t'";
  if (static_cast<uint8_t>(c) >= 0x20 && static_cast<uint8_t>(c) < 0x7F) return std::string("'") + c + "'";
  char code[8];
  std::snprintf(code, sizeof code, "'\\x%02x'", static_cast<unsigned>(static_cast<uint8_t>(c)));
  return code;
}

/// Recursive descent; every failure is the text Go would give.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonValue> parse() {
    skip_space();
    if (at_end()) return fail(ErrorCode::invalid, "EOF");
    JsonValue value;
    if (Status done = parse_value(value, 0); !done) return fail(done.error());
    return value;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return text_[at_]; }
  void skip_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  Status unexpected(std::string_view context) const {
    if (at_end()) return fail(ErrorCode::invalid, "unexpected EOF");
    return fail(ErrorCode::invalid, "invalid character " + quote_character(peek()) + " " + std::string(context));
  }

  Status parse_value(JsonValue& value, size_t depth) {
    if (depth > JsonValue::kDepthMax) return fail(ErrorCode::too_large, "exceeded max depth");
    if (at_end()) return unexpected("");
    switch (peek()) {
      case '{': return parse_object(value, depth);
      case '[': return parse_array(value, depth);
      case '"': value.kind = JsonValue::Kind::string; return parse_string(value.text);
      case 't':
        value.flag = true;
        value.kind = JsonValue::Kind::boolean;
        return parse_word("true");
      case 'f': value.kind = JsonValue::Kind::boolean; return parse_word("false");
      case 'n': return parse_word("null");
      default: break;
    }
    if (peek() == '-' || is_digit(peek())) return parse_number(value);
    return unexpected("looking for beginning of value");
  }

  Status parse_word(std::string_view word) {
    for (size_t i = 0; i < word.size(); ++i, ++at_) {
      if (!at_end() && peek() == word[i]) continue;
      return unexpected("in literal " + std::string(word) + " (expecting " + quote_character(word[i]) + ")");
    }
    return {};
  }

  Status parse_digits(std::string_view context) {
    if (at_end() || !is_digit(peek())) return unexpected(context);
    while (!at_end() && is_digit(peek())) ++at_;
    return {};
  }

  Status parse_number(JsonValue& value) {
    size_t start = at_;
    value.kind = JsonValue::Kind::number;
    if (peek() == '-') ++at_;
    if (!at_end() && peek() == '0') {
      ++at_;
    } else if (Status done = parse_digits("in numeric literal"); !done) {
      return done;
    }
    if (!at_end() && peek() == '.') {
      ++at_;
      if (Status done = parse_digits("after decimal point in numeric literal"); !done) return done;
    }
    if (!at_end() && (peek() == 'e' || peek() == 'E')) {
      ++at_;
      if (!at_end() && (peek() == '+' || peek() == '-')) ++at_;
      if (Status done = parse_digits("in exponent of numeric literal"); !done) return done;
    }
    value.text = text_.substr(start, at_ - start);
    return {};
  }

  Status parse_string(std::string& out) {
    for (++at_; !at_end();) {
      char c = peek();
      if (c == '"') {
        ++at_;
        return {};
      }
      if (static_cast<uint8_t>(c) < 0x20) return unexpected("in string literal");
      if (c == '\\') {
        if (Status done = parse_escape(out); !done) return done;
        continue;
      }
      size_t length = utf8_length(text_.substr(at_));
      out += length == 0 ? std::string_view("\uFFFD") : text_.substr(at_, length);
      at_ += length == 0 ? 1 : length;
    }
    return unexpected("");
  }

  Status parse_escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (++at_; at_end()) return unexpected("");
    if (size_t index = kNames.find(peek()); index != std::string_view::npos) {
      out += kMeanings[index];
      ++at_;
      return {};
    }
    if (peek() != 'u') return unexpected("in string escape code");
    uint32_t code = 0;
    if (Status done = parse_hex(code); !done) return done;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      size_t before = at_++;
      uint32_t low = 0;
      if (Status done = parse_hex(low); !done) return done;
      if (low >= 0xDC00 && low < 0xE000) {
        append_utf8(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
        return {};
      }
      at_ = before;
    }
    append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return {};
  }

  // At the 'u'.
  Status parse_hex(uint32_t& code) {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = at_end() ? 'x' : peek();
      uint32_t digit = is_digit(c)              ? static_cast<uint32_t>(c - '0')
                       : (c >= 'a' && c <= 'f') ? static_cast<uint32_t>(c - 'a' + 10)
                       : (c >= 'A' && c <= 'F') ? static_cast<uint32_t>(c - 'A' + 10)
                                                : 16U;
      if (digit == 16) return unexpected("in \\u hexadecimal character escape");
      code = code * 16 + digit;
    }
    return {};
  }

  Status parse_array(JsonValue& value, size_t depth) {
    value.kind = JsonValue::Kind::array;
    ++at_;
    skip_space();
    if (!at_end() && peek() == ']') {
      ++at_;
      return {};
    }
    while (true) {
      skip_space();
      if (Status done = parse_value(value.items.emplace_back(), depth + 1); !done) return done;
      skip_space();
      if (at_end() || (peek() != ',' && peek() != ']')) return unexpected("after array element");
      if (text_[at_++] == ']') return {};
    }
  }

  Status parse_object(JsonValue& value, size_t depth) {
    value.kind = JsonValue::Kind::object;
    ++at_;
    skip_space();
    if (!at_end() && peek() == '}') {
      ++at_;
      return {};
    }
    while (true) {
      skip_space();
      if (at_end() || peek() != '"') return unexpected("looking for beginning of object key string");
      auto& member = value.members.emplace_back();
      if (Status done = parse_string(member.name); !done) return done;
      skip_space();
      if (at_end() || peek() != ':') return unexpected("after object key");
      ++at_;
      skip_space();
      if (Status done = parse_value(member.value, depth + 1); !done) return done;
      skip_space();
      if (at_end() || (peek() != ',' && peek() != '}')) return unexpected("after object key:value pair");
      if (text_[at_++] == '}') return {};
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    if (member->name == name) return &member->value;
  }
  return nullptr;
}

std::string_view JsonValue::kind_name() const {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "bool";
    case Kind::number: return "number";
    case Kind::string: return "string";
    case Kind::array: return "array";
    case Kind::object: return "object";
  }
  return "";
}

Result<JsonValue> JsonValue::parse(std::string_view text) { return Parser(text).parse(); }

}  // namespace weir::registry
