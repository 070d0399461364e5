#pragma once
// A parsed TOML text as a small tree of our own: who reads configuration never sees the TOML library. Values; no I/O.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::config {

/// One value and where it stands. Members of a table keep the order of the text. Lines and columns count from 1.
struct Node {
  enum class Kind : uint8_t { string, integer, real, boolean, array, table };

  Kind kind = Kind::table;
  std::string text;           // kind string
  int64_t integer = 0;        // kind integer
  double real = 0;            // kind real
  bool boolean = false;       // kind boolean
  std::vector<Node> items;    // kind array
  std::vector<Node> members;  // kind table; each has its key, no key twice

  std::string key;    // "" for the root and for items of an array
  uint32_t line = 0;  // of the value
  uint32_t column = 0;
  uint32_t key_line = 0;  // of the key; 0 where there is none
  uint32_t key_column = 0;
  std::shared_ptr<const std::string> file;  // the name given to parse_toml, shared by the whole tree

  /// The member of a table, or nullptr. The pointer lives as long as this node.
  [[nodiscard]] const Node* find(std::string_view member_key) const;
  /// An error (code invalid) that names the place of the value.
  [[nodiscard]] Error error(std::string message) const;
  /// The same at the key: for "unknown key".
  [[nodiscard]] Error key_error(std::string message) const;
};

/// "a string", "a whole number", ... for messages.
std::string_view to_string(Node::Kind kind);

struct Document {
  Node root;  // kind table
};

/// The first syntax error, with `file_name`, line and column. Dates and times are refused: nothing here takes one.
/// At most 4 MiB of text, nested 64 deep: a key's dots count, and all brackets around it.
Result<Document> parse_toml(std::string_view text, const std::string& file_name);

}  // namespace weir::config
