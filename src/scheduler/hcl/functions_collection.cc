// Functions on lists and objects. See functions.h.

#include <algorithm>
#include <utility>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

Result<const Value::Object*> object_argument(const Arguments& arguments, size_t i) {
  if (!arguments[i].is_object()) return bad_argument(i, "an object", arguments[i]);
  return &arguments[i].as_object();
}

bool contains_value(const Value::List& list, const Value& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

Result<Value> length(const Arguments& arguments) {
  const Value& value = arguments[0];
  if (value.is_list()) return Value(static_cast<int64_t>(value.as_list().size()));
  if (value.is_object()) return Value(static_cast<int64_t>(value.as_object().size()));
  if (!value.is_string()) return bad_argument(0, "a list, an object or a string", value);
  return find_function("strlen")->call(arguments);
}

Result<Value> contains(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  return Value(contains_value(**list, arguments[1]));
}

Result<Value> element(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  auto index = whole_argument(arguments, 1);
  if (!index) return fail(index.error());
  if ((*list)->empty()) return fail(ErrorCode::invalid, "the list is empty");
  auto size = static_cast<int64_t>((*list)->size());
  return (**list)[static_cast<size_t>((*index % size + size) % size)];
}

Result<Value> index_call(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  auto found = std::find((*list)->begin(), (*list)->end(), arguments[1]);
  if (found == (*list)->end()) return fail(ErrorCode::invalid, "the item is not in the list");
  return Value(static_cast<int64_t>(found - (*list)->begin()));
}

Result<Value> lookup(const Arguments& arguments) {
  auto object = object_argument(arguments, 0);
  if (!object) return fail(object.error());
  auto key = text_argument(arguments, 1);
  if (!key) return fail(key.error());
  if (const Value* found = arguments[0].find(*key)) return *found;
  if (arguments.size() > 2) return arguments[2];
  return fail(ErrorCode::invalid, "the object has no \"" + *key + "\" and no default is given");
}

Result<Value> merge(const Arguments& arguments) {
  Value::Object out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].is_null()) continue;
    auto object = object_argument(arguments, i);
    if (!object) return fail(object.error());
    for (const auto& [key, value] : **object) out[key] = value;
  }
  return Value(std::move(out));
}

Result<Value> keys(const Arguments& arguments) {
  auto object = object_argument(arguments, 0);
  if (!object) return fail(object.error());
  Value::List out;
  for (const auto& [key, value] : **object) out.emplace_back(key);
  return Value(std::move(out));
}

Result<Value> values(const Arguments& arguments) {
  auto object = object_argument(arguments, 0);
  if (!object) return fail(object.error());
  Value::List out;
  for (const auto& [key, value] : **object) out.push_back(value);
  return Value(std::move(out));
}

Result<Value> zipmap(const Arguments& arguments) {
  auto names = list_argument(arguments, 0);
  if (!names) return fail(names.error());
  auto items = list_argument(arguments, 1);
  if (!items) return fail(items.error());
  if ((*names)->size() != (*items)->size()) return fail(ErrorCode::invalid, "both lists must be of one length");
  Value::Object out;
  for (size_t i = 0; i < (*names)->size(); ++i) out[(**names)[i].to_text()] = (**items)[i];
  return Value(std::move(out));
}

Result<Value> concat(const Arguments& arguments) {
  Value::List out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto list = list_argument(arguments, i);
    if (!list) return fail(list.error());
    out.insert(out.end(), (*list)->begin(), (*list)->end());
  }
  return Value(std::move(out));
}

void flatten_into(const Value::List& list, Value::List& out) {
  for (const Value& item : list) {
    if (item.is_list()) {
      flatten_into(item.as_list(), out);
    } else {
      out.push_back(item);
    }
  }
}

Result<Value> flatten(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  Value::List out;
  flatten_into(**list, out);
  return Value(std::move(out));
}

Result<Value> coalesce(const Arguments& arguments) {
  for (const Value& value : arguments.values) {
    if (!value.is_null() && value != Value("")) return value;
  }
  return fail(ErrorCode::invalid, "all arguments are null or empty");
}

Result<Value> compact(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  Value::List out;
  for (const Value& item : **list) {
    if (!item.is_null() && item != Value("")) out.push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> distinct(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  if ((*list)->size() > 1000) return fail(ErrorCode::too_large, "the list has more than 1000 items");  // quadratic
  Value::List out;
  for (const Value& item : **list) {
    if (!contains_value(out, item)) out.push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> sort(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  std::vector<std::string> texts;
  for (const Value& item : **list) {
    if (item.is_list() || item.is_object() || item.is_null()) return bad_argument(0, "a list of strings", item);
    texts.push_back(item.to_text());
  }
  std::sort(texts.begin(), texts.end());
  return Value(Value::List(texts.begin(), texts.end()));
}

Result<Value> slice(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  auto begin = whole_argument(arguments, 1);
  if (!begin) return fail(begin.error());
  auto end = whole_argument(arguments, 2);
  if (!end) return fail(end.error());
  if (*begin < 0 || *end < *begin || *end > static_cast<int64_t>((*list)->size())) {
    return fail(ErrorCode::invalid, "the range does not lie within the list");
  }
  return Value(Value::List((*list)->begin() + *begin, (*list)->begin() + *end));
}

Result<Value> range(const Arguments& arguments) {
  int64_t numbers[3] = {0, 0, 1};  // begin, end, step
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto number = whole_argument(arguments, i);
    if (!number) return fail(number.error());
    numbers[arguments.size() == 1 ? 1 : i] = *number;
  }
  auto [begin, end, step] = numbers;
  if (arguments.size() < 3 && end < begin) step = -1;
  if (step == 0) return fail(ErrorCode::invalid, "the step must not be 0");
  Value::List out;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    out.emplace_back(i);
    if (out.size() > kListItemsMax)
      return fail(ErrorCode::too_large, "more than " + std::to_string(kListItemsMax) + " items");
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value(std::move(out));
}

Result<Value> toset(const Arguments& arguments) {
  auto unique = distinct(arguments);
  if (!unique) return unique;
  return sort(Arguments{std::vector<Value>{std::move(*unique)}, arguments.files});
}

Result<Value> tolist(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  return Value(**list);
}

Result<Value> coalescelist(const Arguments& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto list = list_argument(arguments, i);
    if (!list) return fail(list.error());
    if (!(*list)->empty()) return arguments[i];
  }
  return fail(ErrorCode::invalid, "all lists are empty");
}

Result<Value> chunklist(const Arguments& arguments) {
  auto list = list_argument(arguments, 0);
  if (!list) return fail(list.error());
  auto size = whole_argument(arguments, 1);
  if (!size) return fail(size.error());
  if (*size < 0) return fail(ErrorCode::invalid, "the size must not be negative");
  Value::List out;
  for (const Value& item : **list) {
    bool full = out.empty() || (*size > 0 && out.back().as_list().size() == static_cast<size_t>(*size));
    if (full) out.emplace_back(Value::List());
    out.back().as_list().push_back(item);
  }
  return Value(std::move(out));
}

Result<Value> setunion(const Arguments& arguments) {
  auto all = concat(arguments);
  if (!all) return all;
  return toset(Arguments{std::vector<Value>{std::move(*all)}, arguments.files});
}

Result<Value> setintersection(const Arguments& arguments) {
  auto out = toset(arguments);
  if (!out) return out;
  for (size_t i = 1; i < arguments.size(); ++i) {
    auto other = toset(Arguments{std::vector<Value>{arguments[i]}, arguments.files});
    if (!other) return other;
    std::erase_if(out->as_list(), [&](const Value& item) { return !contains_value(other->as_list(), item); });
  }
  return out;
}

Result<Value> setproduct(const Arguments& arguments) {
  Value::List out{Value(Value::List())};
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto list = list_argument(arguments, i);
    if (!list) return fail(list.error());
    if (out.size() * (*list)->size() > kListItemsMax) {
      return fail(ErrorCode::too_large, "more than " + std::to_string(kListItemsMax) + " items");
    }
    Value::List longer;
    for (const Value& row : out) {
      for (const Value& item : **list) {
        longer.push_back(row);
        longer.back().as_list().push_back(item);
      }
    }
    out = std::move(longer);
  }
  return Value(std::move(out));
}

constexpr Function kFunctions[] = {
    {"length", 1, 1, length},
    {"contains", 2, 2, contains},
    {"element", 2, 2, element},
    {"index", 2, 2, index_call},
    {"lookup", 2, 3, lookup},
    {"merge", 0, Function::kAnyCount, merge},
    {"keys", 1, 1, keys},
    {"values", 1, 1, values},
    {"zipmap", 2, 2, zipmap},
    {"concat", 1, Function::kAnyCount, concat},
    {"flatten", 1, 1, flatten},
    {"coalesce", 1, Function::kAnyCount, coalesce},
    {"compact", 1, 1, compact},
    {"distinct", 1, 1, distinct},
    {"sort", 1, 1, sort},
    {"slice", 3, 3, slice},
    {"range", 1, 3, range},
    {"toset", 1, 1, toset},
    {"tolist", 1, 1, tolist},
    {"coalescelist", 1, Function::kAnyCount, coalescelist},
    {"chunklist", 2, 2, chunklist},
    {"setunion", 1, Function::kAnyCount, setunion},
    {"setintersection", 1, Function::kAnyCount, setintersection},
    {"setproduct", 2, Function::kAnyCount, setproduct},
};

}  // namespace

std::span<const Function> collection_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
