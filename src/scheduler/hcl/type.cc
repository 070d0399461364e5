#include "scheduler/hcl/type.h"

#include <algorithm>

#include "scheduler/hcl/functions.h"

namespace weir::scheduler::hcl {
namespace {

using Kind = Type::Kind;

struct KindName {
  std::string_view name;
  Kind kind;
};
constexpr KindName kKindNames[] = {{"any", Kind::any},      {"string", Kind::string}, {"number", Kind::number},
                                   {"bool", Kind::boolean}, {"list", Kind::list},     {"set", Kind::set},
                                   {"map", Kind::map},      {"object", Kind::object}, {"tuple", Kind::tuple}};

const KindName* find_kind(std::string_view name) {
  for (const KindName& entry : kKindNames) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool is_collection(Kind kind) { return kind == Kind::list || kind == Kind::set || kind == Kind::map; }

tl::unexpected<Error> bad_type(const Expression& expression, const Source& source) {
  return fail(source.error_at(expression.begin,
                              "This is no type; types are string, number, bool, any, list(T), set(T), map(T), "
                              "object({ name = T }) and tuple([T, T])"));
}

Result<Type> read_object(const Expression& fields, const Source& source) {
  if (fields.kind != ExpressionKind::object) return bad_type(fields, source);
  Type type{Kind::object};
  for (size_t i = 0; i + 1 < fields.children.size(); i += 2) {
    const Expression* field = fields.children[i + 1].get();
    bool is_optional = field->kind == ExpressionKind::call && field->name == "optional" && !field->children.empty();
    if (is_optional) field = field->children[0].get();
    auto element = read_type(*field, source);
    if (!element) return element;
    if (!fields.children[i]->value.is_string()) return bad_type(*fields.children[i], source);
    type.names.push_back(fields.children[i]->value.as_string());
    type.elements.push_back(std::move(*element));
    type.optional.push_back(is_optional);
  }
  return type;
}

Result<Type> read_tuple(const Expression& fields, const Source& source) {
  if (fields.kind != ExpressionKind::list) return bad_type(fields, source);
  Type type{Kind::tuple};
  for (const ExpressionPtr& field : fields.children) {
    auto element = read_type(*field, source);
    if (!element) return element;
    type.elements.push_back(std::move(*element));
  }
  return type;
}

tl::unexpected<Error> mismatch(std::string_view expected, const Value& value) {
  return fail(ErrorCode::invalid, "expected " + std::string(expected) + ", not a " + std::string(value.kind()));
}

Result<Value> convert_scalar(const Value& value, std::string_view function, std::string_view expected) {
  auto result = find_function(function)->call(Arguments{std::vector<Value>{value}, FileAccess{}});
  return result ? result : mismatch(expected, value);
}

Result<Value> convert_list(const Value& value, const Type& type) {
  if (!value.is_list()) return mismatch("a list", value);
  bool is_tuple = type.kind == Kind::tuple;
  if (is_tuple && value.as_list().size() != type.elements.size()) {
    return fail(ErrorCode::invalid, "expected " + std::to_string(type.elements.size()) + " items");
  }
  Value::List out;
  for (size_t i = 0; i < value.as_list().size(); ++i) {
    auto item = convert(value.as_list()[i], type.elements[is_tuple ? i : 0]);
    if (!item) return fail(ErrorCode::invalid, "item " + std::to_string(i) + ": " + item.error().message);
    out.push_back(std::move(*item));
  }
  if (type.kind != Kind::set) return Value(std::move(out));
  std::sort(out.begin(), out.end(), [](const Value& a, const Value& b) { return a.to_text() < b.to_text(); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return Value(std::move(out));
}

Result<Value> convert_map(const Value& value, const Type& type) {
  if (!value.is_object()) return mismatch("a map", value);
  Value::Object out;
  for (const auto& [key, member] : value.as_object()) {
    auto item = convert(member, type.elements[0]);
    if (!item) return fail(ErrorCode::invalid, "\"" + key + "\": " + item.error().message);
    out[key] = std::move(*item);
  }
  return Value(std::move(out));
}

Result<Value> convert_object(const Value& value, const Type& type) {
  if (!value.is_object()) return mismatch("an object", value);
  Value::Object out;
  for (size_t i = 0; i < type.names.size(); ++i) {
    const Value* member = value.find(type.names[i]);
    if (member == nullptr && !type.optional[i]) {
      return fail(ErrorCode::invalid, "the object needs \"" + type.names[i] + "\"");
    }
    auto item = convert(member == nullptr ? Value() : *member, type.elements[i]);
    if (!item) return fail(ErrorCode::invalid, "\"" + type.names[i] + "\": " + item.error().message);
    out[type.names[i]] = std::move(*item);
  }
  return Value(std::move(out));
}

}  // namespace

Result<Type> read_type(const Expression& expression, const Source& source) {
  bool is_quoted = expression.kind == ExpressionKind::literal && expression.value.is_string();
  bool is_plain = expression.kind == ExpressionKind::name || is_quoted;
  bool is_call = expression.kind == ExpressionKind::call && expression.children.size() == 1;
  if (!is_plain && !is_call) return bad_type(expression, source);
  const KindName* found = find_kind(is_quoted ? expression.value.as_string() : expression.name);
  if (found == nullptr) return bad_type(expression, source);
  bool has_parts = is_collection(found->kind) || found->kind == Kind::object || found->kind == Kind::tuple;
  if (is_plain && is_collection(found->kind)) return Type{found->kind, {Type{}}};
  if (is_plain == has_parts) return bad_type(expression, source);
  if (is_plain) return Type{found->kind};
  if (found->kind == Kind::object) return read_object(*expression.children[0], source);
  if (found->kind == Kind::tuple) return read_tuple(*expression.children[0], source);
  auto element = read_type(*expression.children[0], source);
  if (!element) return element;
  Type type{found->kind};
  type.elements.push_back(std::move(*element));
  return type;
}

Result<Value> convert(const Value& value, const Type& type) {
  if (value.is_null()) return value;
  switch (type.kind) {
    case Kind::any: return value;
    case Kind::string: return convert_scalar(value, "tostring", "a string");
    case Kind::number: return convert_scalar(value, "tonumber", "a number");
    case Kind::boolean: return convert_scalar(value, "tobool", "true or false");
    case Kind::list:
    case Kind::set:
    case Kind::tuple: return convert_list(value, type);
    case Kind::map: return convert_map(value, type);
    case Kind::object: return convert_object(value, type);
  }
  return value;
}

Type type_of(const Value& value) {
  if (value.is_string()) return Type{Kind::string};
  if (value.is_number()) return Type{Kind::number};
  return Type{value.is_bool() ? Kind::boolean : Kind::any};
}

}  // namespace weir::scheduler::hcl
