#pragma once
// The syntax tree of an HCL file. Places are offsets in the Source it was parsed from.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/scheduler/value.h"

namespace weir::scheduler::hcl {

enum class ExpressionKind : uint8_t {
  literal,        // value
  name,           // name: the root of a path
  path,           // children[0] and then steps
  text,           // a template: children are its parts; `wraps` when it is exactly one ${...}
  interpolation,  // children[0], in a template
  directive_if,   // children: condition, then, else: a template's %{ if }
  directive_for,  // name, second_name; children: collection, body: a template's %{ for }
  list,           // children
  object,         // children: key, value, key, value ...
  call,           // name(children...), `spread` when the last has "..."
  unary,          // name is the operator
  binary,         // name is the operator
  conditional,    // condition, then, else
  for_list,       // name, second_name; children: collection, result, [condition]
  for_object,     // name, second_name; children: collection, key, value, [condition]; `spread` when grouped by "..."
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct PathStep {
  /// `[*]`: what follows is done to each; `.*`: the attributes that follow, and an index then takes one of the list.
  enum class Kind : uint8_t { attribute, index, splat, attribute_splat } kind = Kind::attribute;
  std::string name = {};     // attribute
  ExpressionPtr index = {};  // index
  uint32_t begin = 0;
};

struct Expression {
  ExpressionKind kind = ExpressionKind::literal;
  uint32_t begin = 0;
  uint32_t end = 0;
  int depth = 1;  // of the tree below, itself included; the parser keeps it within kNestingDepthMax
  Value value = {};
  std::string name = {};
  std::string second_name = {};  // `for k, v`: name = k, second_name = v; `for v`: name = v
  std::vector<ExpressionPtr> children = {};
  std::vector<PathStep> steps = {};
  bool wraps = false;
  bool spread = false;
};

struct Attribute {
  std::string name;
  uint32_t begin = 0;
  ExpressionPtr value;
};

struct Block;

struct Body {
  std::vector<Attribute> attributes;
  std::vector<Block> blocks;
  uint32_t end = 0;  // offset of the closing brace, or the end of the file

  [[nodiscard]] const Attribute* find(const std::string& name) const;
};

struct Label {
  std::string text;
  uint32_t begin = 0;
};

struct Block {
  std::string type;
  std::vector<Label> labels;
  uint32_t begin = 0;
  Body body;
};

}  // namespace weir::scheduler::hcl
