#pragma once
// The types a variable may have: string, number, bool, any, list(), set(), map(), object({}), tuple([]).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/hcl/source.h"
#include "scheduler/hcl/syntax.h"
#include "weir/base/result.h"
#include "weir/scheduler/value.h"

namespace weir::scheduler::hcl {

struct Type {
  enum class Kind : uint8_t { any, string, number, boolean, list, set, map, object, tuple };
  Kind kind = Kind::any;
  std::vector<Type> elements = {};      // one of list, set and map; all of a tuple; the attributes' of an object
  std::vector<std::string> names = {};  // an object's attributes, as `elements`
  std::vector<bool> optional = {};      // of an object, as `elements`
};

/// What stands after `type =`. Types are expressions in grammar only.
Result<Type> read_type(const Expression& expression, const Source& source);

/// The value as that type: texts, numbers and bools turn into each other where nothing is lost. The error has no place.
Result<Value> convert(const Value& value, const Type& type);

/// The type of a default value, for a variable that names none: only the scalar kinds are told apart.
Type type_of(const Value& value);

}  // namespace weir::scheduler::hcl
