#include "scheduler/hcl/variables.h"

#include <optional>
#include <utility>

#include "scheduler/hcl/limits.h"
#include "scheduler/hcl/parser.h"
#include "scheduler/hcl/type.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

struct Declared {
  Type type;
  std::optional<Value> value;
  uint32_t begin = 0;
  std::vector<const Block*> validations;
};

/// One use: collects declarations, then values, then checks.
class VariableReader {
 public:
  VariableReader(const Source& source, const JobspecOptions& options, Names& names)
      : source_(source), options_(options), names_(names), files_{options.folder}, evaluator_(source, names, files_) {}

  Status declare(const Body& body);
  Status read_values();
  Status validate();
  Status evaluate_locals() { return evaluator_.evaluate_locals(); }

 private:
  Status declare_variable(const Block& block);
  Status declare_plain(const Block& block);
  Status declare_locals(const Block& block);
  Status add(const std::string& name, Declared declared);
  Status read_file(const VariableFile& file);
  Status set_from_text(const std::string& name, const std::string& text, const std::string& origin);
  Status set(const std::string& name, const Value& value, const std::string& origin);
  Status validate_one(const std::string& name, const Block& block);

  const Source& source_;
  const JobspecOptions& options_;
  Names& names_;
  FileAccess files_;
  Evaluator evaluator_;
  std::map<std::string, Declared> declared_;
};

Status VariableReader::declare(const Body& body) {
  for (const Block& block : body.blocks) {
    Status done;
    if (block.type == "variable") done = declare_variable(block);
    if (block.type == "variables") done = declare_plain(block);
    if (block.type == "locals") done = declare_locals(block);
    if (!done) return done;
  }
  return {};
}

Status VariableReader::declare_variable(const Block& block) {
  if (block.labels.size() != 1)
    return fail(source_.error_at(block.begin, "A variable has one label: variable \"name\" { }"));
  Declared declared;
  declared.begin = block.begin;
  bool has_type = false;
  if (const Attribute* attribute = block.body.find("type")) {
    auto type = read_type(*attribute->value, source_);
    if (!type) return fail(type.error());
    declared.type = std::move(*type);
    has_type = true;
  }
  for (const Attribute& attribute : block.body.attributes) {
    bool is_known = attribute.name == "type" || attribute.name == "default" || attribute.name == "description" ||
                    attribute.name == "sensitive" || attribute.name == "nullable";
    if (!is_known) return fail(source_.error_at(attribute.begin, "A variable has no \"" + attribute.name + "\""));
    if (attribute.name != "default") continue;
    auto value = evaluator_.evaluate(*attribute.value);
    if (!value) return fail(value.error());
    if (!has_type) declared.type = type_of(*value);
    auto converted = convert(*value, declared.type);
    if (!converted) {
      return fail(
          source_.error_at(attribute.value->begin, "The default does not fit the type: " + converted.error().message));
    }
    declared.value = std::move(*converted);
  }
  for (const Block& inner : block.body.blocks) {
    if (inner.type != "validation")
      return fail(source_.error_at(inner.begin, "A variable has no block \"" + inner.type + "\""));
    declared.validations.push_back(&inner);
  }
  return add(block.labels[0].text, std::move(declared));
}

Status VariableReader::declare_plain(const Block& block) {
  for (const Attribute& attribute : block.body.attributes) {
    auto value = evaluator_.evaluate(*attribute.value);
    if (!value) return fail(value.error());
    Declared declared;
    declared.begin = attribute.begin;
    declared.type = type_of(*value);
    declared.value = std::move(*value);
    if (auto added = add(attribute.name, std::move(declared)); !added) return added;
  }
  return {};
}

Status VariableReader::add(const std::string& name, Declared declared) {
  uint32_t begin = declared.begin;
  auto [entry, is_new] = declared_.try_emplace(name, std::move(declared));
  if (!is_new) {
    return fail(source_.error_at(
        begin, "The variable \"" + name + "\" was already declared at " + source_.place_of(entry->second.begin)));
  }
  if (declared_.size() > kNamesMax) return fail(source_.error_at(begin, "Too many variables"));
  return {};
}

Status VariableReader::declare_locals(const Block& block) {
  for (const Attribute& attribute : block.body.attributes) {
    Names::Local local;
    local.expression = attribute.value.get();
    auto [entry, is_new] = names_.locals.try_emplace(attribute.name, std::move(local));
    if (!is_new) {
      return fail(source_.error_at(attribute.begin, "The local \"" + attribute.name + "\" was already set at " +
                                                        source_.place_of(entry->second.expression->begin)));
    }
    if (names_.locals.size() > kNamesMax) return fail(source_.error_at(attribute.begin, "Too many locals"));
  }
  return {};
}

Status VariableReader::read_values() {
  for (const auto& [name, text] : options_.environment) {
    if (!declared_.contains(name)) continue;  // the environment is shared by many jobs
    if (auto done = set_from_text(name, text, "NOMAD_VAR_" + name); !done) return done;
  }
  for (const VariableFile& file : options_.variable_files) {
    if (auto done = read_file(file); !done) return done;
  }
  for (const auto& [name, text] : options_.flags) {
    if (!declared_.contains(name)) {
      return fail(ErrorCode::invalid, "-var " + name + ": the job file declares no variable \"" + name + "\"");
    }
    if (auto done = set_from_text(name, text, "-var " + name); !done) return done;
  }
  for (auto& [name, declared] : declared_) {
    if (!declared.value) {
      return fail(source_.error_at(declared.begin, "The variable \"" + name + "\" has no value: give -var " + name +
                                                       "=..., NOMAD_VAR_" + name + ", or a default here"));
    }
    names_.variables[name] = *declared.value;
  }
  return {};
}

Status VariableReader::read_file(const VariableFile& file) {
  Source text(file.name, file.text);
  std::map<std::string, Value> values;
  if (trim(file.text).starts_with("{")) {
    auto json = find_function("jsondecode")->call(Arguments{std::vector<Value>{Value(file.text)}, FileAccess{}});
    if (!json || !json->is_object()) return fail(text.error_at(0, "This variable file is no JSON object"));
    for (const auto& [name, value] : json->as_object()) values[name] = value;
  } else {
    auto body = parse_body(text);
    if (!body) return fail(body.error());
    if (!body->blocks.empty()) {
      return fail(text.error_at(body->blocks[0].begin, "A variable file holds only attributes: name = value"));
    }
    Names none;
    Evaluator evaluator(text, none, files_);
    for (const Attribute& attribute : body->attributes) {
      auto value = evaluator.evaluate(*attribute.value);
      if (!value) return fail(value.error());
      bool is_unknown = options_.strict && !declared_.contains(attribute.name);
      if (is_unknown)
        return fail(text.error_at(attribute.begin, "The job file declares no variable \"" + attribute.name + "\""));
      values[attribute.name] = std::move(*value);
    }
  }
  for (const auto& [name, value] : values) {
    if (!declared_.contains(name) && !options_.strict) continue;
    if (!declared_.contains(name)) return fail(text.error_at(0, "The job file declares no variable \"" + name + "\""));
    if (auto done = set(name, value, file.name); !done) return done;
  }
  return {};
}

/// A text is taken as it is for a string, else as an expression; when any type will do, a word stays a word.
Status VariableReader::set_from_text(const std::string& name, const std::string& text, const std::string& origin) {
  Type::Kind kind = declared_[name].type.kind;
  if (kind == Type::Kind::string) return set(name, Value(text), origin);
  Source source(origin, text);
  auto expression = parse_expression(source);
  bool is_word =
      !expression || (*expression)->kind == ExpressionKind::name || (*expression)->kind == ExpressionKind::path;
  if (kind == Type::Kind::any && is_word) return set(name, Value(text), origin);
  if (!expression) return fail(expression.error());
  Names none;
  auto value = Evaluator(source, none, files_).evaluate(**expression);
  if (!value) return fail(value.error());
  return set(name, *value, origin);
}

Status VariableReader::set(const std::string& name, const Value& value, const std::string& origin) {
  Declared& declared = declared_[name];
  auto converted = convert(value, declared.type);
  if (!converted) {
    return fail(ErrorCode::invalid,
                origin + ": the value of \"" + name + "\" does not fit: " + converted.error().message);
  }
  declared.value = std::move(*converted);
  return {};
}

Status VariableReader::validate() {
  for (const auto& [name, declared] : declared_) {
    for (const Block* block : declared.validations) {
      if (auto done = validate_one(name, *block); !done) return done;
    }
  }
  return {};
}

Status VariableReader::validate_one(const std::string& name, const Block& block) {
  const Attribute* condition = block.body.find("condition");
  const Attribute* message = block.body.find("error_message");
  if (condition == nullptr) return fail(source_.error_at(block.begin, "A validation needs a condition"));
  auto holds = evaluator_.evaluate(*condition->value);
  if (!holds) return fail(holds.error());
  if (*holds == Value(true)) return {};
  Result<Value> text = Value("its validation's condition does not hold");
  if (message != nullptr) text = evaluator_.evaluate(*message->value);
  if (!text) return fail(text.error());
  return fail(source_.error_at(block.begin, "Bad value for the variable \"" + name + "\": " + text->to_text()));
}

}  // namespace

Status read_names(const Body& body, const Source& source, const JobspecOptions& options, Names& names) {
  VariableReader reader(source, options, names);
  if (auto done = reader.declare(body); !done) return done;
  if (auto done = reader.read_values(); !done) return done;
  if (auto done = reader.validate(); !done) return done;
  return reader.evaluate_locals();
}

}  // namespace weir::scheduler::hcl
