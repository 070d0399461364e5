#include "config/option_value.h"

#include <type_traits>

#include "weir/base/text.h"
#include "weir/base/url.h"

namespace weir::config {

namespace {

/// Stores one value; each overload takes one type of slot.
class Setter {
 public:
  Setter(const Option& option, std::string_view key, const Node& value, std::string_view folder,
         std::vector<Error>& errors)
      : option_(option), key_(key), value_(value), folder_(folder), errors_(errors) {}

  void operator()(std::string* out) {
    if (!expect(value_, Node::Kind::string)) return;
    if (auto text = checked(value_)) *out = *text;
  }

  void operator()(bool* out) {
    if (expect(value_, Node::Kind::boolean)) *out = value_.boolean;
  }

  void operator()(uint32_t* out) {
    if (!expect(value_, Node::Kind::integer)) return;
    if (value_.integer < int64_t{option_.min} || value_.integer > int64_t{option_.max}) {
      return complain(value_, "expected " + describe_type(option_) + ", found " + std::to_string(value_.integer));
    }
    *out = static_cast<uint32_t>(value_.integer);
  }

  void operator()(std::vector<std::string>* out) {
    if (!expect(value_, Node::Kind::array)) return;
    std::vector<std::string> texts;
    size_t errors_before = errors_.size();
    for (const Node& item : value_.items) {
      if (!expect(item, Node::Kind::string)) continue;
      if (auto text = checked(item)) texts.push_back(*text);
    }
    if (errors_.size() == errors_before) *out = std::move(texts);
  }

  /// Networks, ranges of statuses: whatever has a parse().
  template <typename Item>
  requires requires { Item::parse(std::string_view()); }
  void operator()(std::vector<Item>* out) {
    if (!expect(value_, Node::Kind::array)) return;
    std::vector<Item> items;
    size_t errors_before = errors_.size();
    for (const Node& item : value_.items) {
      if (!expect(item, Node::Kind::string)) continue;
      auto parsed = Item::parse(item.text);
      if (parsed) {
        items.push_back(*parsed);
      } else {
        complain(item, parsed.error().message);
      }
    }
    if (errors_.size() == errors_before) *out = std::move(items);
  }

  void operator()(SocketAddress* out) {
    if (!expect(value_, Node::Kind::string)) return;
    auto address = SocketAddress::parse(value_.text);
    if (!address) return complain(value_, address.error().message);
    *out = *address;
  }

  void operator()(std::optional<SocketAddress>* out) {
    if (!expect(value_, Node::Kind::string)) return;
    if (value_.text.empty()) return out->reset();
    SocketAddress address;
    size_t errors_before = errors_.size();
    (*this)(&address);
    if (errors_.size() == errors_before) *out = address;
  }

  template <typename Enum>
  requires std::is_enum_v<Enum>
  void operator()(Enum* out) {
    if (!expect(value_, Node::Kind::string) || !checked(value_)) return;
    std::vector<std::string_view> words = split(option_.choices, '|');
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == value_.text) *out = static_cast<Enum>(i);
    }
  }

 private:
  bool expect(const Node& node, Node::Kind kind) {
    if (node.kind == kind) return true;
    complain(node, "expected " + describe_type(option_) + ", found " + std::string(to_string(node.kind)));
    return false;
  }

  /// The text where it has its option's shape; paths resolved.
  std::optional<std::string> checked(const Node& node) {
    switch (option_.shape) {
      case Shape::any: break;
      case Shape::one_of:
        for (std::string_view word : split(option_.choices, '|')) {
          if (word == node.text) return node.text;
        }
        complain(node, "expected " + describe_type(option_) + ", found \"" + node.text + "\"");
        return std::nullopt;
      case Shape::path:
        if (node.text.empty() || node.text[0] == '/' || folder_.empty()) break;
        return std::string(folder_) + "/" + node.text;
      case Shape::url:
        if (auto url = Url::parse(node.text); !url) {
          complain(node, url.error().message);
          return std::nullopt;
        }
        break;
    }
    return node.text;
  }

  void complain(const Node& node, const std::string& message) {
    errors_.push_back(node.error(std::string(key_) + ": " + message));
  }

  const Option& option_;
  std::string_view key_;
  const Node& value_;
  std::string_view folder_;
  std::vector<Error>& errors_;
};

}  // namespace

Result<StatusRange> StatusRange::parse(std::string_view text) {
  size_t dash = text.find('-');
  auto first = parse_u64(text.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : parse_u64(text.substr(dash + 1));
  bool good = first && last && *first >= 100 && *first <= *last && *last <= 999;
  if (!good)
    return fail(ErrorCode::invalid, "expected a status such as 404 or 500-599, found \"" + std::string(text) + "\"");
  return StatusRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

void set_option(const Option& option, std::string_view key, const Node& value, std::string_view folder,
                const Slot& slot, std::vector<Error>& errors) {
  std::visit(Setter(option, key, value, folder, errors), slot);
}

Node value_from_text(const Slot& slot, std::string_view text, const std::string& flag) {
  Node node;
  node.file = std::make_shared<const std::string>(flag);
  node.kind = Node::Kind::string;
  node.text = std::string(text);
  if (std::holds_alternative<std::vector<std::string>*>(slot) || std::holds_alternative<std::vector<Cidr>*>(slot) ||
      std::holds_alternative<std::vector<StatusRange>*>(slot)) {
    node.kind = Node::Kind::array;
    for (std::string_view piece : split_list(text)) {
      Node& item = node.items.emplace_back();
      item.file = node.file;
      item.kind = Node::Kind::string;
      item.text = std::string(piece);
    }
  } else if (std::holds_alternative<uint32_t*>(slot)) {
    if (auto number = parse_i64(text)) {
      node.kind = Node::Kind::integer;
      node.integer = *number;
    }
  } else if (std::holds_alternative<bool*>(slot) && (text == "true" || text == "false")) {
    node.kind = Node::Kind::boolean;
    node.boolean = text == "true";
  }
  return node;
}

}  // namespace weir::config
