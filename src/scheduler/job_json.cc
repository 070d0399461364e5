#include "weir/scheduler/job_json.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <utility>

#include "scheduler/job_fields.h"
#include "scheduler/job_json_parts.h"
#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

using Json = nlohmann::json;

/// Writes the fields it is shown. What was not given is null, as are empty lists and maps: Go's nil.
class Encoder {
 public:
  explicit Encoder(Json& out) : out_(out) { out_ = Json::object(); }

  template <typename T>
  void field(const char* name, const T& value, ChangeClass = kUnseen) {
    out_[name] = scalar(value);
  }
  template <typename T>
  void duration(const char* name, const T& value, ChangeClass = kUnseen) {
    out_[name] = scalar(value);
  }
  void nullable_text(const char* name, const std::string& value, ChangeClass = kUnseen) {
    out_[name] = value.empty() ? Json() : Json(value);
  }
  void texts(const char* name, const std::vector<std::string>& value, ChangeClass = kUnseen) {
    out_[name] = value.empty() ? Json() : Json(value);
  }
  void texts(const char* name, const std::optional<std::vector<std::string>>& value, ChangeClass = kUnseen) {
    out_[name] = value ? Json(*value) : Json();
  }
  void map(const char* name, const TextMap& value, ChangeClass = kUnseen) {
    out_[name] = value.empty() ? Json() : Json(value);
  }
  void lists(const char* name, const std::map<std::string, std::vector<std::string>>& value) {
    out_[name] = value.empty() ? Json() : Json(value);
  }
  void config(const char* name, const Value& value, ChangeClass) {
    out_[name] = value.is_object() && value.as_object().empty() ? Json() : value_to_json(value);
  }
  template <typename T>
  void object(const char* name, const T& value, ChangeClass = kUnseen) {
    if (value == T{}) {
      out_[name] = Json();
      return;
    }
    Encoder inner(out_[name]);
    visit_fields(inner, value);
  }
  template <typename T>
  void object(const char* name, const std::optional<T>& value, ChangeClass = kUnseen) {
    out_[name] = Json();
    if (!value) return;
    Encoder inner(out_[name]);
    visit_fields(inner, *value);
  }
  template <typename T>
  void list(const char* name, const char*, const std::vector<T>& values, ChangeClass = kUnseen) {
    out_[name] = Json();
    for (const T& value : values) {
      Encoder inner(out_[name].emplace_back(Json()));
      visit_fields(inner, value);
    }
  }
  template <typename T>
  void named(const char* name, const char*, const std::map<std::string, T>& values, ChangeClass) {
    out_[name] = Json();
    for (const auto& [key, value] : values) {
      Encoder inner(out_[name][key]);
      visit_fields(inner, value);
    }
  }
  void not_modelled(const char*) {}

 private:
  template <typename T>
  static Json scalar(const T& value) {
    return Json(value);
  }
  template <typename T>
  static Json scalar(const Setting<T>& value) {
    return value.given() ? Json(value.value()) : Json();
  }
  static Json scalar(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(); }

  Json& out_;
};

/// The first error of one document sticks; which parts have no field is collected.
struct Decoding {
  std::optional<Error> error;
  std::vector<std::string> not_modelled;
};

/// Whether a member that we have no field for says anything: false for null, "", 0, false, and for objects and lists of
/// such.
bool says_something(const Json& json) {
  if (json.is_object() || json.is_array()) {
    for (const Json& member : json) {
      if (says_something(member)) return true;
    }
    return false;
  }
  return !json.is_null() && json != Json("") && json != Json(0) && json != Json(false);
}

/// Fills the fields it is shown from one JSON object; null and missing members leave them alone.
class Decoder {
 public:
  Decoder(Decoding& decoding, const Json& in, std::string path)
      : decoding_(decoding), in_(in), path_(std::move(path)) {}

  template <typename T>
  void field(const char* name, T& value, ChangeClass = kUnseen) {
    if (const Json* member = find(name)) read(name, *member, value);
  }
  template <typename T>
  void duration(const char* name, T& value, ChangeClass = kUnseen) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_string()) return read(name, *member, value);
    auto ns = parse_duration_ns(member->get_ref<const std::string&>());
    if (!ns) return wrong(name, ns.error().message);
    value = *ns;
  }
  void nullable_text(const char* name, std::string& value, ChangeClass = kUnseen) { field(name, value); }
  void texts(const char* name, std::vector<std::string>& value, ChangeClass = kUnseen) {
    if (const Json* member = find(name)) read_texts(name, *member, value);
  }
  void texts(const char* name, std::optional<std::vector<std::string>>& value, ChangeClass = kUnseen) {
    if (const Json* member = find(name)) read_texts(name, *member, value.emplace());
  }
  void map(const char* name, TextMap& value, ChangeClass = kUnseen) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_object()) return wrong(name, "expected an object");
    for (const auto& [key, item] : member->items()) read(name, item, value[key]);
  }
  void lists(const char* name, std::map<std::string, std::vector<std::string>>& value) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_object()) return wrong(name, "expected an object");
    for (const auto& [key, item] : member->items()) read_texts(name, item, value[key]);
  }
  void config(const char* name, Value& value, ChangeClass) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_object()) return wrong(name, "expected an object");
    auto content = value_from_json(*member);
    if (!content) return wrong(name, content.error().message);
    value = std::move(*content);
  }
  template <typename T>
  void object(const char* name, T& value, ChangeClass = kUnseen) {
    if (const Json* member = find(name)) read_object(path_to(name), *member, value);
  }
  template <typename T>
  void object(const char* name, std::optional<T>& value, ChangeClass = kUnseen) {
    if (const Json* member = find(name)) read_object(path_to(name), *member, value.emplace());
  }
  template <typename T>
  void list(const char* name, const char*, std::vector<T>& values, ChangeClass = kUnseen) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_array()) return wrong(name, "expected a list");
    for (const Json& item : *member) {
      std::string path = path_to(name) + "[" + std::to_string(values.size()) + "]";
      read_object(std::move(path), item, values.emplace_back());
    }
  }
  template <typename T>
  void named(const char* name, const char*, std::map<std::string, T>& values, ChangeClass) {
    const Json* member = find(name);
    if (member == nullptr) return;
    if (!member->is_object()) return wrong(name, "expected an object");
    for (const auto& [key, item] : member->items()) read_object(path_to(name) + "[" + key + "]", item, values[key]);
  }
  void not_modelled(const char* name) {
    const Json* member = find(name);
    if (member != nullptr && says_something(*member)) decoding_.not_modelled.push_back(path_to(name));
  }

 private:
  const Json* find(const char* name) const {
    if (decoding_.error) return nullptr;
    auto found = in_.find(name);
    if (found == in_.end()) {
      found = in_.begin();
      while (found != in_.end() && !equals_ignore_case(found.key(), name)) ++found;
    }
    return found == in_.end() || found->is_null() ? nullptr : &*found;
  }
  template <typename T>
  void read_object(std::string path, const Json& item, T& value) {
    if (!item.is_object()) {
      if (!decoding_.error) decoding_.error = Error{ErrorCode::invalid, path + ": expected an object"};
      return;
    }
    Decoder inner(decoding_, item, std::move(path));
    visit_fields(inner, value);
  }
  void read_texts(const char* name, const Json& item, std::vector<std::string>& value) {
    if (!item.is_array()) return wrong(name, "expected a list of strings");
    for (const Json& text : item) read(name, text, value.emplace_back());
  }
  void read(const char* name, const Json& item, std::string& value) {
    if (!item.is_string()) return wrong(name, "expected a string");
    value = item.get<std::string>();
  }
  void read(const char* name, const Json& item, bool& value) {
    if (!item.is_boolean()) return wrong(name, "expected true or false");
    value = item.get<bool>();
  }
  void read(const char* name, const Json& item, int64_t& value) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    bool is_too_large = item.is_number_unsigned() && item.get<uint64_t>() > kMax;
    if (!item.is_number_integer() || is_too_large) return wrong(name, "expected an integer");
    value = item.get<int64_t>();
  }
  void read(const char* name, const Json& item, uint64_t& value) {
    if (!item.is_number_unsigned()) return wrong(name, "expected an integer that is not negative");
    value = item.get<uint64_t>();
  }
  template <typename T>
  void read(const char* name, const Json& item, Setting<T>& value) {
    T content{};
    read(name, item, content);
    value = content;
  }
  void read(const char* name, const Json& item, std::optional<int64_t>& value) { read(name, item, value.emplace()); }
  void wrong(const char* name, const std::string& message) {
    if (!decoding_.error) decoding_.error = Error{ErrorCode::invalid, path_to(name) + ": " + message};
  }
  std::string path_to(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

  Decoding& decoding_;
  const Json& in_;
  std::string path_;
};

// Our own addition: a job that our client read from HCL tells the server what it had to leave out.
constexpr const char* kNotModelled = "NotModelled";

template <typename T>
Json encoded(const T& value) {
  Json out;
  Encoder encoder(out);
  visit_fields(encoder, value);
  return out;
}

// A driver's config is shallow; this keeps recursion over it short.
constexpr int kValueDepthMax = 64;

Result<Value> value_at_depth(const Json& json, int depth) {
  if (depth > kValueDepthMax) return fail(ErrorCode::too_large, "nested too deeply");
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_float()) return Value::number(json.get<double>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Value::number(json.get<double>());
  }
  if (json.is_number()) return Value(json.get<int64_t>());
  if (json.is_array()) {
    Value::List list;
    for (const Json& item : json) {
      auto value = value_at_depth(item, depth + 1);
      if (!value) return value;
      list.push_back(std::move(*value));
    }
    return Value(std::move(list));
  }
  if (!json.is_object()) return Value();
  Value::Object object;
  for (const auto& [key, item] : json.items()) {
    auto value = value_at_depth(item, depth + 1);
    if (!value) return value;
    object[key] = std::move(*value);
  }
  return Value(std::move(object));
}

}  // namespace

Json job_to_json(const Job& job) {
  Json out = encoded(job);
  if (!job.not_modelled.empty()) out[kNotModelled] = job.not_modelled;
  return out;
}

Json value_to_json(const Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_integer()) return value.as_integer();
  if (value.is_number()) return value.as_number();
  if (value.is_string()) return value.as_string();
  if (value.is_list()) {
    Json list = Json::array();
    for (const Value& item : value.as_list()) list.push_back(value_to_json(item));
    return list;
  }
  if (!value.is_object()) return {};
  Json object = Json::object();
  for (const auto& [key, member] : value.as_object()) object[key] = value_to_json(member);
  return object;
}

Result<Value> value_from_json(const Json& json) { return value_at_depth(json, 0); }

Result<Job> job_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorCode::invalid, "a job must be a JSON object");
  Job job;
  Decoding decoding;
  Decoder decoder(decoding, json, "");
  visit_fields(decoder, job);
  decoder.texts(kNotModelled, decoding.not_modelled);
  if (decoding.error) return fail(std::move(*decoding.error));
  job.not_modelled = std::move(decoding.not_modelled);
  return job;
}

std::string encode_job(const Job& job) { return job_to_json(job).dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<Job> decode_job(std::string_view json_text) {
  Json json = Json::parse(json_text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::invalid, "this is not valid JSON");
  // Both the job alone and a request body around it are in use.
  if (json.is_object() && json.size() >= 1 && json.contains("Job") && json["Job"].is_object())
    return job_from_json(json["Job"]);
  return job_from_json(json);
}

}  // namespace weir::scheduler
