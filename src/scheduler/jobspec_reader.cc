#include "scheduler/jobspec_reader.h"

#include <algorithm>
#include <utility>

#include "weir/base/duration.h"
#include "weir/base/nearest_word.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_scalar(const Value& value) { return value.is_string() || value.is_number() || value.is_bool(); }

}  // namespace

void BodyReader::text(const char* name, std::string& field) {
  auto value = attribute(name);
  if (!value) return;
  if (!is_scalar(*value)) return fail_at(place_of(name), "\"" + std::string(name) + "\" must be a string");
  field = value->to_text();
}

void BodyReader::texts(const char* name, std::vector<std::string>& field) {
  auto value = attribute(name);
  if (!value) return;
  if (auto items = texts_of(*value, place_of(name), name)) field = std::move(*items);
}

void BodyReader::texts(const char* name, std::optional<std::vector<std::string>>& field) {
  auto value = attribute(name);
  if (value) field = texts_of(*value, place_of(name), name);
}

void BodyReader::whole(const char* name, int64_t& field) {
  if (auto value = whole_value(name)) field = *value;
}

void BodyReader::whole(const char* name, Setting<int64_t>& field) {
  if (auto value = whole_value(name)) field = *value;
}

void BodyReader::boolean(const char* name, bool& field) {
  if (auto value = bool_value(name)) field = *value;
}

void BodyReader::boolean(const char* name, Setting<bool>& field) {
  if (auto value = bool_value(name)) field = *value;
}

void BodyReader::duration(const char* name, int64_t& field) {
  if (auto value = duration_value(name)) field = *value;
}

void BodyReader::duration(const char* name, Setting<int64_t>& field) {
  if (auto value = duration_value(name)) field = *value;
}

void BodyReader::duration(const char* name, std::optional<int64_t>& field) {
  if (auto value = duration_value(name)) field = value;
}

std::optional<Value> BodyReader::attribute(const char* name) {
  attributes_.emplace_back(name);
  const hcl::Attribute* found = body_.find(name);
  if (found == nullptr || file_.error) return std::nullopt;
  auto value = file_.evaluator.evaluate(*found->value, scope_);
  if (!value) {
    file_.error = value.error();
    return std::nullopt;
  }
  if (value->is_null()) return std::nullopt;
  return std::move(*value);
}

std::optional<int64_t> BodyReader::whole_value(const char* name) {
  auto value = attribute(name);
  if (!value) return std::nullopt;
  if (value->is_integer()) return value->as_integer();
  if (value->is_string()) {
    if (auto number = parse_i64(value->as_string())) return number;
  }
  fail_at(place_of(name), "\"" + std::string(name) + "\" must be a whole number");
  return std::nullopt;
}

std::optional<bool> BodyReader::bool_value(const char* name) {
  auto value = attribute(name);
  if (!value) return std::nullopt;
  if (value->is_bool()) return value->as_bool();
  if (*value == Value("true")) return true;
  if (*value == Value("false")) return false;
  fail_at(place_of(name), "\"" + std::string(name) + "\" must be true or false");
  return std::nullopt;
}

std::optional<int64_t> BodyReader::duration_value(const char* name) {
  auto value = attribute(name);
  if (!value) return std::nullopt;
  if (value->is_integer()) return value->as_integer();
  auto ns = value->is_string() ? parse_duration_ns(value->as_string()) : fail(ErrorCode::invalid, "not a string");
  if (ns) return *ns;
  fail_at(place_of(name), "\"" + std::string(name) + "\" must be a duration such as \"10s\": " + ns.error().message);
  return std::nullopt;
}

std::optional<std::vector<std::string>> BodyReader::texts_of(const Value& value, uint32_t offset,
                                                             std::string_view what) {
  std::vector<std::string> out;
  bool fits = value.is_list();
  if (fits) {
    for (const Value& item : value.as_list()) {
      fits = fits && is_scalar(item);
      out.push_back(item.to_text());
    }
  }
  if (fits) return out;
  fail_at(offset, "\"" + std::string(what) + "\" must be a list of strings");
  return std::nullopt;
}

std::optional<Value::Object> BodyReader::object_value(const char* name) {
  std::optional<Value::Object> object;
  auto value = attribute(name);
  if (value && !value->is_object()) {
    fail_at(place_of(name), "\"" + std::string(name) + "\" must be a block or an object");
  } else if (value) {
    object = std::move(value->as_object());
  }
  blocks_.emplace_back(name);
  visit_blocks(name, body_, scope_, [&](const Nested& nested) {
    if (object) return fail_at(nested.begin, "\"" + std::string(name) + "\" may be given only once");
    if (!nested.body.blocks.empty()) {
      return fail_at(nested.body.blocks[0].begin,
                     "\"" + std::string(name) + "\" holds only names and values, no blocks");
    }
    object = free_body(nested.body, nested.scope);
  });
  return object;
}

void BodyReader::text_map(const char* name, TextMap& field) {
  auto object = object_value(name);
  if (!object) return;
  for (const auto& [key, value] : *object) {
    if (!is_scalar(value)) return fail_at(place_of(name), "\"" + key + "\" in \"" + name + "\" must be a string");
    field[key] = value.to_text();
  }
}

void BodyReader::text_lists(const char* name, std::map<std::string, std::vector<std::string>>& field) {
  auto object = object_value(name);
  if (!object) return;
  for (const auto& [key, value] : *object) {
    if (auto items = texts_of(value, place_of(name), key)) field[key] = std::move(*items);
  }
}

void BodyReader::free_form(const char* name, Value& field) {
  Value::Object object;
  bool is_given = false;
  auto value = attribute(name);
  if (value && !value->is_object()) {
    fail_at(place_of(name), "\"" + std::string(name) + "\" must be a block or an object");
  } else if (value) {
    object = std::move(value->as_object());
    is_given = true;
  }
  blocks_.emplace_back(name);
  visit_blocks(name, body_, scope_, [&](const Nested& nested) {
    if (is_given) return fail_at(nested.begin, "\"" + std::string(name) + "\" may be given only once");
    object = free_body(nested.body, nested.scope);
    is_given = true;
  });
  if (is_given) field = Value(std::move(object));
}

Value::Object BodyReader::free_body(const hcl::Body& body, const hcl::Scope* scope) {
  Value::Object out;
  for (const hcl::Attribute& attribute : body.attributes) {
    auto value = file_.evaluator.evaluate(*attribute.value, scope);
    if (!value) {
      if (!file_.error) file_.error = value.error();
      return out;
    }
    if (!value->is_null()) out[attribute.name] = std::move(*value);
  }
  std::vector<std::string> seen;
  for (const hcl::Block& block : body.blocks) {
    bool is_dynamic = block.type == "dynamic" && block.labels.size() == 1;
    const std::string& type = is_dynamic ? block.labels[0].text : block.type;
    if (contains(seen, type)) continue;  // all of one type are visited at the first
    seen.push_back(type);
    if (out.contains(type)) fail_at(block.begin, "\"" + type + "\" is given as an attribute and as a block");
    visit_blocks(type, body, scope, [&](const Nested& nested) { add_free_block(nested, type, out); });
  }
  return out;
}

void BodyReader::add_free_block(const Nested& nested, const std::string& type, Value::Object& out) {
  Value content(free_body(nested.body, nested.scope));
  for (auto label = nested.labels.rbegin(); label != nested.labels.rend(); ++label) {
    content = Value(Value::Object{{*label, Value(Value::List{std::move(content)})}});
  }
  Value& list = out.try_emplace(type, Value(Value::List{})).first->second;
  if (list.is_list()) list.as_list().push_back(std::move(content));
}

void BodyReader::blocks(const char* type, const char* json_name, size_t label_count, const ReadBlock& read) {
  blocks_.emplace_back(type);
  size_t count = 0;
  visit_blocks(type, body_, scope_, [&](const Nested& nested) {
    std::string key = nested.labels.empty() ? std::to_string(count++) : nested.labels[0];
    bool is_in_path = *json_name != '\0';
    read_block(nested, type, is_in_path ? path_to(json_name) + "[" + key + "]" : "", label_count, read);
  });
}

void BodyReader::one_block(const char* type, const char* json_name, const ReadBlock& read) {
  blocks_.emplace_back(type);
  std::optional<uint32_t> earlier;
  visit_blocks(type, body_, scope_, [&](const Nested& nested) {
    if (earlier) {
      return fail_at(nested.begin, std::string("There may be only one ") + type + " block here; the first is at " +
                                       file_.source.place_of(*earlier));
    }
    earlier = nested.begin;
    read_block(nested, type, path_to(json_name), 0, read);
  });
}

void BodyReader::read_block(const Nested& nested, const char* type, std::string path, size_t label_count,
                            const ReadBlock& read) {
  if (nested.labels.size() != label_count) {
    bool wants = label_count > 0;
    return fail_at(nested.begin, std::string("A ") + type + " block has " + (wants ? "one label: " : "no label: ") +
                                     type + (wants ? " \"name\" { }" : " { }"));
  }
  BodyReader body(file_, nested.body, nested.scope, type, std::move(path), nested.begin);
  read(body, nested.labels);
}

std::string BodyReader::path_to(const char* json_name) const {
  return path_.empty() ? json_name : path_ + "." + json_name;
}

void BodyReader::visit_blocks(std::string_view type, const hcl::Body& body, const hcl::Scope* scope,
                              const Visit& visit) {
  for (const hcl::Block& block : body.blocks) {
    if (file_.error) return;
    if (block.type == type) {
      Labels labels;
      for (const hcl::Label& label : block.labels) labels.push_back(label.text);
      visit(Nested{block.body, labels, scope, block.begin});
    } else if (block.type == "dynamic" && block.labels.size() == 1 && block.labels[0].text == type) {
      visit_dynamic(block, scope, visit);
    }
  }
}

/// dynamic "port" { for_each = ...  labels = [...]  content { ... } }: one block for each item, whose key and value are
/// port.key and port.value (or by the name that `iterator` gives).
void BodyReader::visit_dynamic(const hcl::Block& dynamic, const hcl::Scope* scope, const Visit& visit) {
  const hcl::Attribute* items = dynamic.body.find("for_each");
  const hcl::Attribute* label_list = dynamic.body.find("labels");
  const hcl::Attribute* iterator = dynamic.body.find("iterator");
  bool has_content = dynamic.body.blocks.size() == 1 && dynamic.body.blocks[0].type == "content";
  if (items == nullptr || !has_content)
    return fail_at(dynamic.begin, "A dynamic block needs for_each and one content block");
  std::string name = dynamic.labels[0].text;
  if (iterator != nullptr) name = iterator->value->name;
  auto collection = file_.evaluator.evaluate(*items->value, scope);
  if (!collection) {
    if (!file_.error) file_.error = collection.error();
    return;
  }
  auto once = [&](const Value& key, const Value& value) {
    Value item(Value::Object{{"key", key}, {"value", value}});
    hcl::Scope inner{scope, name, &item};
    Labels labels;
    if (label_list != nullptr) {
      auto texts = file_.evaluator.evaluate(*label_list->value, &inner);
      if (!texts && !file_.error) file_.error = texts.error();
      if (texts) labels = texts_of(*texts, label_list->begin, "labels").value_or(Labels{});
    }
    if (!file_.error) visit(Nested{dynamic.body.blocks[0].body, labels, &inner, dynamic.begin});
  };
  if (collection->is_object()) {
    for (const auto& [key, value] : collection->as_object()) once(Value(key), value);
  } else if (collection->is_list()) {
    for (size_t i = 0; i < collection->as_list().size(); ++i)
      once(Value(static_cast<int64_t>(i)), collection->as_list()[i]);
  } else {
    fail_at(items->begin, "for_each needs a list or an object");
  }
}

void BodyReader::not_modelled(const char* name, const char* json_name) {
  attributes_.emplace_back(name);
  blocks_.emplace_back(name);
  bool is_block =
      std::any_of(body_.blocks.begin(), body_.blocks.end(), [&](const hcl::Block& b) { return b.type == name; });
  if (!is_block && !has(name)) return;
  file_.not_modelled.push_back(path_to(json_name));
}

void BodyReader::ignored(const char* name) { attributes_.emplace_back(name); }

void BodyReader::finish() {
  for (const hcl::Attribute& attribute : body_.attributes) {
    if (contains(attributes_, attribute.name)) continue;
    if (contains(blocks_, attribute.name)) {
      return fail_at(attribute.begin,
                     "\"" + attribute.name + "\" is a block: write " + attribute.name + " { } without =");
    }
    return fail_at(attribute.begin, "A " + kind_ + " has no \"" + attribute.name + "\"" + suggestion(attribute.name));
  }
  for (const hcl::Block& block : body_.blocks) {
    bool is_dynamic = block.type == "dynamic" && block.labels.size() == 1;
    const std::string& type = is_dynamic ? block.labels[0].text : block.type;
    if (contains(blocks_, type)) continue;
    if (contains(attributes_, type)) {
      return fail_at(block.begin, "\"" + type + "\" is an attribute: write " + type + " = ...");
    }
    return fail_at(block.begin, "A " + kind_ + " has no block \"" + type + "\"" + suggestion(type));
  }
}

std::string BodyReader::suggestion(const std::string& name) const {
  std::vector<std::string> known(attributes_.begin(), attributes_.end());
  known.insert(known.end(), blocks_.begin(), blocks_.end());
  std::string nearest = nearest_word(name, known);
  return nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?";
}

uint32_t BodyReader::place_of(const char* name) const {
  if (const hcl::Attribute* found = body_.find(name)) return found->value->begin;
  for (const hcl::Block& block : body_.blocks) {
    if (block.type == name) return block.begin;
  }
  return begin_;
}

}  // namespace weir::scheduler
