#include "weir/config/document.h"

#include <algorithm>

// The only file that sees the TOML library: it is heavy, and its parse errors must come as values.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace weir::config {

namespace {

constexpr size_t kTextBytesMax = 4 * 1024 * 1024;

/// Copies the library's tree into ours. Fails at the first value that has no place in a configuration.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

  Status copy(const toml::node& from, Node& to) {
    to.file = file_;
    to.line = from.source().begin.line;
    to.column = from.source().begin.column;
    switch (from.type()) {
      case toml::node_type::table: return copy_table(*from.as_table(), to);
      case toml::node_type::array: return copy_array(*from.as_array(), to);
      case toml::node_type::string:
        to.kind = Node::Kind::string;
        to.text = from.as_string()->get();
        return {};
      case toml::node_type::integer:
        to.kind = Node::Kind::integer;
        to.integer = from.as_integer()->get();
        return {};
      case toml::node_type::floating_point:
        to.kind = Node::Kind::real;
        to.real = from.as_floating_point()->get();
        return {};
      case toml::node_type::boolean:
        to.kind = Node::Kind::boolean;
        to.boolean = from.as_boolean()->get();
        return {};
      case toml::node_type::date:
      case toml::node_type::time:
      case toml::node_type::date_time:
      case toml::node_type::none: break;
    }
    return fail(to.error("a date or time is not a value any option takes"));
  }

 private:
  Status copy_table(const toml::table& from, Node& to) {
    to.kind = Node::Kind::table;
    to.members.reserve(from.size());
    for (const auto& [key, value] : from) {
      Node& member = to.members.emplace_back();
      member.key = std::string(key.str());
      member.key_line = key.source().begin.line;
      member.key_column = key.source().begin.column;
      if (Status done = copy(value, member); !done) return done;
    }
    std::stable_sort(to.members.begin(), to.members.end(), [](const Node& a, const Node& b) {
      return std::pair(a.key_line, a.key_column) < std::pair(b.key_line, b.key_column);
    });
    return {};
  }

  Status copy_array(const toml::array& from, Node& to) {
    to.kind = Node::Kind::array;
    to.items.reserve(from.size());
    for (const toml::node& item : from) {
      if (Status done = copy(item, to.items.emplace_back()); !done) return done;
    }
    return {};
  }

  std::shared_ptr<const std::string> file_;
};

}  // namespace

const Node* Node::find(std::string_view member_key) const {
  for (const Node& member : members) {
    if (member.key == member_key) return &member;
  }
  return nullptr;
}

Error Node::error(std::string message) const {
  return Error{ErrorCode::invalid, std::move(message), file ? *file : "", line, column};
}

Error Node::key_error(std::string message) const {
  if (key_line == 0) return error(std::move(message));
  return Error{ErrorCode::invalid, std::move(message), file ? *file : "", key_line, key_column};
}

std::string_view to_string(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::string: return "a string";
    case Node::Kind::integer: return "a whole number";
    case Node::Kind::real: return "a number with a fraction";
    case Node::Kind::boolean: return "true or false";
    case Node::Kind::array: return "a list";
    case Node::Kind::table: return "a table";
  }
  return "";
}

Result<Document> parse_toml(std::string_view text, const std::string& file_name) {
  if (text.size() > kTextBytesMax) {
    return fail(Error{ErrorCode::too_large, "larger than " + std::to_string(kTextBytesMax) + " bytes", file_name});
  }
  toml::parse_result parsed = toml::parse(text, file_name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const toml::source_position& at = error.source().begin;
    return fail(Error{ErrorCode::invalid, std::string(error.description()), file_name, at.line, at.column});
  }
  Document document;
  TreeBuilder builder(std::make_shared<const std::string>(file_name));
  if (Status done = builder.copy(parsed.table(), document.root); !done) return fail(done.error());
  return document;
}

}  // namespace weir::config
